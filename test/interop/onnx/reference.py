"""reference.py PEER [ROUNDS]: modules with If, Loop and what they compute with, made at random, by the engine (PEER) and
by the reference evaluator of the onnx package. Both must say the same."""
import random, struct, subprocess, sys, tempfile
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

ROOT = "ai.bytesandbrains"
WIDTH = 3


class Maker:
    """Nodes over vectors of WIDTH floats; `values` are those that a node may read, of all graphs around it."""

    def __init__(self, rng):
        self.rng, self.count = rng, 0

    def name(self):
        self.count += 1
        return f"v{self.count}"

    def node(self, nodes, op, inputs, **attributes):
        out = self.name()
        nodes.append(helper.make_node(op, inputs, [out], **attributes))
        return out

    def constant(self, nodes, array):
        return self.node(nodes, "Constant", [], value=numpy_helper.from_array(array))

    def condition(self, nodes, values):
        axes = self.constant(nodes, np.array([0], np.int64))
        total = self.node(nodes, "ReduceSum", [self.rng.choice(values), axes], keepdims=0)
        limit = self.constant(nodes, np.array(self.rng.choice([-20, 0, 5]), np.float32))
        return self.node(nodes, self.rng.choice(["Greater", "Less"]), [total, limit])

    def graph(self, values, depth, inputs, outputs_of):
        nodes = []
        inner = self.nodes(nodes, values, depth, self.rng.randint(1, 3))
        outputs = outputs_of(nodes, inner)
        initializers = []
        if self.rng.random() < 0.3:
            initializers.append(numpy_helper.from_array(np.float32([1, -2, 3]), self.name()))
            nodes.append(helper.make_node("Add", [outputs[-1], initializers[0].name], [self.name()]))
            outputs[-1] = nodes[-1].output[0]
        infos = [helper.make_empty_tensor_value_info(n) for n in inputs]
        return helper.make_graph(nodes, "g", infos, [helper.make_empty_tensor_value_info(n) for n in outputs],
                                 initializer=initializers)

    def fresh(self, nodes, values):
        """A value that this graph computes itself, as outputs must be."""
        return self.node(nodes, "Identity", [self.rng.choice(values)])

    def take_if(self, nodes, values, depth):
        count = self.rng.randint(1, 2)
        ends = lambda ns, vs: [self.fresh(ns, vs) for _ in range(count)]
        branches = {b: self.graph(values, depth - 1, [], ends) for b in ("then_branch", "else_branch")}
        outs = [self.name() for _ in range(count)]
        nodes.append(helper.make_node("If", [self.condition(nodes, values)], outs, **branches))
        return outs

    def take_loop(self, nodes, values, depth):
        carried, scans = self.rng.randint(1, 2), self.rng.randint(0, 2)
        rounds = self.rng.randint(0 if not scans else 1, 4)
        most = self.constant(nodes, np.array(rounds, np.int64))
        # The evaluator takes a missing condition for a false one, though the operator's text says otherwise.
        always = scans or self.rng.random() < 0.5
        go = self.constant(nodes, np.array(True)) if always else self.condition(nodes, values)
        step, on = self.name(), self.name()
        formals = [self.name() for _ in range(carried)]

        def ends(ns, vs):
            as_float = self.node(ns, "Cast", [step], to=TensorProto.FLOAT)
            vs = vs + [self.node(ns, "Add", [self.rng.choice(vs), as_float])]
            goes_on = self.condition(ns, vs) if self.rng.random() < 0.5 else self.node(ns, "Identity", [on])
            return [goes_on] + [self.fresh(ns, vs) for _ in range(carried + scans)]

        body = self.graph(values + formals, depth - 1, [step, on] + formals, ends)
        outs = [self.name() for _ in range(carried + scans)]
        first = [self.rng.choice(values) for _ in range(carried)]
        nodes.append(helper.make_node("Loop", [most, go] + first, outs, body=body))
        axes = self.constant(nodes, np.array([0], np.int64)) if scans else None
        return outs[:carried] + [self.node(nodes, "ReduceSum", [o, axes], keepdims=0) for o in outs[carried:]]

    def nodes(self, nodes, values, depth, count):
        values = list(values)
        for _ in range(count):
            kind = self.rng.random()
            if depth and kind < 0.3:
                values += self.take_if(nodes, values, depth)
            elif depth and kind < 0.6:
                values += self.take_loop(nodes, values, depth)
            elif kind < 0.8:
                values.append(self.node(nodes, self.rng.choice(["Neg", "Abs", "Relu", "Tanh"]), [self.rng.choice(values)]))
            else:
                pair = [self.rng.choice(values), self.rng.choice(values)]
                values.append(self.node(nodes, self.rng.choice(["Add", "Sub"]), pair))
        return values


def artifact(nodes, outputs):
    for n in nodes:
        n.domain = "ai.onnx"
    mark_inner(nodes)
    infos = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [WIDTH])]
    infos[0].type.denotation = ROOT + ".tensor.f32"
    f = helper.make_function("", "M#1", ["x"], outputs, nodes, [])
    f.value_info.extend(infos)
    f.metadata_props.add(key=ROOT + ".module_phase", value="body")
    model = helper.make_model(helper.make_graph([], "", [], []), functions=[f])
    model.ClearField("graph")
    model.metadata_props.add(key=ROOT + ".compiled", value="v1")
    return model.SerializeToString()


def mark_inner(nodes):
    for n in nodes:
        n.domain = "ai.onnx"
        for a in n.attribute:
            if a.HasField("g"):
                mark_inner(a.g.node)


def wire(x):
    shape = struct.pack("<Q", x.ndim) + b"".join(struct.pack("<Q", d) for d in x.shape)
    return b"\1" + shape + struct.pack("<Q", x.size) + x.astype("<f4").tobytes() + shape


def ours(peer, folder, data, x):
    (folder / "m.onnx").write_bytes(data)
    (folder / "x").write_bytes(wire(x))
    run = subprocess.run([peer, folder / "m.onnx", f"x={folder / 'x'}"], capture_output=True, text=True, timeout=60)
    values = {}
    for line in run.stdout.splitlines():
        head, _, numbers = line.partition(" :")
        if line.startswith("failed:") or not _:
            return line
        name, *dims = head.split()
        values[name] = np.array([float(n) for n in numbers.split()], np.float32).reshape([int(d) for d in dims])
    return values


def main():
    peer, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    held = 0
    with tempfile.TemporaryDirectory() as place:
        for seed in range(rounds):
            rng = random.Random(seed)
            nodes, maker = [], Maker(rng)
            values = maker.nodes(nodes, ["x"], 3, 4)
            outputs = [maker.fresh(nodes, values) for _ in range(2)] + [maker.node(nodes, "Identity", [values[-1]])]
            x = np.array([rng.randint(-4, 4) for _ in range(WIDTH)], np.float32)
            graph = helper.make_graph(nodes, "m", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [WIDTH])],
                                      [helper.make_empty_tensor_value_info(o) for o in outputs])
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
            expected = dict(zip(outputs, ReferenceEvaluator(model).run(None, {"x": x})))
            held += sum(n.op_type in ("If", "Loop") for n in nodes)
            found = ours(peer, Path(place), artifact(list(model.graph.node), outputs), x)
            same = isinstance(found, dict) and all(
                o in found and found[o].shape == e.shape and np.allclose(found[o], e, 1e-5, 1e-5) for o, e in expected.items())
            if not same:
                sys.exit(f"seed {seed}: engine {found}, reference {expected}")
    print(f"{rounds} modules with {held} operations that hold graphs: both say the same")


if __name__ == "__main__":
    main()
