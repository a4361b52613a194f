// The C++ side of the interop tests: peer {serve|drive} ADDRESS SCENARIO. Prints one JSON line; exit status 0 for ok.
#include "interop.capnp.h"
#include <capnp/ez-rpc.h>
#include <capnp/rpc-twoparty.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <kj/async-io.h>
#include <kj/debug.h>
#include <unistd.h>

namespace
{
class FactoryImpl;
unsigned live = 0;

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
    FactoryImpl() { live++; }
    ~FactoryImpl() noexcept(false) { live--; }

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
    kj::Promise<void> back(BackContext context) override
    {
        auto d = context.getResults().initD(context.getParams().getLen());
        memset(d.begin(), 0x5a, d.size());
        return kj::READY_NOW;
    }
    kj::Promise<void> all(AllContext context) override
    {
        context.getResults().setV(context.getParams().getV());
        return kj::READY_NOW;
    }
    kj::Promise<void> fail(FailContext context) override
    {
        return kj::Exception(kj::Exception::Type(context.getParams().getType()), __FILE__, __LINE__,
                             kj::str(context.getParams().getText()));
    }
    kj::Promise<void> never(NeverContext context) override
    {
        context.allowCancellation();
        return kj::NEVER_DONE;
    }
    kj::Promise<void> order(OrderContext context) override
    {
        auto expected = context.getParams().getExpected();
        auto n = count++;
        KJ_REQUIRE(n == expected, "out of order", n, expected);
        context.getResults().setN(n);
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
    kj::Promise<void> counts(CountsContext context) override
    {
        context.getResults().setLive(live);
        return kj::READY_NOW;
    }
    kj::Promise<void> hold(HoldContext context) override
    {
        held_ = context.getParams().getCap();
        return kj::READY_NOW;
    }
    kj::Promise<void> held(HeldContext context) override
    {
        context.getResults().setCap(held_);
        return kj::READY_NOW;
    }
    kj::Promise<void> callHeld(CallHeldContext context) override
    {
        auto request = held_.orderRequest();
        request.setExpected(context.getParams().getExpected());
        return request.send().then(
            [context](auto &&response) mutable { context.getResults().setN(response.getN()); });
    }
    kj::Promise<void> promise(PromiseContext context) override
    {
        auto paf = kj::newPromiseAndFulfiller<Echo::Client>();
        fulfiller = kj::mv(paf.fulfiller);
        context.getResults().setCap(kj::mv(paf.promise));
        return kj::READY_NOW;
    }
    kj::Promise<void> settle(SettleContext context) override
    {
        switch (context.getParams().getKind()) {
        case 0: fulfiller->fulfill(kj::heap<FactoryImpl>()); break;
        case 1: fulfiller->fulfill(context.getParams().getCap()); break;
        case 2: fulfiller->fulfill(Echo::Client(nullptr)); break;
        case 3: fulfiller->reject(KJ_EXCEPTION(FAILED, "settled badly")); break;
        default: fulfiller->fulfill(kj::cp(held_)); break;
        }
        return kj::READY_NOW;
    }
    kj::Promise<void> tail(TailContext context) override
    {
        auto request = context.getParams().getTarget().orderRequest();
        request.setExpected(context.getParams().getExpected());
        return request.send().then(
            [context](auto &&response) mutable { context.getResults().setN(response.getN()); });
    }
    kj::Promise<void> nest(NestContext) override { return kj::READY_NOW; }
    kj::Promise<void> sink(SinkContext context) override
    {
        context.getResults().setSink(kj::heap<SinkImpl>());
        return kj::READY_NOW;
    }

  private:
    uint32_t count = 0;
    Echo::Client held_ = nullptr;
    kj::Own<kj::PromiseFulfiller<Echo::Client>> fulfiller;
};

int drive(capnp::EzRpcClient &client, const char *scenario)
{
    auto &wait = client.getWaitScope();
    auto factory = client.getMain<Factory>();
    if (strcmp(scenario, "ping") == 0) {
        for (uint64_t i = 0; i < 100; i++) {
            auto request = factory.pingRequest();
            request.setN(i);
            KJ_REQUIRE(request.send().wait(wait).getN() == i);
        }
    } else if (strcmp(scenario, "pipeline") == 0) {
        auto made = factory.makeRequest().send().getCap();
        for (uint32_t i = 0; i < 5; i++) {
            auto request = made.orderRequest();
            request.setExpected(i);
            KJ_REQUIRE(request.send().wait(wait).getN() == i);
        }
    } else if (strcmp(scenario, "embargo") == 0) {
        Echo::Client mine = kj::heap<FactoryImpl>();
        auto request = factory.swapRequest();
        request.setCap(mine);
        auto response = request.send();
        auto back = response.getCap();
        kj::Vector<capnp::RemotePromise<Echo::OrderResults>> results;
        for (uint32_t i = 0; i < 3; i++) {
            auto order = back.orderRequest();
            order.setExpected(i);
            results.add(order.send());
        }
        response.wait(wait);
        for (uint32_t i = 3; i < 6; i++) {
            auto order = back.orderRequest();
            order.setExpected(i);
            results.add(order.send());
        }
        for (auto &r : results) r.wait(wait);
    } else if (strcmp(scenario, "promise") == 0) {
        auto promise = factory.promiseRequest().send().getCap();
        auto order = promise.orderRequest();
        order.setExpected(0);
        auto first = order.send();
        auto settle = factory.settleRequest();
        settle.setKind(1);
        settle.setCap(kj::heap<FactoryImpl>());
        settle.send().wait(wait);
        first.wait(wait);
        auto again = promise.orderRequest();
        again.setExpected(1);
        again.send().wait(wait);
    } else if (strcmp(scenario, "all") == 0) {
        auto request = factory.allRequest();
        auto v = request.initV();
        v.setText("from c++");
        v.initBools(9).set(8, true);
        v.setF64(2.5);
        v.getInner().setDefault(true);
        v.setEcho(kj::heap<FactoryImpl>());
        auto answer = request.send().wait(wait);
        auto back = answer.getV();
        KJ_REQUIRE(back.getText() == "from c++" && back.getBools()[8] && back.getF64() == 2.5 && back.getI8() == -128 &&
                   back.getInner().getDefault() && back.getData().size() == 3);
    } else if (strcmp(scenario, "fail") == 0) {
        auto request = factory.failRequest();
        request.setType(1);
        request.setText("because");
        bool failed = false;
        request.send().then([](auto &&) {}, [&](kj::Exception &&e) {
            failed = e.getType() == kj::Exception::Type::OVERLOADED && strstr(e.getDescription().cStr(), "because");
        }).wait(wait);
        KJ_REQUIRE(failed);
    } else if (strcmp(scenario, "cancel") == 0) {
        for (int i = 0; i < 10; i++) {
            auto request = factory.neverRequest();
            request.setCap(kj::heap<FactoryImpl>());
            auto pending = request.send();
            factory.pingRequest().send().wait(wait);
        }
        factory.pingRequest().send().wait(wait);
    } else if (strcmp(scenario, "stream") == 0) {
        auto sink = factory.sinkRequest().send().getSink();
        for (int i = 0; i < 64; i++) {
            auto request = sink.writeRequest();
            request.initChunk(16384);
            request.send().wait(wait);
        }
        KJ_REQUIRE(sink.doneRequest().send().wait(wait).getBytes() == 64 * 16384);
    } else if (strcmp(scenario, "tail") == 0) {
        auto request = factory.tailRequest();
        request.setTarget(kj::heap<FactoryImpl>());
        request.setExpected(0);
        KJ_REQUIRE(request.send().wait(wait).getN() == 0);
    } else {
        KJ_FAIL_REQUIRE("no such scenario", scenario);
    }
    if (strcmp(scenario, "all") != 0) {
        auto counts = factory.countsRequest().send().wait(wait);
        (void)counts;
    }
    KJ_REQUIRE(live == 0 || strcmp(scenario, "cancel") == 0 || live <= 1, live);
    return 0;
}
} // namespace

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    const char *scenario = argc > 3 ? argv[3] : "";
    const char *address = strncmp(argv[2], "tcp:", 4) == 0 ? argv[2] + 4 : argv[2];
    try {
        if (strcmp(argv[1], "serve") == 0) {
            capnp::EzRpcServer server(kj::heap<FactoryImpl>(), address);
            auto port = server.getPort().wait(server.getWaitScope());
            if (port)
                printf("ready tcp:127.0.0.1:%u\n", port);
            else
                printf("ready %s\n", argv[2]);
            fflush(stdout);
            kj::NEVER_DONE.wait(server.getWaitScope());
        }
        capnp::EzRpcClient client(address);
        int status = drive(client, scenario);
        printf("{\"scenario\": \"%s\", \"ok\": true}\n", scenario);
        return status;
    } catch (kj::Exception &e) {
        printf("{\"scenario\": \"%s\", \"ok\": false, \"why\": \"%s\"}\n", scenario, e.getDescription().cStr());
        return 1;
    }
}
