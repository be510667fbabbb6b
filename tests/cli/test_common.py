"""The flags every command shares, and how errors reach the user."""

from __future__ import annotations

import contextlib
import errno
import importlib
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from videosync.cli import common
from videosync.cli.common import (
    LogLines,
    check_writable,
    command_parser,
    launched_processes,
    launched_rank,
    load_command_config,
    report_error,
    run_command,
)
from videosync.config.load import load_config
from videosync.errors import ConfigError, ManifestError


def raising(error: BaseException):  # type: ignore[no-untyped-def]
    def function() -> None:
        raise error

    return function


def test_paths_are_expanded_and_the_log_folder_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("VIDEOSYNC_WORKDIR", "~/films")
    assert command_parser("d").parse_args(["--cfg_file", "a/b.yml"]).logdir == Path("runs/b")
    args = command_parser("d").parse_args(["--cfg_file", "~/a.yml", "--logdir", "~/logs"])
    assert args.workdir == Path("/home/someone/films")
    assert args.cfg_file == Path("/home/someone/a.yml")
    assert args.logdir == Path("/home/someone/logs")
    assert command_parser("d").parse_args(["--workdir", "~"]).workdir == Path("/home/someone")


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIDEOSYNC_WORKDIR", raising=False)
    args = command_parser("d").parse_args([])
    assert (args.workdir, args.cfg_file, args.logdir) == (Path("."), None, Path("runs/default"))
    assert (args.continue_train, args.opts, args.local_rank, args.print_config) == (False, [], None, False)


def test_opts_may_be_given_twice() -> None:
    args = command_parser("d").parse_args(["--opts", "optim.lr", "-1", "--logdir", "x", "--opts", "a.b=c"])
    assert args.opts == ["optim.lr", "-1", "a.b=c"]


def test_the_configuration_of_a_command(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text("optim: {lr: 3}\n")
    args = command_parser("d").parse_args(["--cfg_file", str(tmp_path / "x.yml"), "--opts", "train.epochs=5"])
    config = load_command_config(args)
    assert (config.optim.lr, config.train.epochs) == (3, 5)
    with pytest.raises(ConfigError, match="data.dataset is empty"):
        load_command_config(args, training=True)


def test_the_batch_size_is_checked_against_the_launched_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    args = command_parser("d").parse_args(["--opts", "data.dataset=d", "model.layer=0", "train.batch_size=4"])
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert load_command_config(args, training=True)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ConfigError, match=r"train.batch_size \(4\) is not divisible .* \(3\)"):
        load_command_config(args, training=True)


def test_printed_configurations_can_be_loaded_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = command_parser("d").parse_args(["--print_config", "--opts", "optim.lr=3"])
    with pytest.raises(SystemExit) as stop:
        load_command_config(args)
    assert stop.value.code == 0
    (tmp_path / "printed.yml").write_text(capsys.readouterr().out)
    assert load_config(tmp_path / "printed.yml") == load_config(None, ["optim.lr=3"])


@pytest.mark.parametrize(
    ("variables", "rank", "processes"),
    [
        ({}, 0, 1),
        ({"RANK": "2", "WORLD_SIZE": "4"}, 2, 4),
        ({"SLURM_PROCID": "3", "SLURM_NTASKS": "4"}, 3, 4),
        ({"SLURM_PROCID": "1", "SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "2"}, 1, 2),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "RANK": "2", "WORLD_SIZE": "8"}, 2, 8),
        ({"SLURM_NTASKS": "4"}, 0, 1),  # inside an allocation, but not started by srun
        ({"RANK": "x", "WORLD_SIZE": "y"}, 0, 1),  # setup_distributed says what is wrong with them
    ],
)
def test_launchers(variables: dict[str, str], rank: int, processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (launched_rank(), launched_processes()) == (rank, processes)


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_the_exit_code_is_the_functions(returned: int | None, code: int) -> None:
    assert run_command(lambda: returned) == code


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ManifestError("no manifest."), "error: no manifest.\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x"),
            "error: /x: no space left on device; free some space, or write to another disk.\n",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x"),
            "error: /x: permission denied; check the permissions, or choose another folder.\n",
        ),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    error: Exception, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(raising(error)) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", message)


def test_interruption_is_one_line_and_exit_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("error", [ValueError("a defect"), FileNotFoundError(errno.ENOENT, "gone"), SystemExit(3)])
def test_defects_keep_their_traceback(error: BaseException) -> None:
    with pytest.raises(type(error)):
        run_command(raising(error))


def test_a_rank_that_is_still_there_speaks_for_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(common.signal, "signal", lambda *_: None)
    waits: list[float] = []
    monkeypatch.setattr(common.time, "sleep", waits.append)
    report_error("bad disk.")
    assert capsys.readouterr().err == "error (rank 1): bad disk.\n"
    assert waits == [common._RANK_WAIT_SECONDS]


@pytest.mark.slow
def test_under_a_launcher_an_error_is_said_once(tmp_path: Path, root: Path) -> None:
    """Three processes meet the same wrong key: one sentence, and the launcher reports the failure."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "3"]
    command += ["-m", "videosync", "config", "--opts", "optim.lrr", "3"]
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert said == ["error: optim.lrr in --opts: unknown key. Did you mean 'optim.lr'?"]


def test_a_reader_that_leaves_early_is_no_error(root: Path) -> None:
    """As in ``videosync config | head -1``."""
    done = subprocess.run(
        f"{sys.executable} -m videosync config --explain | head -1 > /dev/null",
        shell=True,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""


def test_a_folder_that_cannot_be_written_to_is_named_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_writable("--logdir", tmp_path / "new" / "run")
    monkeypatch.chdir(tmp_path)
    check_writable("--logdir", Path("new"))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    for folder in ("file", "file/run"):
        with pytest.raises(ConfigError, match=r"--logdir file.*: .*file is a file; give a folder"):
            check_writable("--logdir", Path(folder))
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(ConfigError, match="nothing may be written to"):
        check_writable("--logdir", tmp_path / "new" / "run")


@pytest.mark.parametrize(
    ("module", "needed"),
    [
        ("train", ["--opts", "data.dataset=x", "model.layer=0"]),
        ("evaluate", []),
        ("construct", ["--dataset_prefix", "x"]),
        ("train_detector", ["--prefix", "x"]),
        ("eval_detector", ["--model_prefix", "x", "--data_prefix", "x"]),
    ],
)
def test_every_command_asks_before_it_works(
    module: str, needed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("file", "similarity_sets"):
        (tmp_path / name).touch()
    main = importlib.import_module(f"videosync.cli.{module}").main
    assert main(["--logdir", "file", *needed]) == 2
    assert "is a file; give a folder" in capsys.readouterr().err


def test_escape_codes_of_a_file_name_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report_error("a\x1b[31m.mp4: é is fine,\n  and so are lines")
    assert capsys.readouterr().err == "error: a\\x1b[31m.mp4: é is fine,\n  and so are lines\n"


def test_log_lines_that_nobody_reads_do_not_disturb_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        lines = LogLines(pipe)
        record = logging.LogRecord("job", logging.INFO, __file__, 1, "epoch %d", (1,), None)
        lines.emit(record)
        assert capsys.readouterr().err == ""
        record.args = ("not a number",)
        lines.emit(record)  # a fault of the code is still shown
        assert "epoch %d" in capsys.readouterr().err
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
