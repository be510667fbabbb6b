"""Command lines: a flag in both spellings, and one sentence for a wrong one. Nothing here is slow to import."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import textwrap
from typing import Any, NoReturn

from videosync.errors import did_you_mean, printable

BAD_INPUT = 2


class SentenceParser(argparse.ArgumentParser):
    """argparse without abbreviations, whose errors are one sentence on stderr and exit code 2.

    ``--max-offset`` and ``--max_offset`` are one flag, whichever of them it was added as; ``--help`` shows that one.
    """

    intermixed = False  # whether flags may stand between positional arguments

    def __init__(self, *, description: str = "", epilog: str = "", **options: Any) -> None:
        super().__init__(
            description=_wrapped(description),
            epilog=_wrapped(epilog),
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,
        )

    def parse_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        parse = self.parse_known_intermixed_args if self.intermixed else self.parse_known_args
        parsed, unknown = parse(args, namespace)
        if unknown:
            remedy = did_you_mean(unknown[0].partition("=")[0], self._flags(), f"See '{self.prog} --help'.")
            if os.path.exists(unknown[0]):
                remedy = f" The file is given as './{unknown[0]}'."
            self.error(f"unknown argument '{unknown[0]}'.{remedy}")
        return parsed

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        words = list(sys.argv[1:] if args is None else args)
        end = words.index("--") if "--" in words else len(words)
        spelled = {flag.replace("_", "-"): flag for flag in self._flags()}
        for position, word in enumerate(words[:end]):
            flag, equals, value = word.partition("=")
            words[position] = spelled.get(flag.replace("_", "-"), flag) + equals + value
        return super().parse_known_args(words, namespace)

    def _flags(self) -> list[str]:
        return [flag for action in self._actions for flag in action.option_strings]

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"error: {printable(message)}\n")


def _wrapped(text: str) -> str:
    """Paragraphs, wrapped to the terminal's width."""
    width = min(shutil.get_terminal_size().columns - 2, 100)
    return "\n\n".join(textwrap.fill(" ".join(part.split()), width) for part in text.split("\n\n"))


def at_least(smallest: int):  # type: ignore[no-untyped-def]
    """The type of an argument that is a whole number, ``smallest`` or more."""

    def number(text: str) -> int:
        if (value := int(text)) < smallest:
            raise argparse.ArgumentTypeError(f"{text}: must be {smallest} or more")
        return value

    number.__name__ = "int"  # what argparse calls it in "invalid int value"
    return number
