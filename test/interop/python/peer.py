"""The Python side of the interop tests: peer {serve|drive} unix:PATH SCENARIO. Prints one JSON line; exit status 0 for ok.

pycapnp wraps a newer C++ library (1.4) than the installed package."""

import asyncio
import json
import os
import sys

import capnp

capnp.remove_import_hook()
interop = capnp.load(os.path.join(os.path.dirname(__file__), "..", "interop.capnp"), imports=["/usr/include"])


class Sink(interop.Sink.Server):
    def __init__(self):
        self.bytes = 0

    async def write(self, chunk, _context, **_):
        self.bytes += len(chunk)

    async def done(self, _context, **_):
        return self.bytes


class Maker(interop.Factory.Server):
    """A handler cannot return a promise of its own making, but what a call will bring is one."""

    def __init__(self):
        self.settled = asyncio.get_running_loop().create_future()

    async def later(self, _context, **_):
        return await self.settled


class Factory(interop.Factory.Server):
    def __init__(self):
        self.count = 0
        self.kept = None
        self.maker = None

    async def ping(self, n, _context, **_):
        return n

    async def blob(self, d, _context, **_):
        _context.results.len = len(d)
        _context.results.sum = sum(d[::64])

    async def all(self, v, _context, **_):
        _context.results.v = v

    async def never(self, cap, _context, **_):
        await asyncio.Event().wait()

    async def order(self, expected, _context, **_):
        n, self.count = self.count, self.count + 1
        if n != expected:
            raise RuntimeError(f"call {expected} came as {n}")
        return n

    async def make(self, _context, **_):
        return Factory()

    async def take(self, cap, _context, **_):
        pass

    async def swap(self, cap, _context, **_):
        return cap

    async def counts(self, _context, **_):
        pass

    async def hold(self, cap, _context, **_):
        self.kept = cap

    async def held(self, _context, **_):
        return self.kept

    async def promise(self, _context, **_):
        self.maker = Maker()
        return interop.Factory._new_client(self.maker).later().cap

    async def settle(self, kind, cap, _context, **_):
        maker, self.maker = self.maker, None
        maker.settled.set_result(cap if kind == 1 else Factory())

    async def tail(self, target, expected, _context, **_):
        return (await target.order(expected)).n

    async def sink(self, _context, **_):
        return Sink()


async def ping(root):
    for n in range(100):
        assert (await root.ping(n)).n == n


async def pipeline(root):
    made = root.make().cap
    orders = [made.order(n) for n in range(5)]
    for n, order in enumerate(orders):
        assert (await order).n == n


async def embargo(root):
    swap = root.swap(Factory())
    back = swap.cap
    orders = [back.order(n) for n in range(3)]
    await swap
    orders += [back.order(n) for n in range(3, 6)]
    for n, order in enumerate(orders):
        assert (await order).n == n


async def promise(root):
    cap = root.promise().cap
    first = cap.order(0)
    await root.settle(1, Factory())
    await first
    assert (await cap.order(1)).n == 1


async def all(root):
    v = interop.AllTypes.new_message(text="from python", f64=2.5, word="member")
    v.init("bools", 9)[8] = True
    v.inner.default = True
    back = (await root.all(v)).v
    assert back.text == "from python" and back.bools[8] and back.f64 == 2.5 and back.i8 == -128
    assert back.inner.default and back.word == "member" and len(back.data) == 3


async def fail(root):
    try:
        await root.fail(1, "because")
    except capnp.KjException as e:
        assert e.type == "OVERLOADED" and "because" in e.description, e
        return
    raise AssertionError("did not fail")


async def cancel(root):
    for n in range(10):
        never = root.never(Factory())
        assert (await root.ping(n)).n == n
        never.cancel()
    assert (await root.ping(7)).n == 7


async def stream(root):
    sink = root.sink().sink
    for _ in range(64):
        await sink.write(bytes(16384))
    assert (await sink.done()).bytes == 64 * 16384


async def tail(root):
    assert (await root.tail(Factory(), 0)).n == 0


async def serve(path):
    async def connected(connection):
        await capnp.TwoPartyServer(connection, bootstrap=Factory()).on_disconnect()

    server = await capnp.AsyncIoStream.create_unix_server(connected, path)
    print(f"ready unix:{path}", flush=True)
    async with server:
        await server.serve_forever()


async def drive(path, scenario):
    connection = await capnp.AsyncIoStream.create_unix_connection(path)
    root = capnp.TwoPartyClient(connection).bootstrap().cast_as(interop.Factory)
    await globals()[scenario](root)
    await ping(root)


def main():
    command, address = sys.argv[1:3]
    path = address.removeprefix("unix:")
    if command == "serve":
        asyncio.run(capnp.run(serve(path)))
    outcome = {"scenario": sys.argv[3], "ok": True}
    try:
        asyncio.run(capnp.run(asyncio.wait_for(drive(path, sys.argv[3]), 20)))
    except Exception as e:  # whatever it was, it is the outcome
        outcome.update(ok=False, why=f"{type(e).__name__}: {e}")
    print(json.dumps(outcome))
    sys.exit(not outcome["ok"])


main()
