"""``videosync COMMAND …``: one name for all commands; each is imported only when it is asked for."""

from __future__ import annotations

import importlib
import os
import shlex
import sys
from collections.abc import Sequence
from types import ModuleType

from videosync.cli.common import BAD_INPUT, report_error, run_command
from videosync.errors import did_you_mean, nearest
from videosync.files import MEDIA
from videosync.version import __version__

COMMANDS = {  # name, which is also the module's, and what it does
    "sync": "put videos of one event on one timeline: how far are they apart?",
    "batch": "put the videos of many events on a timeline each: a folder of folders, or a table",
    "export-timeline": "write a saved answer of sync for editors and laboratories: Premiere, Final Cut, OTIO, CSV",
    "probe": "say what files are: codec, frame rate, gaps, starts, sound, and what will give trouble",
    "audit": "find the cameras that are off in sets that are said to be synchronised",
    "demo": "run the whole chain on synthetic cameras, without any download",
    "demo-audio": "learn from sound and pictures of synthetic events without labels, beside what it must beat",
    "check": "check a dataset folder, print a summary and draw a contact sheet",
    "leaks": "test whether a dataset gives offsets away without its pictures",
    "train": "train a frame encoder",
    "evaluate": "measure how well an encoder finds the offset of two videos",
    "construct": "write the similarity sets that offset detectors learn from",
    "train-detector": "train offset detectors on a similarity set",
    "eval-detector": "evaluate offset detectors, also on other data",
    "convert-checkpoint": "a CARL or VideoSync .pth checkpoint to ours, and back",
    "convert-config": "a CARL or VideoSync configuration, with upper-case keys, to ours",
    "import-annotations": "train.pkl and val.pkl of older code to a manifest",
    "import-sets": "similarity matrices of older code to a similarity set",
    "export": "write a trained encoder or detector as ONNX, torch.export or safetensors, with a model card",
    "config": "print the resolved configuration, what every option means, or the configurations there are",
}


def command_module(name: str) -> ModuleType:
    """The module of a command, with ``build_parser()`` and ``main(argv) -> exit code``."""
    return importlib.import_module(f"videosync.cli.{name.replace('-', '_')}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (2: wrong input)."""
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:  # closed, as in "videosync … >&-"; what is imported writes to it
            setattr(sys, stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 – as long as the process
    name, *arguments = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("-h", "--help"):
        return run_command(lambda: print(_help()))
    if name == "--version":
        print(f"videosync {__version__}")
        return 0
    if name not in COMMANDS:
        remedy = did_you_mean(name, COMMANDS, f"Commands: {', '.join(COMMANDS)}.")
        if os.path.splitext(name)[1].lower() in MEDIA or (os.path.exists(name) and nearest(name, COMMANDS) is None):
            remedy = f" Did you mean 'videosync sync {shlex.join([name, *arguments])}'?"
        report_error(f"unknown command '{name}'.{remedy}")
        return BAD_INPUT
    sys.argv[0] = f"videosync {name}"  # what the command's own help calls itself
    return int(command_module(name).main(arguments) or 0)


def _help() -> str:
    width = max(map(len, COMMANDS)) + 2
    commands = "\n".join(f"  {name:<{width}}{summary}" for name, summary in COMMANDS.items())
    return f"""usage: videosync COMMAND [flags]

Put videos of one event, filmed from different places, on one timeline, from pixels and sound.

commands:
{commands}

'videosync COMMAND --help' explains every flag; 'videosync --version' prints the version."""
