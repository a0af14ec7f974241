"""Evaluates expression graphs in the form in which the client sends them."""

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from localearth import registry
from localearth.errors import EarthEngineError
from localearth.values.function import Function
from localearth.values.projection import whole
from localearth.worlds.base import World

Node = Mapping[str, Any]
Scope = tuple[dict[str, Any], ...]
"""Argument values: one dictionary per function call, the innermost last."""


class Expression:
    """One graph, `{"result": id, "values": {id: node}}`.

    Shared values are computed once: values that depend on no argument once per graph, values in the body of a
    function once per call. Values without arguments are computed in the order of their dependencies, so that a chain
    of any length needs no deep recursion. An error in one of them is raised when the value is used, because `If` may
    never use it.
    """

    def __init__(self, world: World, graph: Mapping[str, Any]) -> None:
        try:
            self._result: str = graph["result"]
            self._values: Mapping[str, Node] = graph["values"]
        except (KeyError, TypeError):
            raise EarthEngineError("Invalid expression: 'result' and 'values' are required.") from None
        self._world = world
        self._memo: dict[str, Any] = {}
        self._failed: dict[str, EarthEngineError] = {}
        self._free: dict[str, frozenset[str]] = {}

    def evaluate(self) -> Any:
        """The value of the expression.

        Raises:
            EarthEngineError: in Earth Engine's form.
        """
        try:
            for name in self._order():
                if not self._free[name]:
                    try:
                        self._memo[name] = self._node(self._values[name], ())
                    except EarthEngineError as error:
                        self._failed[name] = error
            return self._reference(self._result, ())
        except RecursionError:
            raise EarthEngineError("The expression is nested too deeply.") from None

    def _order(self) -> Iterator[str]:
        """The values in the order of their dependencies; records which arguments each depends on."""
        state: dict[str, bool] = {}
        stack = [self._result]
        while stack:
            name = stack[-1]
            if state.get(name):
                stack.pop()
                continue
            if name not in self._values:
                raise EarthEngineError(f"Invalid expression: value '{name}' is not defined.")
            names, free = _dependencies(self._values[name])
            waiting = [each for each in names if not state.get(each)]
            if not waiting:
                state[name] = True
                stack.pop()
                inherited = (self._free[each] - bound for each, bound in names.items())
                self._free[name] = frozenset(free.union(*inherited))
                yield name
                continue
            if name in state:
                raise EarthEngineError("Invalid expression: its values form a cycle.")
            state[name] = False
            stack.extend(waiting)

    def _reference(self, name: str, scope: Scope) -> Any:
        free = self._free[name]
        if not free:
            if name in self._failed:
                raise self._failed[name]
            return self._memo[name]
        for depth in range(len(scope), 0, -1):
            frame = scope[depth - 1]
            if not free.isdisjoint(frame):
                key = f" {name}"  # the blank distinguishes values from arguments, whose names the client chooses
                if key not in frame:
                    frame[key] = self._node(self._values[name], scope[:depth])
                return frame[key]
        return self._node(self._values[name], scope)

    def _node(self, node: Node, scope: Scope) -> Any:
        for kind, content in node.items():
            handler = _HANDLERS.get(kind)
            if handler is not None:
                return handler(self, content, scope)
        raise EarthEngineError(f"Invalid expression: unknown kind of value: {', '.join(node) or 'nothing'}.")

    def _bytes(self, _content: str, _scope: Scope) -> NoReturn:
        raise EarthEngineError("The local Earth Engine does not support bytesValue in expressions.")

    def _array(self, content: Node, scope: Scope) -> list[Any]:
        return [self._node(each, scope) for each in content.get("values", ())]

    def _dictionary(self, content: Node, scope: Scope) -> dict[str, Any]:
        return {key: self._node(each, scope) for key, each in content.get("values", {}).items()}

    def _argument(self, content: str, scope: Scope) -> Any:
        for frame in reversed(scope):
            if content in frame:
                return frame[content]
        raise EarthEngineError(f"Unknown variable references: [{content}].")

    def _definition(self, content: Node, scope: Scope) -> Function:
        names, body = content.get("argumentNames", []), content["body"]

        def call(*values: Any) -> Any:
            if len(values) != len(names):
                raise EarthEngineError(f"A function with {len(names)} arguments is called with {len(values)}.")
            return self._reference(body, (*scope, dict(zip(names, values, strict=True))))

        return Function(len(names), call, tuple(names))

    def _invocation(self, content: Node, scope: Scope) -> Any:
        arguments = content.get("arguments", {})
        if "functionReference" in content:
            target = self._reference(content["functionReference"], scope)
            return self._call(target, {key: self._node(each, scope) for key, each in arguments.items()})
        name = content["functionName"]
        if name == "If":
            return self._branch(arguments, scope)
        return registry.invoke(self._world, name, {key: self._node(each, scope) for key, each in arguments.items()})

    def _branch(self, arguments: Node, scope: Scope) -> Any:
        """`If`: evaluates only the chosen branch, because the other one may fail."""
        condition = arguments.get("condition")
        choice = registry.invoke(
            self._world,
            "If",
            {
                "condition": None if condition is None else self._node(condition, scope),
                "trueCase": "trueCase",
                "falseCase": "falseCase",
            },
        )
        return self._node(arguments[choice], scope) if choice in arguments else None

    def _call(self, target: Any, given: Mapping[str, Any]) -> Any:
        """Calls a function that is a value of the graph, with arguments by name."""
        if isinstance(target, str):
            return registry.invoke(self._world, target, given)
        if not isinstance(target, Function):
            raise EarthEngineError("Invalid expression: functionReference names a value that is not a function.")
        missing = [name for name in target.names if name not in given]
        if missing:
            raise EarthEngineError(f"A function of the expression is called without argument '{missing[0]}'.")
        return target.call(*(given[name] for name in target.names))


