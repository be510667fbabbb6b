"""Damage to bytes and to text, by a random generator: the same generator, the same damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

Random = np.random.Generator
CANARY = "CANARY"  # stands for a file that nobody names, in text that is damaged
MOST = 6  # damages of one file
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
ESCAPES = (b"\x1b[31m\x1b]0;x\x07", b"\n", b"\r", b"\x00", b"\x9b2J", b"\xff\xfe", b"\x1b[2J\x1b[H")
VALUES: tuple[Any, ...] = (
    None, True, "", 0, -1, 1e308, 1e-320, float("nan"), float("inf"), 2**53, -(2**63), 10**400, "\x1b[31mred", "a\nb",
    "a\x00b", "\ud800", "\u202e", "n" * 300, "../" * 40, CANARY, f"concat:{CANARY}|{CANARY}", "/dev/zero", "/dev/stdin",
    ".", [], {}, [[]], {"": None}, ["a", 1, None], "1e999", "0x10", "$(id)", "%s%n", "{0}", "${x}",
)  # fmt: skip
WORDS = (
    "[" * 100_000, "{" * 30_000, "- " * 50_000, '{"a":' * 20_000, "9" * 5_000, "\x1b[31m", "\x00", "\r", "\t", "\ud800",
    ": ", "!!set {a, b}", "!!python/object:os.system x", "? ~\n: 1\n", "&a [*a]", "*id001", "&n [*n, *n, *n, *n]",
    "a: &n []\n" + "".join(f"b{n}: &n [{', '.join(['*n'] * 10)}]\n" for n in range(12)), "<<: [*n, *n]\n",
    "<<: 1\n", '"', "'", "\\", CANARY, "/dev/zero", "NaN", "-Infinity", "~", "\ufeff", "é" * 200,
)  # fmt: skip


def damaged(data: bytes, rng: Random, other: bytes) -> bytes:
    """``data`` with one to six damages, of text where it is some. ``other``: another healthy file."""
    try:
        text = data.decode() if b"\0" not in data else None
    except UnicodeDecodeError:
        text = None
    if text is not None and rng.random() < 0.85:
        return _damaged_text(text, rng).encode("utf-8", "surrogatepass")
    for _ in range(int(rng.integers(1, MOST + 1))):
        data = BYTES[int(rng.integers(len(BYTES)))](data, rng, other)
    return data


def _place(data: bytes, rng: Random) -> int:
    """More often near the beginning and the end, where headers and indices are."""
    where = int(rng.integers(len(data) + 1))
    kind = rng.random()
    return where if kind < 0.5 else where % 512 if kind < 0.8 else max(len(data) - where % 512, 0)


def _flip(data: bytes, rng: Random, other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9)) if data else 0):
        changed[min(_place(data, rng), len(data) - 1)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _noise(data: bytes, rng: Random, other: bytes) -> bytes:
    at, count = _place(data, rng), int(rng.integers(1, 65))
    return data[:at] + rng.bytes(count) + data[at + count :]


def _number(data: bytes, rng: Random, other: bytes) -> bytes:
    at, size = _place(data, rng), int(rng.choice([1, 2, 4, 8]))
    number = NUMBERS[int(rng.integers(len(NUMBERS)))] % 256**size
    return data[:at] + number.to_bytes(size, str(rng.choice(["little", "big"]))) + data[at + size :]


def _cut(data: bytes, rng: Random, other: bytes) -> bytes:
    return data[: _place(data, rng)]


def _drop(data: bytes, rng: Random, other: bytes) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 2049)) :]


def _repeat(data: bytes, rng: Random, other: bytes) -> bytes:
    at, count = _place(data, rng), int(rng.integers(1, 4097))
    return data[:at] + data[at : at + count] * int(rng.integers(2, 6)) + data[at + count :]


def _escape(data: bytes, rng: Random, other: bytes) -> bytes:
    at, text = _place(data, rng), ESCAPES[int(rng.integers(len(ESCAPES)))]
    return data[:at] + text + data[at + len(text) :]


def _splice(data: bytes, rng: Random, other: bytes) -> bytes:
    return data[: _place(data, rng)] + other[_place(other, rng) :]


def _swap(data: bytes, rng: Random, other: bytes) -> bytes:
    first, second = sorted((_place(data, rng), _place(data, rng)))
    count = int(rng.integers(1, 1025))
    second = max(second, first + count)
    one, two = data[first : first + count], data[second : second + count]
    return data[:first] + two + data[first + count : second] + one + data[second + count :]


BYTES: tuple[Callable[[bytes, Random, bytes], bytes], ...] = (
    _flip, _flip, _noise, _number, _number, _cut, _drop, _repeat, _escape, _splice, _swap
)  # fmt: skip


def _damaged_text(text: str, rng: Random) -> str:
    """A value or a key of JSON in another's place; a word put in, a line gone or twice."""
    lines = text.split("\n")
    if rng.random() < 0.6:
        try:
            at = int(rng.integers(len(lines)))
            content, whole = json.loads(text), True
        except ValueError:
            content, whole = _parsed(lines[at]), False
        if isinstance(content, dict | list):
            for _ in range(int(rng.integers(1, 4))):
                _change(content, rng)
            try:
                changed = json.dumps(content)
            except ValueError:  # a number of thousands of digits
                changed = text
            return changed if whole else "\n".join([*lines[:at], changed, *lines[at + 1 :]])
    for _ in range(int(rng.integers(1, MOST))):
        kind, at = rng.random(), int(rng.integers(len(text) + 1))
        if kind < 0.5:
            text = text[:at] + WORDS[int(rng.integers(len(WORDS)))] + text[at + int(rng.integers(3)) :]
        elif kind < 0.7:
            text = text[:at] + text[at + int(rng.integers(1, 40)) :]
        elif kind < 0.85:
            text = text[:at] + text[max(at - 60, 0) :]
        else:
            text = text[:at]
    return text


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _change(content: Any, rng: Random) -> None:
    """Put a value of :data:`VALUES` somewhere into nested lists and objects, or drop or rename a key."""
    places = list(_places(content))
    if not places:
        return
    parent, key = places[int(rng.integers(len(places)))]
    value = VALUES[int(rng.integers(len(VALUES)))]
    if rng.random() < 0.15:
        del parent[key]
    elif isinstance(parent, dict) and rng.random() < 0.15:
        parent[str(value)[:400] if value != 10**400 else "big"] = parent.pop(key)
    else:
        parent[key] = value


def _places(content: Any) -> Any:
    for key in list(content) if isinstance(content, dict) else range(len(content)):
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])
