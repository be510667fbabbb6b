"""``videosync COMMAND``: dispatch, help, and quick answers."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from videosync.cli.main import COMMANDS, main
from videosync.version import __version__

SCRIPTS = (
    "train.py",
    "evaluate.py",
    "construct_softmaxed_sim_dataset.py",
    "train_sync_offset_detector.py",
    "eval_sync_offset_detector.py",
)
SLOW_IMPORTS = {"torch", "scipy", "sklearn", "cv2", "matplotlib"}  # seconds, together


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--help"], ["-h"]):
        assert main(arguments) == 0
        text = capsys.readouterr().out
        assert all(f"  {name} " in text for name in COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"videosync {__version__}\n"


def test_an_unknown_command_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evalute"]) == 2
    assert capsys.readouterr().err == "error: unknown command 'evalute'. Did you mean 'evaluate'?\n"
    assert main(["zzz"]) == 2
    assert "Commands: sync, demo, check, leaks" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_main(name: str) -> None:
    assert callable(importlib.import_module(COMMANDS[name][0]).main)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_only_call_a_command(root: Path, script: str) -> None:
    source = (root / script).read_text()
    assert len(source.splitlines()) <= 10
    imports = [node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    assert len(imports) == 1
    assert imports[0] in [module for module, _ in COMMANDS.values()]


@pytest.mark.parametrize("command", [*SCRIPTS, *COMMANDS])
def test_help_explains_each_flag_at_once(root: Path, command: str) -> None:
    """Every flag has a sentence, and nothing is imported first that takes long."""
    arguments = [command] if command in SCRIPTS else ["-m", "videosync", command]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments, "--help"],
        cwd=root,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & SLOW_IMPORTS
    flags = [line.split("  ", 1) for line in _joined(done.stdout) if line.startswith("-")]
    assert flags
    unexplained = [flag for flag, *words in flags if len(" ".join(words).split()) < 3]
    assert not unexplained, f"{command} --help: no sentence for {', '.join(unexplained)}"


def _joined(text: str) -> list[str]:
    """The lines of a help text, each flag with its explanation on one line."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("  -"):
            lines.append(line.strip())
        elif lines and line.startswith("     "):
            lines[-1] += "  " + line.strip()
        else:
            lines.append("")
    return lines
