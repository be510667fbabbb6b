"""The schema seen as a flat list of options: ``optim.lr``, its type, default, choices and documentation."""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from videosync.config.schema import Config
from videosync.errors import nearest

_WORDS: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_PLURALS: dict[Any, str] = {int: "whole numbers such as [1, 2]", float: "numbers such as [0.1, 0.2]"}


@dataclass(frozen=True)
class Option:
    """One leaf of the schema."""

    key: str  # "optim.lr"
    type: Any  # float, Literal[...], list[str], …
    default: Any
    about: Mapping[str, Any]  # the metadata of its field: meaning, range, … (videosync.option)

    @property
    def choices(self) -> tuple[Any, ...]:
        """What an option that is a name may be; empty where it may be anything."""
        if get_origin(self.type) is Literal:
            return get_args(self.type)
        return tuple(self.about["choices"] or ()) if self.type is str else ()

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


def section_classes() -> Mapping[str, type]:
    """The groups of options, by name: ``{"data": DataConfig, …}``."""
    defaults = Config()
    return {group.name: type(getattr(defaults, group.name)) for group in fields(defaults)}


def options() -> Mapping[str, Option]:
    """Every option by its dotted key, in the order of the schema."""
    return _options(tuple(section_classes().items()))


@functools.cache
def _options(sections: tuple[tuple[str, type], ...]) -> Mapping[str, Option]:
    found: dict[str, Option] = {}
    for section, cls in sections:
        hints, defaults = get_type_hints(cls), cls()
        for one in fields(cls):
            key = f"{section}.{one.name}"
            found[key] = Option(key, hints[one.name], getattr(defaults, one.name), one.metadata)
    return types.MappingProxyType(found)


def value_of(config: Config, key: str) -> Any:
    """The value of an option by its dotted key."""
    section, _, name = key.partition(".")
    return getattr(getattr(config, section), name)


def in_a_line(value: Any) -> str:
    """A value as YAML has it in a line, but without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{', '.join(map(in_a_line, value))}]" if isinstance(value, list) else str(value)


def quoted(value: Any) -> str:
    """A value as messages show it: text in quotes."""
    if value is None:
        return "nothing"
    return in_a_line(value) if isinstance(value, bool) else repr(value)


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
