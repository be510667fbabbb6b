"""The keywords of JSON Schema that the package's schema uses, checked one by one."""

from __future__ import annotations

from typing import Any

TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
    "number": (int, float),
}  # fmt: skip
CHECKED = {"type", "const", "enum", "required", "properties", "items", "minItems", "maxItems", "minimum", "maximum"}
SAID = {"$schema", "$defs", "title", "description"}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str = "answer") -> list[str]:
    """What is wrong with a value; keys that the schema does not name are wrong too, so that none is forgotten."""
    if "$ref" in schema:
        return problems(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, where)
    assert schema.keys() <= CHECKED | SAID, f"{where}: keywords that nothing checks"
    found = []
    if "type" in schema and not _is(value, schema["type"]):
        return [f"{where}: {value!r} is no {schema['type']}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{where}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is none of {schema['enum']}")
    if isinstance(value, float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{where}: {value} is out of range")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{where}: no {key}" for key in schema.get("required", ()) if key not in value]
        found += [f"{where}: {key} is not in the schema" for key in value if key not in known]
        found += [line for key in value.keys() & known for line in problems(value[key], known[key], root, key)]
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            found.append(f"{where}: {len(value)} entries")
        found += [line for entry in value for line in problems(entry, schema["items"], root, f"{where} entry")]
    return found


def _is(value: Any, names: str | list[str]) -> bool:
    kinds = [names] if isinstance(names, str) else names
    return any(isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds)
