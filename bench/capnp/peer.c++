// The C++ library's figures for bench/capnp_bench.c: B1_memory, B1_unix, B4_64k_unix; nanoseconds per call, one a line.
#include "interop.capnp.h"
#include <capnp/rpc-twoparty.h>
#include <chrono>
#include <cstdio>
#include <kj/async-io.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace
{
class EchoImpl final : public Echo::Server
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
};

template <typename F> double measure(int count, F &&call)
{
    for (int i = 0; i < count / 10; i++) call();
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; i++) call();
    std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    return time.count() / count;
}

void ping(Echo::Client &echo, kj::WaitScope &wait)
{
    auto request = echo.pingRequest();
    request.setN(7);
    request.send().wait(wait);
}

void memory(kj::AsyncIoContext &io)
{
    auto pipe = kj::newTwoWayPipe();
    capnp::TwoPartyClient server(*pipe.ends[0], kj::heap<EchoImpl>(), capnp::rpc::twoparty::Side::SERVER);
    capnp::TwoPartyClient client(*pipe.ends[1]);
    auto echo = client.bootstrap().castAs<Echo>();
    printf("B1_memory %.0f\n", measure(20000, [&] { ping(echo, io.waitScope); }));
}

void serve(int fd)
{
    auto io = kj::setupAsyncIo();
    auto stream = io.lowLevelProvider->wrapSocketFd(fd);
    capnp::TwoPartyClient server(*stream, kj::heap<EchoImpl>(), capnp::rpc::twoparty::Side::SERVER);
    server.onDisconnect().wait(io.waitScope);
}
} // namespace

int main()
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) return 1;
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[1]);
        serve(fds[0]);
        _exit(0);
    }
    close(fds[0]);
    {
        auto io = kj::setupAsyncIo();
        memory(io);
        auto stream = io.lowLevelProvider->wrapSocketFd(fds[1]);
        capnp::TwoPartyClient client(*stream);
        auto echo = client.bootstrap().castAs<Echo>();
        printf("B1_unix %.0f\n", measure(20000, [&] { ping(echo, io.waitScope); }));
        printf("B4_64k_unix %.0f\n", measure(2000, [&] {
                   auto request = echo.blobRequest();
                   request.initD(65536);
                   request.send().wait(io.waitScope);
               }));
    }
    close(fds[1]);
    waitpid(pid, nullptr, 0);
    return 0;
}
