"""``videosync COMMAND …``: one name for all commands; each is imported only when it is asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from videosync.cli.common import BAD_INPUT, report_error
from videosync.errors import did_you_mean
from videosync.version import __version__

COMMANDS: dict[str, tuple[str, str]] = {  # name → module with main(argv) -> exit code, what it does
    "sync": ("videosync.cli.sync", "put videos of one event on one timeline: how far are they apart?"),
    "demo": ("videosync.cli.demo", "run the whole chain on synthetic cameras, without any download"),
    "check": ("videosync.cli.check", "check a dataset folder, print a summary and draw a contact sheet"),
    "leaks": (
        "videosync.cli.leaks",
        "test whether a dataset gives offsets away without its pictures",
    ),
    "train": ("videosync.cli.train", "train a frame encoder"),
    "evaluate": ("videosync.cli.evaluate", "measure how well an encoder finds the offset of two videos"),
    "construct": ("videosync.cli.construct", "write the similarity sets that offset detectors learn from"),
    "train-detector": ("videosync.cli.train_detector", "train offset detectors on a similarity set"),
    "eval-detector": ("videosync.cli.eval_detector", "evaluate offset detectors, also on other data"),
    "convert-checkpoint": (
        "videosync.cli.convert_checkpoint",
        "a CARL or VideoSync .pth checkpoint to ours, and back",
    ),
    "convert-config": (
        "videosync.cli.convert_config",
        "a CARL or VideoSync configuration, with upper-case keys, to ours",
    ),
    "import-annotations": (
        "videosync.cli.import_annotations",
        "train.pkl and val.pkl of older code to a manifest",
    ),
    "import-sets": ("videosync.cli.import_sets", "similarity matrices of older code to a similarity set"),
    "export": (
        "videosync.cli.export",
        "write a trained encoder or detector as ONNX, torch.export or safetensors, with a model card",
    ),
    "config": ("videosync.cli.config", "print the resolved configuration, or what every option means"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (2: wrong input)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help())
        return 0
    name = arguments[0]
    if name == "--version":
        print(f"videosync {__version__}")
        return 0
    if name not in COMMANDS:
        remedy = did_you_mean(name, COMMANDS, f"Commands: {', '.join(COMMANDS)}.")
        report_error(f"unknown command '{name}'.{remedy}")
        return BAD_INPUT
    sys.argv[0] = f"videosync {name}"  # what the command's own help calls itself
    module = importlib.import_module(COMMANDS[name][0])
    return int(module.main(arguments[1:]) or 0)


def _help() -> str:
    lines = [
        "usage: videosync COMMAND [flags]",
        "",
        "Put videos of one event, filmed from different places, on one timeline, from the pixels alone.",
        "",
        "commands:",
    ]
    width = max(len(name) for name in COMMANDS) + 2
    lines += [f"  {name:<{width}}{summary}" for name, (_, summary) in COMMANDS.items()]
    lines += ["", "'videosync COMMAND --help' explains every flag; 'videosync --version' prints the version."]
    return "\n".join(lines)
