"""From a Graph to a Program: operations, gradient rules and updates as the NumPy that they are.

Each is run once more, on arrays that write down what is done with them (`traced`). So there is no
second list of what operations compute, or of their gradients.
"""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import OperationError, TinygradError
from ..graphs import Applied, Contribution, Graph, Seed, Step, Update, Value
from ..ops import fit, table
from ..tensor import Tensor
from .numbers import Number
from .program import Node, Program, Write
from .traced import Draws, NoForm, Tape, Traced


@dataclass
class Sources:
    """Where values come from that no step made, by their identity.

    Attributes
    ----------
    leaves : dict of int to Tensor or ndarray
        What was there before the function ran: it is read anew at each call.
    gradients : dict of int to Tensor
        The leaf that it was the gradient of.
    draws : dict of int to (callable, Generator or None)
        What draws random numbers, and from which generator.
    given : dict of int to Value or ndarray
        A gradient of the user's that a backward pass began with.
    expected : list of (Value, int)
        Truths that must hold, each with how many steps come before.
    """

    leaves: dict[int, Any] = field(default_factory=dict)
    gradients: dict[int, Tensor] = field(default_factory=dict)
    draws: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    given: dict[int, Any] = field(default_factory=dict)
    expected: list[tuple[Value, int]] = field(default_factory=list)


def lowered(
    graph: Graph,
    arguments: list[Value],
    outputs: list[Value],
    gradients: list[Value],
    sources: Sources,
) -> Program:
    """The program that does what a Graph tells.

    Parameters
    ----------
    graph : Graph
        Of a traced function.
    arguments : list of Value
        What is given anew at each call, in order.
    outputs : list of Value
        What is returned.
    gradients : list of Value
        What else is wanted.
    sources : Sources

    Raises
    ------
    OperationError
        If a step can't be written as calls of NumPy: names its line.
    """
    return _Lowering(graph, arguments, sources).program(outputs, gradients)


