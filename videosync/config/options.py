"""The schema seen as a flat list of options: ``optim.lr``, its type, default, choices and documentation."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import io
import tokenize
import types
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from videosync.config import schema
from videosync.errors import nearest

_WORDS: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_PLURALS: dict[Any, str] = {int: "whole numbers such as [1, 2]", float: "numbers such as [0.1, 0.2]"}


@dataclass(frozen=True)
class Option:
    """One leaf of the schema."""

    key: str  # "optim.lr"
    type: Any  # float, Literal[...], list[str], …
    default: Any

    @property
    def choices(self) -> tuple[Any, ...]:
        """What a ``Literal`` option may be; empty for every other type."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def value_kind(self) -> Literal["bool", "number", "text"]:
        """What the value is, or each item of a list."""
        item = get_args(self.type)[0] if get_origin(self.type) is list else self.type
        return "bool" if item is bool else "number" if item in (int, float) else "text"

    @property
    def expected(self) -> str:
        """The type in words, e.g. ``"a whole number"`` or ``"one of 'adam', 'adamw'"``."""
        if self.choices:
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        if get_origin(self.type) is list:
            item = get_args(self.type)[0]
            return f"a list of {_PLURALS.get(item, 'names such as [a, b]')}"
        return _WORDS[self.type]


@functools.cache
def section_classes() -> types.MappingProxyType[str, type]:
    """The groups of options, by name: ``{"data": DataConfig, …}``."""
    hints = get_type_hints(schema.Config)
    return types.MappingProxyType({f.name: hints[f.name] for f in dataclasses.fields(schema.Config)})


@functools.cache
def options() -> types.MappingProxyType[str, Option]:
    """Every option by its dotted key, in the order of the schema."""
    defaults = schema.Config()
    found: dict[str, Option] = {}
    for section, cls in section_classes().items():
        hints = get_type_hints(cls)
        for field in dataclasses.fields(cls):
            key = f"{section}.{field.name}"
            found[key] = Option(key, hints[field.name], getattr(getattr(defaults, section), field.name))
    return types.MappingProxyType(found)


def nearest_key(key: str) -> str | None:
    """The option most like ``key``: a slip inside its group, in the group's name, or a forgotten group."""
    section, _, name = key.partition(".")
    names: dict[str, list[str]] = {}  # option name → keys that carry it
    for known in options():
        names.setdefault(known.partition(".")[2], []).append(known)
    if not name:  # "lr": the group was forgotten
        if group := nearest(key, section_classes()):
            return group
        match = nearest(key, names)
        return names[match][0] if match else None
    inside = {known.partition(".")[2] for known in options() if known.startswith(f"{section.lower()}.")}
    if name.lower() in names and name.lower() not in inside:  # the right name in the wrong group
        return nearest(key, names[name.lower()]) or names[name.lower()][0]
    if match := nearest(name, inside):
        return f"{section.lower()}.{match}"
    return nearest(key, options())


@functools.cache
def option_comments() -> types.MappingProxyType[str, str]:
    """The comment behind each field of the schema's source, by dotted key; "" where there is none."""
    source = inspect.getsource(schema)
    by_line = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    by_class = {cls.__name__: section for section, cls in section_classes().items()}
    comments: dict[str, str] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef) or node.name not in by_class:
            continue
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
                comment = " ".join(by_line[line] for line in lines if line in by_line)
                comments[f"{by_class[node.name]}.{statement.target.id}"] = comment
    return types.MappingProxyType(comments)
