"""``videosync COMMAND``: dispatch, help, and quick answers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from videosync.arguments import SentenceParser
from videosync.cli.main import COMMANDS, command_module, main
from videosync.version import __version__

SCRIPTS = (
    "train.py",
    "evaluate.py",
    "construct_softmaxed_sim_dataset.py",
    "train_sync_offset_detector.py",
    "eval_sync_offset_detector.py",
)
PUBLISHED = {  # with an underscore, as in the research code; other flags have hyphens
    "--cfg_file",
    "--continue_train",
    "--local_rank",
    "--dataset_prefix",
    "--model_prefix",
    "--data_prefix",
    "--sync_methods",
}


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
    assert "Commands: sync, batch, export-timeline, probe, audit, demo, demo-audio" in capsys.readouterr().err


def test_files_without_a_command_are_answered_with_sync(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["one cam.mp4", "b.MOV"]) == 2
    assert "Did you mean 'videosync sync 'one cam.mp4' b.MOV'?" in capsys.readouterr().err


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_only_call_a_command(root: Path, script: str) -> None:
    source = (root / script).read_text()
    assert len(source.splitlines()) <= 10
    imports = [node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    assert imports[0] in [command_module(name).__name__ for name in COMMANDS]
    assert len(imports) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_each_flag_and_shows_its_published_spelling(name: str) -> None:
    parser = command_module(name).build_parser()
    assert isinstance(parser, SentenceParser)
    assert parser.description
    unexplained = [action.dest for action in parser._actions if len((action.help or "").split()) < 3]
    assert not unexplained, f"{name} --help: no sentence for {', '.join(unexplained)}"
    assert {flag for action in parser._actions for flag in action.option_strings if "_" in flag} <= PUBLISHED


def test_what_takes_seconds_to_import_is_imported_where_it_works(root: Path) -> None:
    commands = ", ".join(command_module(name).__name__ for name in COMMANDS)
    steps = {
        "import videosync": {"torch", "numpy", "av", "matplotlib"},
        "from videosync.config.load import load_config; load_config()": {"torch", "sklearn", "av"},
        f"import {commands}": {"torch", "scipy", "sklearn", "cv2", "matplotlib"},
        "from videosync import sync, OffsetEstimate; import videosync.timeline.sync; assert callable(sync)": {"torch"},
    }
    code = "import sys\n" + "\n".join(f"{step}\nprint(*{slow} & set(sys.modules))" for step, slow in steps.items())
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not done.stdout.split(), done.stdout


def test_closed_streams_are_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["unknown"]) == 2
    for stream in (sys.stdout, sys.stderr):
        stream.write("as libraries do")
        stream.close()