def _whole_numbers(content: Any) -> Any:
    """A constant whose whole numbers are integers.

    The API's `constantValue` is a protobuf value, which has one type of number: the server can't tell 1.0 from 1.
    """
    if isinstance(content, float):
        return whole(content)
    if isinstance(content, list):
        return [_whole_numbers(each) for each in content]
    if isinstance(content, dict):
        return {key: _whole_numbers(each) for key, each in content.items()}
    return content


_HANDLERS: dict[str, Any] = {
    "constantValue": lambda _expression, content, _scope: _whole_numbers(content),
    "integerValue": lambda _expression, content, _scope: int(content),
    "bytesValue": Expression._bytes,
    "arrayValue": Expression._array,
    "dictionaryValue": Expression._dictionary,
    "valueReference": Expression._reference,
    "argumentReference": Expression._argument,
    "functionDefinitionValue": Expression._definition,
    "functionInvocationValue": Expression._invocation,
}


def _dependencies(node: Node) -> tuple[dict[str, frozenset[str]], set[str]]:
    """The values that a node refers to, each with the arguments bound in between; and the node's free arguments."""
    names: dict[str, frozenset[str]] = {}
    free: set[str] = set()
    stack: list[Any] = [node]
    while stack:
        for kind, content in stack.pop().items():
            if kind == "valueReference":
                names[content] = frozenset()
            elif kind == "argumentReference":
                free.add(content)
            elif kind == "functionDefinitionValue":
                body = content["body"]
                bound = frozenset(content.get("argumentNames", ()))
                names[body] = names.get(body, bound) & bound
            elif kind == "arrayValue":
                stack.extend(content.get("values", ()))
            elif kind == "dictionaryValue":
                stack.extend(content.get("values", {}).values())
            elif kind == "functionInvocationValue":
                stack.extend(content.get("arguments", {}).values())
                if "functionReference" in content:
                    names[content["functionReference"]] = frozenset()
    return names, free


def evaluate(world: World, graph: Mapping[str, Any]) -> Any:
    """The value of an expression graph in a world."""
    return Expression(world, graph).evaluate()
