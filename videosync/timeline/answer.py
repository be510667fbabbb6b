"""A saved answer of ``videosync sync``, read as its schema says, so that those who write it out need not doubt it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from videosync.errors import VideoError
from videosync.files import read_json, read_object, shown

SCHEMA_FILE = Path(__file__).with_name("schema.json")
NEEDED = {  # keys without which nothing can be said; others came later, or may be null
    "file": ("path", "placed"), "warning": ("code", "text"),
    "break": ("before_seconds", "after_seconds", "size_seconds"),
}  # fmt: skip
NO_TEXT = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")  # halves of surrogate pairs; the others are bytes of a name
LARGEST = 1e12  # of numbers: seconds of 30,000 years
KINDS: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
    "number": (int, float),
}  # fmt: skip
Schema = Mapping[str, Any]


def read_answer(path: Path) -> dict[str, Any]:
    """What ``videosync sync --json`` wrote. Keys that an older version did not write are null, or empty.

    Raises:
        VideoError: no such file, no JSON, or a value that is not what the schema says (which is named).
    """
    try:
        answer = read_object(path)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    except ValueError as error:
        raise VideoError(f"{path}: {error}; name a file that videosync sync --json wrote") from error
    schema = read_json(SCHEMA_FILE)
    for problem in _problems(answer, schema, schema, ""):
        raise VideoError(
            f"{path}: this is no answer of videosync sync: {problem}; name a file that its --json wrote, unchanged"
        )
    known = schema["$defs"]["file"]["properties"]
    for file in answer.get("files", []):
        file.update({key: _empty(_resolved(known[key], schema)) for key in known.keys() - file.keys()})
    return answer


def _problems(value: Any, schema: Schema, root: Schema, where: str) -> Iterator[str]:
    """What is of another kind than the schema says; keys that it does not name are no problem."""
    schema = _resolved(schema, root)
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", ())
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{where or 'it'} is {shown(value)}, expected {' or '.join(kinds)}"
    elif isinstance(value, str) and NO_TEXT.search(value):
        yield f"{where} is {shown(value)}, which is no text"
    elif isinstance(value, int | float) and not schema.get("minimum", -LARGEST) <= value < LARGEST:
        yield f"{where} is {shown(value)}"
    elif isinstance(value, dict):
        needed = next((keys for name, keys in NEEDED.items() if schema is root["$defs"][name]), ())
        yield from (f"{where} has no {key}" for key in needed if key not in value)
        for key in value.keys() & schema.get("properties", {}).keys():
            yield from _problems(value[key], schema["properties"][key], root, f"{where}.{key}" if where else key)
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{where} has {len(value)} entries"
        for number, entry in enumerate(value):
            yield from _problems(entry, schema.get("items", {}), root, f"{where}[{number}]")


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _resolved(schema: Schema, root: Schema) -> Schema:
    return root["$defs"][schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else schema


def _empty(schema: Schema) -> Any:
    return {"array": [], "boolean": False}.get(schema["type"]) if isinstance(schema.get("type"), str) else None
