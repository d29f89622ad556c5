"""What code may say: the sentences that can reach a call, read off its syntax tree.

Constants, f-strings, sums and joins are followed through local variables, parameters, tables and
the functions of a module; what is known at run time alone is a HOLE.
"""

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from types import ModuleType
from typing import Any

from florascope.sentences import FOLDER, Record, told

HOLE = "\N{WHITE SQUARE}"
Said = frozenset[str]
NOTHING: Said = frozenset()
UNKNOWN: Said = frozenset({HOLE})
Place = int | str
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Given:
    """A value that a name is given.

    Attributes:
        value: the expression.
        place: of the name, where a tuple is taken apart.
        added: whether it is added to what the name has.
    """

    value: ast.expr
    place: int | None = None
    added: bool = False


class Speech:
    """What one module may say.

    Args:
        module: its code is parsed; constants of it and of modules that it imports are looked up.
    """

    def __init__(self, module: ModuleType) -> None:
        self.names = vars(module)
        self.tree = ast.parse(inspect.getsource(module))
        self._open: set[int] = set()
        self._known: dict[int, Said] = {}
        self._rules: dict[type[ast.expr], Callable[[Any], Said]] = {
            ast.Constant: lambda node: _of_value(node.value),
            ast.JoinedStr: lambda node: self._sum(node.values),
            ast.FormattedValue: self._formatted,
            ast.BinOp: self._added,
            ast.BoolOp: lambda node: (
                self._any(node.values[:-1]) - {""} | self._said(node.values[-1])
            ),
            ast.Name: self._named,
            ast.Call: self._called,
            ast.Attribute: self._imported,
        }

    def reaching(self, calls: Mapping[str, tuple[Place, ...]]) -> set[str]:
        """Every sentence that may reach some arguments, by place or keyword, of some calls."""
        given = (
            _argument(call, place)
            for name, places in calls.items()
            for call in self._calls(name)
            for place in places
        )
        return _spoken(self._any(node for node in given if node is not None))

    def returned(self, name: str, place: int | None = None) -> set[str]:
        """Every sentence that a function may return, or one part of it where that is a tuple."""
        function = self._functions.get(name)
        return _spoken(self._returned(function, place)) if function else set()

    @cached_property
    def _home(self) -> dict[int, Function]:
        """The innermost function around each node, by the node's id."""
        found: dict[int, Function] = {}
        for function in ast.walk(self.tree):  # outer functions come first
            if isinstance(function, Function):
                found |= {id(node): function for node in ast.walk(function) if node is not function}
        return found

    @cached_property
    def _functions(self) -> dict[str, Function]:
        return {node.name: node for node in ast.walk(self.tree) if isinstance(node, Function)}

    def _calls(self, name: str) -> Iterator[ast.Call]:
        """All calls of a function or method by its name."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and _name(node.func) == name:
                yield node

    def _said(self, node: ast.expr, place: int | None = None) -> Said:
        """What an expression may be, or one part of it where it is a tuple."""
        if id(node) in self._open:
            return NOTHING
        if place is None and id(node) in self._known:
            return self._known[id(node)]
        self._open.add(id(node))
        choices = _choices(node, place)
        if choices is not None:
            found = self._any(choices, None if isinstance(node, ast.Tuple) else place)
        elif isinstance(node, ast.Call) and place is not None:
            found = self._called(node, place)
        else:
            found = self._rules.get(type(node), lambda _: UNKNOWN)(node)
        self._open.discard(id(node))
        if place is None and not self._open:
            self._known[id(node)] = found
        return found

    def _any(self, nodes: Iterable[ast.expr], place: int | None = None) -> Said:
        return NOTHING.union(*(self._said(node, place) for node in nodes))

    def _sum(self, nodes: Iterable[ast.expr]) -> Said:
        return _joined([self._said(node) for node in nodes])

    def _formatted(self, node: ast.FormattedValue) -> Said:
        plain = node.conversion == -1 and node.format_spec is None
        return self._said(node.value) if plain else UNKNOWN

    def _added(self, node: ast.BinOp) -> Said:
        both = [self._said(node.left), self._said(node.right)]
        texts = isinstance(node.op, ast.Add) and both != [UNKNOWN, UNKNOWN]
        return _joined(both) if texts else UNKNOWN

    def _named(self, node: ast.Name) -> Said:
        function = self._home.get(id(node))
        if function is None:
            return _of_value(self.names.get(node.id))
        given = list(_given(function, node.id))
        parameters = [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]
        if not given and node.id not in parameters:
            return _of_value(self.names.get(node.id))
        found = self._passed(function, node.id, parameters) if node.id in parameters else NOTHING
        found = found.union(*(self._said(g.value, g.place) for g in given if not g.added))
        for one in given:
            found |= _joined([found, self._said(one.value)]) if one.added else NOTHING
        return found

    def _passed(self, function: Function, name: str, parameters: list[str]) -> Said:
        """What the module's own calls give a parameter."""
        at = [p for p in parameters if p != "self"].index(name)
        default = dict(zip(parameters[::-1], function.args.defaults[::-1], strict=False))
        calls = self._calls(function.name)
        passed = [_argument(call, at) or _argument(call, name) for call in calls]
        known = [node for node in (*passed, default.get(name)) if node is not None]
        return self._any(known) if known else UNKNOWN

    def _called(self, node: ast.Call, place: int | None = None) -> Said:
        name, owner = _name(node.func), getattr(node.func, "value", None)
        if owner is not None and name in {"join", "format", "get"}:
            if name == "join":
                return self._said(node.args[0])
            found = self._said(owner)
            filled = frozenset(re.sub(r"\{[^}]*\}", HOLE, text) for text in found)
            return filled if name == "format" else found | self._any(node.args[1:])
        own = owner is None or isinstance(self.names.get(_name(owner)), self._classes)
        if name in self._functions and (own or _name(owner) == "self"):
            return self._returned(self._functions[name], place) or UNKNOWN
        return UNKNOWN

    @cached_property
    def _classes(self) -> tuple[type, ...]:
        """The module's own."""
        every = (value for value in self.names.values() if isinstance(value, type))
        return tuple(kind for kind in every if kind.__module__ == self.names["__name__"])

    def _returned(self, function: Function, place: int | None) -> Said:
        ends = [n for n in ast.walk(function) if isinstance(n, ast.Return)]
        return self._any(
            (n.value for n in ends if n.value and self._home[id(n)] is function), place
        )

    def _imported(self, node: ast.Attribute) -> Said:
        """A constant of another module, by its dotted name."""
        module = self.names.get(_name(node.value))
        return _of_value(getattr(module, node.attr, None))