class _Lowering:
    def __init__(self, graph: Graph, arguments: list[Value], sources: Sources):
        self.graph = graph
        self.tape = Tape()
        self.sources = sources
        self.draws = dict(sources.draws)  # those that are yet to come
        self.nodes: dict[int, Node] = {}  # by the identity of the Value
        self.sums: dict[int, Node] = {}  # of gradients so far, by what they are of
        self.tensors = {id(value): t for t, value in reversed(graph._tensors)}
        self.first: dict[int, Node] = {}  # what a leaf was at the beginning, by its array
        self.last: dict[int, Node] = {}  # and is now
        self.generators: dict[int, Node] = {}
        self.states: dict[tuple[int, int, str], tuple[Node, Node]] = {}  # first and last
        self.arguments = [self._leaf("argument", value) for value in arguments]

    def program(self, outputs: list[Value], gradients: list[Value]) -> Program:
        with np.errstate(all="warn", under="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for count, step in enumerate(self.graph):
                self._expect(count)
                self.tape.source = step
                with told(step):
                    self._lower(step)
            self._expect(len(self.graph))
            results: list[Any] = [self.node(value) for value in outputs]
            wanted = [self.node(value) for value in gradients]
        writes = [Write(self.first[key], self.last[key]) for key in self.last]
        writes += [Write(first, last) for first, last in self.states.values() if first is not last]
        if not results and not wanted and not any(w.target.function == "number" for w in writes):
            results = [True]  # a program that returns None couldn't go on
        nodes = self.tape.nodes
        return Program(self.graph.title, nodes, self.arguments, results, writes, wanted)

    def _expect(self, count: int) -> None:
        """Whatever holds before the step of this number."""
        for value, at in self.sources.expected:
            if at == count:
                self.tape.nodes.append(Node("guard", (self.node(value), True), {}, True))

    # ---- what is there -----------------------------------------------------------------------

    def _leaf(self, kind: str, value: Value, of: Any = None) -> Node:
        node = Node(kind, (), {}, np.array(value.array, order="K"), of=of, label=value.name)
        self.nodes[id(value)] = node
        return node

    def node(self, value: Value) -> Node:
        """What stands for a Value."""
        if id(value) in self.nodes:
            return self.nodes[id(value)]
        if id(value) in self.draws:
            return self._drawn(value)
        if id(value) in self.sources.gradients:
            return self._leaf("gradient", value, self.sources.gradients[id(value)])
        source = self.sources.leaves.get(id(value))
        if isinstance(source, Tensor):
            node = self._leaf("tensor", value, source)
            self.first[id(source._data)] = node
            return node
        if isinstance(source, np.ndarray):
            return self._leaf("array", value, source)
        return self._leaf("constant", value)

    def _drawn(self, value: Value) -> Node:
        """Random numbers; those that were drawn before come before, also here."""
        while id(value) in self.draws:
            key = next(iter(self.draws))
            sample, rng = self.draws.pop(key)
            if isinstance(rng, int | np.integer):  # the same at each call
                self.nodes[key] = Node("constant", (), {}, sample(np.random.default_rng(rng)))
                continue
            made = sample(Draws(self.tape, self._generator(rng)))
            self.nodes[key] = made.node
        return self.nodes[id(value)]

    def _generator(self, rng: Any) -> Node:
        if id(rng) not in self.generators:
            self.generators[id(rng)] = Node("generator", of=rng, label="rng")
        return self.generators[id(rng)]

    def traced(self, x: Any) -> Any:
        """What stands for an operand: numbers for themselves."""
        if isinstance(x, Value):
            node = self.node(x)
            if isinstance(node.example, np.generic):  # what a Tensor holds is an array
                node.example = np.asarray(node.example)
            return Traced(self.tape, node)
        if isinstance(x, tuple | list) and type(x) in (tuple, list):
            return type(x)([self.traced(part) for part in x])
        return x

    def _know(self, value: Value, made: Any) -> Node:
        """What a step made is what it was when the computation was traced, or it isn't used."""
        if not isinstance(made, Traced):
            array = np.asarray(made)
            made = Traced(self.tape, Node("constant", (), {}, array))
        if made.shape != value.shape or made.dtype != value.dtype:
            raise NoForm(
                f"it gives {made.dtype} {made.shape} where {value.dtype} {value.shape} was computed"
            )
        if not made.node.is_leaf and not made.node.label:
            made.node.label = self._called(value)
        self.nodes[id(value)] = made.node
        return made.node  # type: ignore[no-any-return]

    def _called(self, value: Value) -> str:
        step = self.tape.source
        return f"g_{step.to.name}" if isinstance(step, Contribution) else value.name

    # ---- steps -------------------------------------------------------------------------------

    def _lower(self, step: Step) -> None:
        if isinstance(step, Applied):
            self._applied(step)
        elif isinstance(step, Contribution):
            self._contribution(step)
        elif isinstance(step, Seed):
            given = self.sources.given.get(id(step.output))
            if isinstance(given, Value):
                self.nodes[id(step.output)] = self.node(given)
            elif given is not None:
                self._leaf("array", step.output, given)
            self.sums[id(step.of)] = self.node(step.output)
        else:
            self._update(step)

    def _applied(self, step: Applied) -> None:
        inputs = [self.traced(x) for x in step.inputs]
        if step.operation is None:
            if inputs[0].shape != step.output.shape:
                raise NoForm("it looks at a part of a leaf that was written")
            if inputs[0].dtype != step.output.dtype:
                inputs[0] = inputs[0].astype(step.output.dtype)
            self._know(step.output, inputs[0])
            return
        attributes = {key: self.traced(x) for key, x in step.attributes.items()}
        self._know(step.output, step.operation.run(*inputs, **attributes))

    def _contribution(self, step: Contribution) -> None:
        """As `autodiff.flows` does it."""
        of, operation = step.of, step.of.operation
        assert operation is not None
        inputs = [self.traced(x) for x in of.inputs]
        attributes = {key: self.traced(x) for key, x in of.attributes.items()}
        g: Any = Traced(self.tape, self.sums[id(of.output)])
        out, lifted = self.traced(of.output), inputs
        if operation.lift is not None:
            g, out, lifted = operation.lift(g, out, inputs, **attributes)
        rule = operation.rule(step.position)
        assert rule is not None
        flow: Any = rule(g, out, *lifted, **attributes)
        if not isinstance(flow, Traced):
            flow = Traced(self.tape, Node("constant", (), {}, np.asarray(flow)))
        flow = fit(flow, lifted[step.position].shape)
        flow = flow.reshape(step.to.shape).astype(step.to.dtype, copy=False)
        self._know(step.output, flow)
        if step.earlier:
            flow = Traced(self.tape, self.sums[id(step.to)]) + flow
        self.sums[id(step.to)] = self._know(step.total, flow)

    def _update(self, step: Update) -> None:
        t = self.tensors[id(step.target)]
        self.node(step.target)
        target = self.traced(step.target)
        if step.by is None:
            source = self.traced(step.inputs[0])
            if step.name == "assign":
                target[...] = source
            else:
                operation = next(row for row in table.values() if row.name == step.name)
                operation.function(target, source, out=target)
        else:
            self._optimized(step, t, target)
        self.last[id(t._data)] = self._know(step.output, target)

    def _optimized(self, step: Update, t: Tensor, target: Traced) -> None:
        """An optimizer's own `update`, by a twin whose learning rate and state are written down."""
        optimizer = step.by
        which = next(i for i, p in enumerate(optimizer.parameters) if p is t)
        twin = copy.copy(optimizer)
        twin._lr = Number(self.tape, self._number(optimizer))
        given: dict[str, Any] = {}
        for key, x in optimizer.state[which].items():
            name = (id(optimizer), which, key)
            if name not in self.states:
                kind = "state" if isinstance(x, np.ndarray) else "number"
                example = np.array(x) if kind == "state" else x
                node = Node(kind, (), {}, example, of=(optimizer, which, key))
                self.states[name] = (node, node)
            node = self.states[name][1]
            is_array = isinstance(node.example, np.ndarray | np.generic)
            given[key] = (Traced if is_array else Number)(self.tape, node)
        state = dict(given)
        twin.update(target, self.traced(step.inputs[0]), state)
        for key, x in state.items():
            if key not in given:
                raise NoForm(f"{type(optimizer).__name__} remembers {key} from its second step on")
            name = (id(optimizer), which, key)
            if not isinstance(x, Traced | Number):
                raise NoForm(f"{type(optimizer).__name__} makes a plain {key} of its state")
            self.states[name] = (self.states[name][0], x.node)
            x.node.label = x.node.label or key

    def _number(self, optimizer: Any) -> Node:
        name = (id(optimizer), -1, "lr")
        if name not in self.states:
            node = Node("number", (), {}, optimizer.lr, of=(optimizer, -1, "lr"))
            self.states[name] = (node, node)
        return self.states[name][0]


@contextmanager
def told(step: Step) -> Iterator[None]:
    """What goes wrong names the step's line."""
    try:
        yield
    except (NoForm, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, TinygradError):
            raise
        place = f"\n  called at {step.place}" if step.place is not None else ""
        raise OperationError(
            f"compile: {step.name} has no compiled form here: {error}.{place}\n"
            "  Leave it out of the function that is compiled, or run that without tl.compile."
        ) from error
