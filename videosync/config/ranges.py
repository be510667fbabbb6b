"""Whether each option's value lies in the range that its field gives (:func:`videosync.option.option`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from videosync.config.options import options, value_of
from videosync.config.schema import Config
from videosync.errors import did_you_mean
from videosync.files import shown

LARGEST = 2**31 - 1  # of whole numbers without an upper end: sizes and counts


def range_problems(config: Config) -> list[str]:
    """One sentence for each number out of its range, and each list of other names or another size than it may have."""
    found = [problem(key, value_of(config, key), option.about) for key, option in options().items()]
    return [sentence for sentence in found if sentence]


def problem(key: str, value: Any, about: Mapping[str, Any]) -> str | None:
    """What is wrong with a value, by the metadata of its field."""
    several, within = isinstance(value, list), about["range"]
    values = value if several else [value]
    if any(isinstance(v, float) and not math.isfinite(v) for v in values):
        return f"{key} is {value}; expected {'finite numbers' if several else 'a finite number'}."
    most = max(LARGEST, within.ends[1]) if within and within.ends[1] < math.inf else LARGEST
    if any(isinstance(v, int) and v > most for v in values):
        return f"{key} is {shown(value)}; expected at most {most}."
    if several and (sentence := _list_problem(key, value, about)):
        return sentence
    if within and not all(map(within.holds, values)):
        expected = f"numbers, each {within.words}" if several else within.words
        return f"{key} is {value}; expected {expected}."
    return None


def _list_problem(key: str, values: list[Any], about: Mapping[str, Any]) -> str | None:
    if about["choices"] and (unknown := [name for name in values if name not in about["choices"]]):
        expected = f"expected names out of {', '.join(about['choices'])}"
        return f"{key} holds '{unknown[0]}'; {expected}.{did_you_mean(unknown[0], about['choices'])}"
    if about["distinct"] and (twice := sorted({value for value in values if values.count(value) > 1})):
        return f"{key} names {', '.join(map(repr, twice))} more than once."
    if about["filled"] and not values:
        return f"{key} is empty; expected at least one {'number' if about['range'] else 'name'}."
    if about["size"] not in (None, len(values)):
        return f"{key} is {values}; expected {about['size']} numbers."
    return None