def _choices(node: ast.expr, place: int | None) -> list[ast.expr] | None:
    """Return the expressions of which one becomes the value; None where it is made of them."""
    match node:
        case ast.Tuple(elts=elts) if place is not None:
            found = [elts[place]]
        case ast.IfExp(body=body, orelse=other):
            found = [body, other]
        case ast.Dict(values=values) | ast.List(elts=values):
            found = values
        case ast.Subscript(value=value) | ast.NamedExpr(value=value):
            found = [value]
        case ast.GeneratorExp(elt=value) | ast.ListComp(elt=value):
            found = [value]
        case _:
            return None
    return found


def _spoken(said: Iterable[str]) -> set[str]:
    """Those that say something."""
    return {text for text in said if text.strip(f"{HOLE} .,;:%()\"'-")}


def _name(node: ast.expr | None) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


def _argument(call: ast.Call, place: Place) -> ast.expr | None:
    if isinstance(place, str):
        return next((k.value for k in call.keywords if k.arg == place), None)
    return call.args[place] if place < len(call.args) else None


def _given(function: Function, name: str) -> Iterator[Given]:
    """Every value that a function gives one of its names."""
    for node in ast.walk(function):
        match node:
            case ast.Assign():
                yield from _targets(node, name)
            case ast.AugAssign(target=ast.Name(id=known), value=value) if known == name:
                yield Given(value, added=True)
            case ast.NamedExpr(target=ast.Name(id=known), value=value) if known == name:
                yield Given(value)
            case ast.AnnAssign(target=ast.Name(id=known), value=ast.expr() as value):
                yield from [Given(value)] if known == name else []


def _targets(node: ast.Assign, name: str) -> Iterator[Given]:
    for target in node.targets:
        if isinstance(target, ast.Name) and target.id == name:
            yield Given(node.value)
        elif isinstance(target, ast.Tuple):
            places = [i for i, one in enumerate(target.elts) if _name(one) == name]
            yield from (Given(node.value, i) for i in places)


def _joined(parts: list[Said]) -> Said:
    return frozenset(map("".join, product(*(part or UNKNOWN for part in parts))))


def _of_value(value: object) -> Said:
    """The sentences in a constant of a module."""
    if isinstance(value, str):
        return frozenset({value})
    if isinstance(value, Mapping):
        return frozenset(v for v in value.values() if isinstance(v, str)) or UNKNOWN
    return UNKNOWN


WORD = re.compile(r"(?<![\w./'\"=(\[-])[^\W\d_]{3,}(?![\w./'\"=(\]])")


@cache
def _english_words(record: Record) -> frozenset[str]:
    """Words of a record's English sentences that no Spanish one has."""
    templates = json.loads((FOLDER / f"{record}.es.json").read_text("utf-8"))
    english, spanish = (
        {word for text in some for word in WORD.findall(text)}
        for some in (templates.keys(), templates.values())
    )
    return frozenset(english - spanish)


def untold(
    record: Record, sentences: Iterable[str], names: frozenset[str] = frozenset()
) -> list[str]:
    """English sentences that Spanish pages would show as they are, in part, or without a value.

    Args:
        record: whose templates are asked.
        sentences: in English.
        names: of layers and the like, which are English words and stay as they are.
    """
    return [text for text in sorted(sentences) if not _is_told(record, text, names)]


def _is_told(record: Record, text: str, names: frozenset[str]) -> bool:
    spanish = told(record, text, "es")
    left = _english_words(record) & set(WORD.findall(spanish.text)) - names
    return spanish.language == "es" and text.count(HOLE) == spanish.text.count(HOLE) and not left
