// The C++ library's figures for bench/capnp_bench.c, measured in the same way: the best of 50 rounds, nanoseconds per call.
#include "interop.capnp.h"
#include <capnp/rpc-twoparty.h>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <kj/async-io.h>
#include <kj/vector.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace
{
constexpr int ROUNDS = 50, LINKS = 64, PER_LINK = 4, WINDOW = 64, CHUNKS = 256, DEPTH = 4;

class SinkImpl final : public Sink::Server
{
  public:
    kj::Promise<void> write(WriteContext context) override
    {
        bytes += context.getParams().getChunk().size();
        return kj::READY_NOW;
    }
    kj::Promise<void> done(DoneContext context) override
    {
        context.getResults().setBytes(bytes);
        return kj::READY_NOW;
    }

  private:
    uint64_t bytes = 0;
};

class FactoryImpl final : public Factory::Server
{
  public:
    kj::Promise<void> ping(PingContext context) override
    {
        context.getResults().setN(context.getParams().getN());
        return kj::READY_NOW;
    }
    kj::Promise<void> blob(BlobContext context) override
    {
        auto d = context.getParams().getD();
        uint32_t sum = 0;
        for (size_t i = 0; i < d.size(); i += 64) sum += d[i];
        context.getResults().setLen(d.size());
        context.getResults().setSum(sum);
        return kj::READY_NOW;
    }
    kj::Promise<void> make(MakeContext context) override
    {
        context.getResults().setCap(kj::heap<FactoryImpl>());
        return kj::READY_NOW;
    }
    kj::Promise<void> take(TakeContext) override { return kj::READY_NOW; }
    kj::Promise<void> swap(SwapContext context) override
    {
        context.getResults().setCap(context.getParams().getCap());
        return kj::READY_NOW;
    }
    kj::Promise<void> sink(SinkContext context) override
    {
        context.getResults().setSink(kj::heap<SinkImpl>());
        return kj::READY_NOW;
    }
};

template <typename F> void measure(const char *name, int count, F &&round)
{
    double best = 1e18;
    round(count); // warm
    for (int i = 0; i < ROUNDS; i++) {
        auto start = std::chrono::steady_clock::now();
        round(count);
        std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
        if (time.count() < best) best = time.count();
    }
    printf("%s %.0f\n", name, best / count);
    fflush(stdout);
}

template <typename F> void one_by_one(const char *name, int count, F &&call)
{
    measure(name, count, [&](int n) {
        for (int i = 0; i < n; i++) call();
    });
}

void ping(Echo::Client &echo, kj::WaitScope &wait)
{
    auto request = echo.pingRequest();
    request.setN(7);
    request.send().wait(wait);
}

// Each answer sends the next call, until none is left.
kj::Promise<void> refill(Echo::Client &echo, int &left)
{
    if (left == 0) return kj::READY_NOW;
    left--;
    auto request = echo.pingRequest();
    request.setN(7);
    return request.send().then([&echo, &left](auto &&) { return refill(echo, left); });
}

void in_flight(kj::Vector<Echo::Client> &echoes, int per_link, int count, kj::WaitScope &wait)
{
    kj::Vector<kj::Promise<void>> streams;
    for (auto &echo : echoes)
        for (int i = 0; i < per_link; i++) streams.add(refill(echo, count));
    kj::joinPromises(streams.releaseAsArray()).wait(wait);
}

void chain(Echo::Client echo, kj::WaitScope &wait)
{
    for (int i = 0; i < DEPTH; i++) echo = echo.makeRequest().send().getCap();
    echo.pingRequest().send().wait(wait);
}

void stream(Factory::Client &factory, int count, kj::WaitScope &wait)
{
    static const kj::byte chunk[16384] = {};
    auto sink = factory.sinkRequest().send().getSink();
    for (int i = 0; i < count; i++) {
        auto request = sink.writeRequest();
        request.setChunk(kj::arrayPtr(chunk, sizeof chunk));
        request.send().wait(wait);
    }
    sink.doneRequest().send().wait(wait);
}

void memory(kj::AsyncIoContext &io)
{
    auto pipe = kj::newTwoWayPipe();
    capnp::TwoPartyClient server(*pipe.ends[0], kj::heap<FactoryImpl>(), capnp::rpc::twoparty::Side::SERVER);
    capnp::TwoPartyClient client(*pipe.ends[1]);
    auto echo = client.bootstrap().castAs<Echo>();
    one_by_one("B1_memory_cpp", 2000, [&] { ping(echo, io.waitScope); });
}

void serve(int sockets[][2])
{
    auto io = kj::setupAsyncIo();
    kj::Vector<kj::Own<kj::AsyncIoStream>> streams;
    kj::Vector<kj::Own<capnp::TwoPartyClient>> links;
    for (int i = 0; i < LINKS; i++) {
        close(sockets[i][1]);
        streams.add(io.lowLevelProvider->wrapSocketFd(sockets[i][0]));
        links.add(kj::heap<capnp::TwoPartyClient>(*streams.back(), kj::heap<FactoryImpl>(),
                                                  capnp::rpc::twoparty::Side::SERVER));
    }
    links[0]->onDisconnect().wait(io.waitScope);
}

void drive(int sockets[][2])
{
    auto io = kj::setupAsyncIo();
    memory(io);
    kj::Vector<kj::Own<kj::AsyncIoStream>> streams;
    kj::Vector<kj::Own<capnp::TwoPartyClient>> links;
    for (int i = 0; i < LINKS; i++) {
        close(sockets[i][0]);
        streams.add(io.lowLevelProvider->wrapSocketFd(sockets[i][1]));
        links.add(kj::heap<capnp::TwoPartyClient>(*streams.back()));
    }
    auto factory = links[0]->bootstrap().castAs<Factory>();
    Echo::Client echo = factory;
    auto &wait = io.waitScope;
    one_by_one("B1_unix", 500, [&] { ping(echo, wait); });
    measure("B2_64_unix", 2000, [&](int n) {
        kj::Vector<Echo::Client> one;
        one.add(echo);
        in_flight(one, WINDOW, n, wait);
    });
    one_by_one("B3_depth4_unix", 200, [&] { chain(echo, wait); });
    one_by_one("B4_64k_unix", 50, [&] {
        auto request = echo.blobRequest();
        request.initD(65536);
        request.send().wait(wait);
    });
    one_by_one("B5_take_unix", 300, [&] {
        auto request = echo.takeRequest();
        request.setCap(kj::heap<FactoryImpl>());
        request.send().wait(wait);
    });
    one_by_one("B5_swap_unix", 300, [&] {
        auto request = echo.swapRequest();
        request.setCap(kj::heap<FactoryImpl>());
        request.send().wait(wait);
    });
    measure("B6_64_unix", 4000, [&](int n) {
        kj::Vector<Echo::Client> echoes;
        for (auto &link : links) echoes.add(link->bootstrap().castAs<Echo>());
        in_flight(echoes, PER_LINK, n, wait);
    });
    measure("B7_stream_unix", CHUNKS, [&](int n) { stream(factory, n, wait); });
}
} // namespace

int main()
{
    int sockets[LINKS][2];
    for (auto &pair : sockets)
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 1;
    pid_t pid = fork();
    if (pid == 0) {
        serve(sockets);
        _exit(0);
    }
    drive(sockets);
    kill(pid, SIGTERM);
    waitpid(pid, nullptr, 0);
    return 0;
}
