"""``videosync export-timeline answer.json``: write a saved answer for editors, without decoding anything again."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from videosync.cli.bar import FrameBar
from videosync.cli.common import CommandParser, command, expanded_path, report_note
from videosync.cli.edit_flags import FLAGS, add_edit_flags, check_outputs, write_outputs
from videosync.errors import ConfigError, VideoError
from videosync.timeline.answer import read_answer

DESCRIPTION = """Write an answer that 'videosync sync --json' saved as projects for editors and tables for laboratories.
Nothing is compared again, and nothing but --trim, --report and --preview decodes. Files are looked for where the answer
says, from the folder in which this command is run, or else beside the answer.

Projects begin with the earliest file. A clip starts with a frame of the timeline: the rest, half a frame at most, is
noted beside it. Exit code 2: wrong input."""


def build_parser() -> CommandParser:
    parser = CommandParser(description=DESCRIPTION)
    parser.add_argument("answer", type=expanded_path, metavar="ANSWER.json", help="what videosync sync --json wrote")
    add_edit_flags(parser)
    return parser


def _export(args: argparse.Namespace) -> int:
    if not any(getattr(args, name.replace("-", "_")) for name in FLAGS):
        raise ConfigError(f"nothing to write; name one of {', '.join(f'--{name}' for name in FLAGS)}")
    answer = read_answer(args.answer)
    check_outputs(args)
    for path in found_files(answer, args.answer.parent):
        report_note(f"{path}: the file is not there; what the answer says of it is written, without its sound")
    try:
        with FrameBar() as bar:
            write_outputs(args, answer, bar)
    except VideoError as error:
        raise VideoError(f"{args.answer}: {error}") from error
    return 0


def found_files(answer: dict[str, Any], folder: Path) -> list[str]:
    """Look for the files of an answer here, then in ``folder``, and change it so; the paths that are nowhere."""
    absent = []
    for file in answer.get("files") or []:
        path = file.get("path") if isinstance(file, dict) else None
        if not isinstance(path, str) or os.path.exists(path):
            continue
        beside = os.path.join(folder, path)
        if os.path.exists(beside):
            file["path"] = beside
        elif file.get("placed"):
            absent.append(path)
    return absent


main = command(build_parser, _export)
