"""A client of the upstream schemas at a node's operator socket. It knows nothing of operators.

all SOCKET WW COMPONENT   uses everything that a session holds, and sees it go stale
graft SOCKET [KEY]        grafts, with a signer if there is a KEY, a file as `ww keygen` makes it; prints what came of it
"""

import asyncio
import json
import os
import struct
import subprocess
import sys
import tempfile

import capnp

capnp.remove_import_hook()
root = os.path.join(os.path.dirname(__file__), "..", "..")
imports = [os.path.join(root, "tools", "capnpc", "include"), "/usr/include"]
stem = capnp.load(os.path.join(root, "capnp", "stem.capnp"), imports=imports)
membrane = capnp.load(os.path.join(root, "capnp", "membrane.capnp"), imports=imports)
STALE = "staleEpoch: session epoch no longer current"


def ww(*words):
    return subprocess.run([sys.argv[3], *words], check=True, capture_output=True, text=True).stdout


class Signer(stem.Signer.Server):
    """Signs with the openssl command: it wants the seed in a DER of PKCS #8."""

    def __init__(self, key_file):
        with open(key_file) as f:
            self.key = bytes.fromhex("302e020100300506032b657004220420") + bytes.fromhex(f.read())
        self.domains = []

    async def sign(self, domain, nonce, _context, **_):
        self.domains.append(domain)
        text = domain.encode()
        with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as challenge:
            key.write(self.key)
            key.flush()
            challenge.write(struct.pack(">I", len(text)) + text + struct.pack(">Q", nonce))
            challenge.flush()
            return subprocess.run(
                ["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", key.name, "-in", challenge.name],
                check=True, capture_output=True).stdout


async def connect(path):
    return capnp.TwoPartyClient(await capnp.AsyncIoStream.create_unix_connection(path))


async def graft(link):
    session = (await link.bootstrap().cast_as(stem.Membrane).graft()).session
    return session, session.extension.as_struct(membrane.WetwareSession)


async def read_all(stream):
    data = b""
    while piece := (await stream.read(maxBytes=1 << 20)).data:
        data += piece
    return data


async def is_stale(call):
    try:
        await call
    except capnp.KjException as e:
        return STALE in str(e)
    return False


async def graft_only(path, key_file=None):
    link = await connect(path)
    signer = Signer(key_file) if key_file else None
    try:
        root = link.bootstrap().cast_as(stem.Membrane)
        session = (await (root.graft(signer=signer) if signer else root.graft())).session
    except capnp.KjException as e:
        print(str(e).splitlines()[0].split("remote exception: ")[-1])
        return
    held = session.extension.as_struct(membrane.WetwareSession)
    print((await held.executor.echo(message=signer.domains[0] if signer else "")).response)


async def use_all(path, _, component):
    link = await connect(path)
    session, held = await graft(link)
    assert session.issuedEpoch.seq == 0
    assert (await session.statusPoller.pollStatus()).status == "ok"
    identity = json.loads(ww("id", "--json"))
    assert (await held.host.id()).peerId.hex() == identity["multihash"]
    assert (await held.executor.echo(message="there")).response == "Echo: there"

    with open(component, "rb") as f:
        wasm = f.read()
    process = (await held.executor.runBytes(wasm=wasm, args=["exit_with_code", "7"], env=[])).process
    assert (await process.wait()).exitCode == 7
    assert (await process.wait()).exitCode == 7, "asked twice"

    lines = os.path.join(os.path.dirname(component), "lines.wasm")
    with open(lines, "rb") as f:
        wasm = f.read()
    process = (await held.executor.runBytes(wasm=wasm, args=["lines"], env=[])).process
    stdin, stdout = (await process.stdin()).stream, (await process.stdout()).stream
    await stdin.write(data=b"one\ntwo\n")
    await stdin.close()
    assert await read_all(stdout) == b"1: one\n2: two\nend 2\n", "its output"
    assert (await process.wait()).exitCode == 0

    running = (await held.executor.runBytes(wasm=wasm, args=["lines"], env=[])).process
    stdin, stdout, stderr = [(await getattr(running, n)()).stream for n in ("stdin", "stdout", "stderr")]
    with open(os.path.join(os.path.dirname(component), "sleep.wasm"), "rb") as f:
        asleep = (await held.executor.runBytes(wasm=f.read(), args=["sleep", "60000"], env=[])).process
    pending = asyncio.ensure_future(is_stale(running.wait()))
    await asyncio.sleep(0)
    ww("epoch", "advance", "--socket", path)
    old = {
        "poller": session.statusPoller.pollStatus(),
        "host": held.host.id(),
        "host.executor": held.host.executor(),
        "executor": held.executor.echo(message="there"),
        "runBytes": held.executor.runBytes(wasm=wasm, args=[], env=[]),
        "process": running.wait(),
        "process of before": process.wait(),
        "another process": asleep.wait(),
        "stdin": stdin.write(data=b"three\n"),
        "stdout": stdout.read(maxBytes=1),
        "stderr": stderr.read(maxBytes=1),
    }
    for name, call in old.items():
        assert await is_stale(call), f"{name} is not stale"
    assert await pending, "the call that waited is not stale"
    cells = json.loads(ww("ps", "--json", "--socket", path))["cells"]
    assert [c["state"] for c in cells if c["name"] == "sleep"] == ["ending"], cells

    session, held = await graft(link)
    assert session.issuedEpoch.seq == 1
    assert (await held.executor.echo(message="again")).response == "Echo: again"
    print("all as it should be")


asyncio.run(capnp.run({"all": use_all, "graft": graft_only}[sys.argv[1]](*sys.argv[2:])))
