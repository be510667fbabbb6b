"""YAML as people write it: refused where YAML takes a value for something else than it looks like.

YAML 1.1, which OmegaConf and PyYAML read, takes ``010`` for 8, ``1:30`` for 90 and ``no`` for false.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from videosync.config.shipped import shipped_configs
from videosync.errors import ConfigError, nearest
from videosync.files import read_text

Kind = Literal["bool", "number", "text"]  # what an option, or each item of its list, is
EXPECTED = "expected groups of options such as 'optim: {lr: 1e-4}'"
_DEEPEST = 20  # levels of a configuration; PyYAML in C crashes at some thousands
_MOST = 100_000  # values, counted where aliases are used
_LARGEST = 2**20  # bytes; those that come with VideoSync have some hundred
_LONGEST = 300  # digits of a whole number, which a float can still be
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9]\d*|(?:\d+\.\d*|\.\d+)(?:e[-+]?\d+)?|\d+e[-+]?\d+|\.inf)|\.nan", re.IGNORECASE)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as OmegaConf
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_TAG = "tag:yaml.org,2002:"
_READ = {"str", "int", "float", "bool", "null", "map", "seq", "timestamp", "merge", "value"}


@dataclass(frozen=True)
class Scalar:
    """A value without quotes that YAML does not take for text."""

    text: str  # as it is written
    value: Any  # what YAML makes of it
    line: int

    def problem(self, kind: Kind) -> str | None:
        """What is wrong with it as the value, or in the list, of an option; None where it is what it looks like."""
        meaning = {True: "true", False: "false"}[self.value] if isinstance(self.value, bool) else self.value
        if kind == "text" and self.value is not None and str(self.value) != self.text:
            return f"{self.text} is {meaning} to YAML; write it in quotes, '{self.text}', if that text is meant"
        if kind != "number" or (isinstance(self.value, bool) and self.text.lower() in ("true", "false")):
            return None  # of another type is said elsewhere
        if isinstance(self.value, bool):
            return f"{self.text} is {meaning} to YAML; expected a number"
        if isinstance(self.value, int | float) and not _DECIMAL.fullmatch(self.text):
            return f"{self.text} is {meaning} to YAML; write the number that is meant in plain decimal digits"
        return None


Scalars = Mapping[str, list[Scalar]]  # by dotted key; of a list one for each item


def read_yaml(path: Path) -> tuple[Mapping[Any, Any], Scalars]:
    """The content of a YAML file, and its values as they are written.

    Raises:
        ConfigError: no such file, not YAML or UTF-8, nested or grown beyond measure, or no groups of options.
    """
    if not path.is_file():
        raise ConfigError(_missing_file(path))
    try:
        text = read_text(path, _LARGEST)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}. A configuration is YAML such as 'optim: {{lr: 1e-4}}'.") from error
    try:
        written = scalars(text)
        content = OmegaConf.load(io.StringIO(text))
        values = OmegaConf.to_container(content, resolve=False)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise ConfigError(f"{path}{line}: not valid YAML ({error.problem or error.context}).") from error
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"{path}: not valid YAML ({str(error).splitlines()[0]}).") from error
    except OSError as error:  # OmegaConf's answer to a file that holds one bare word
        raise ConfigError(f"{path}: {EXPECTED}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: {EXPECTED}, got a list.")
    return cast("Mapping[Any, Any]", values), written


def scalars(text: str) -> Scalars:
    """The values in a YAML text as they are written. Raises yaml.YAMLError."""
    _check_depth(text)
    found: dict[str, list[Scalar]] = {}
    node = yaml.compose(text, Loader=_LOADER)
    for count, (key, scalar) in enumerate(_scalars(node, "", found) if node is not None else ()):
        if count > _MOST:
            raise yaml.YAMLError(f"more than {_MOST} values, counted where aliases repeat them")
        if scalar is not None:
            found.setdefault(key, []).append(scalar)
    return found


def _check_depth(text: str) -> None:
    """Of the events alone, as composing recurses; of the same parser, as another one stops at other mistakes.

    Another error is left to the loader, whose words are better.
    """
    depth, events = 0, yaml.parse(text, Loader=_LOADER)
    with suppress(yaml.YAMLError):
        for event in events:
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                break
    if depth > _DEEPEST:
        raise yaml.MarkedYAMLError(problem=f"more than {_DEEPEST} levels", problem_mark=event.start_mark)


def _scalars(
    node: yaml.Node, key: str, found: dict[str, list[Scalar]], inside: tuple[yaml.Node, ...] = ()
) -> Iterator[tuple[str, Scalar | None]]:
    """(key, value) of what lies in ``node``; None for text, and for ``node`` itself.

    A key that is met again replaces what was ``found``.
    """
    yield key, None
    if node.tag.removeprefix(_TAG) not in _READ:
        raise _refused(node, f"the tag {node.tag.replace(_TAG, '!!')} has no place in a configuration")
    if node in inside:
        raise _refused(node, "an alias stands inside of what it repeats")
    inside = (*inside, node)
    if isinstance(node, yaml.MappingNode):
        merged_first = sorted(node.value, key=lambda pair: pair[0].tag != f"{_TAG}merge")
        for name, value in merged_first:
            if name.tag == f"{_TAG}merge":
                parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for part in parts:
                    yield from _scalars(part, key, found, inside)
                continue
            if not isinstance(name, yaml.ScalarNode) or name.tag in (f"{_TAG}null", f"{_TAG}bool"):
                said = f", got {name.value}" if isinstance(name, yaml.ScalarNode) else ""
                raise _refused(name, f"expected the name of an option before the colon{said}")
            below = f"{key}.{name.value}" if key else name.value
            found.pop(below, None)
            yield from _scalars(value, below, found, inside)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item, key, found, inside)
    else:
        yield key, _scalar(node)


def _scalar(node: yaml.ScalarNode) -> Scalar | None:
    kind, text = node.tag.removeprefix(_TAG), node.value
    if node.style:
        return None
    if kind == "str" and _DECIMAL.fullmatch(text):  # 1e-4, to OmegaConf alone
        return Scalar(text, float(text), node.start_mark.line + 1)
    if kind not in ("int", "float", "bool", "null"):
        return None
    if kind == "int" and len(text) > _LONGEST:
        raise _refused(node, f"a whole number of {len(text)} digits")
    value = getattr(_CONSTRUCTOR, f"construct_yaml_{kind}")(node)
    return Scalar(text, value, node.start_mark.line + 1)


def _refused(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _missing_file(path: Path) -> str:
    if path.is_dir():
        return f"{path}: is a folder; expected a YAML file inside it."
    files = {name: Path("configs", name) for name in shipped_configs()}
    files |= {f.name: f for f in Path("configs").glob("*.y*ml")}
    files |= {f.name: f for f in path.parent.glob("*.y*ml")}
    message = f"{path}: no such configuration file."
    if match := nearest(path.name, files):
        return f"{message} Did you mean '{files[match]}'?"
    return f"{message} 'videosync config --list' names those that come with VideoSync."
