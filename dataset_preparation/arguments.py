"""Command-line parsing of the preparation scripts: a wrong flag is answered with one sentence."""

from __future__ import annotations

import argparse
import difflib
from typing import Any, NoReturn


class PreparationParser(argparse.ArgumentParser):
    """argparse without abbreviations, whose errors are one sentence on stderr and exit code 2."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def parse_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flags = [flag for action in self._actions for flag in action.option_strings]
            near = difflib.get_close_matches(unknown[0].partition("=")[0], flags, n=1)
            remedy = f"did you mean '{near[0]}'?" if near else f"see '{self.prog} --help'"
            self.error(f"unknown argument '{unknown[0]}'; {remedy}")
        return parsed

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")
