"""One option of a component or of the configuration: its default, meaning and range, on one line.

What a component may be told is a frozen dataclass of such fields, which lies beside it; :mod:`videosync.config.schema`
puts them together, and what reads, checks and explains a configuration looks at nothing else. Modules that own options
import torch where they compute, so that ``--help`` and a misspelt key are answered at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

_INTERVAL = re.compile(r"([\[(])(\S+), (\S+)([\])])")

Options = TypeVar("Options")


@dataclass(frozen=True)
class Range:
    """An interval ``[0, 1)``, as in ``option(0.1, "…", "[0, 1)")``; ``inf`` is an end that no number reaches."""

    text: str

    @property
    def ends(self) -> tuple[float, float]:
        """Least and largest number, both whole where they are written so."""
        found = _INTERVAL.fullmatch(self.text)
        assert found, f"{self.text}: expected an interval such as [0, 1)"
        low, high = (float(end) if re.search("[.in]", end) else int(end) for end in found.groups()[1:3])
        return low, high

    def holds(self, number: float) -> bool:
        (low, high), (first, last) = self.ends, (self.text[0], self.text[-1])
        return (low <= number if first == "[" else low < number) and (number <= high if last == "]" else number < high)

    @property
    def words(self) -> str:
        """ "1 or more", "a number above 0", "a share from 0 to below 1", "0 … 4"."""
        (low, high), above, below = self.ends, self.text[0] == "(", self.text[-1] == ")"
        if high == math.inf:
            return f"a number above {low}" if above else f"{low} or more"
        if (low, high) == (0, 1):
            return f"a share from {'above ' * above}0 to {'below ' * below}1"
        return f"{'above ' * above}{low} … {'below ' * below}{high}"


def option(
    default: Any,
    meaning: str,
    within: str = "",
    *,
    choices: Iterable[str] | None = None,
    size: int | None = None,
    filled: bool | None = None,
    distinct: bool = False,
    only_for: tuple[str, str] | None = None,
) -> Any:
    """A field of a frozen dataclass of options.

    Args:
        default: a list is copied for each object.
        meaning: what ``videosync config --explain`` prints.
        within: the range of a number, or of each in a list, as :class:`Range`.
        choices: the names that are allowed; a dict of components allows what is in it when it is asked.
        size, filled: of a list: how many items it has; whether it must have some, as numbers with a range must
            where nothing is said.
        distinct: no item of a list comes twice.
        only_for: (another option of the same component, the only value of it with which this one is read).
    """
    filled = bool(within) if filled is None else filled
    about = {"meaning": meaning, "range": Range(within) if within else None, "choices": choices, "size": size,
             "filled": filled, "distinct": distinct, "only_for": only_for, "read_by": ()}  # fmt: skip
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=about)
    return field(default=default, metadata=about)


def taken(cls: type[Options], group: Any, key: Callable[[str], str] = str) -> Options:
    """``cls`` with the values that ``group`` holds for its fields, under the names ``key(field)``."""
    return cls(**{f.name: getattr(group, key(f.name)) for f in fields(cls)})  # type: ignore[arg-type]
