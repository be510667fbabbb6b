"""docs/research.md: every command is one that VideoSync takes, and works on what an earlier one left."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
from argparse import Namespace
from pathlib import Path

import pytest

from dataset_preparation.synthetic_process import main as make_events
from tests.cli.test_chain_commands import CONFIG
from videosync.cli.main import COMMANDS, command_module, main
from videosync.config.load import load_config
from videosync.config.shipped import CONFIGS
from videosync.models.pretrained import FOLDER, PRETRAINED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "research.md"
SCRIPTS = {(command_module(name).__doc__ or "").split("``")[1]: name for name in COMMANDS}
BEFORE = (  # what stands before the name of a command, a script or a module
    r"^((torchrun|python -m torch\.distributed\.launch) (--standalone )?--nproc_per_node \d+ )?"
    r"(python )?(-m )?(videosync )?"
)


def chapter(title: str) -> str:
    return PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def commands(title: str) -> list[str]:
    blocks = re.findall(r"^```\n(.*?)^```", chapter(title), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def named(title: str) -> set[str]:
    """The paths in the first column of a chapter's table."""
    rows = re.findall(r"^\| (`.+?) \|", chapter(title), re.MULTILINE)
    return {path for row in rows for path in re.findall(r"`([^`]+)`", row)}


def parsed(line: str) -> tuple[str, Namespace]:
    """The command of a line, and what its own parser makes of the rest; a wrong flag ends the test."""
    name, *rest = shlex.split(re.sub(BEFORE, "", line))
    if name.startswith("dataset_preparation."):
        return "prepare", importlib.import_module(name)._parser().parse_args(rest)
    name = SCRIPTS.get(name, name)
    return name, command_module(name).build_parser().parse_args(rest)


def needs_and_leaves(line: str) -> tuple[set[str], set[str]]:
    """The paths that a command reads, and those it makes."""
    words = line.split()
    if words[0] == "sh":
        return {words[1]}, set(re.findall(r"datasets/raw/\w+", Path(words[1]).read_text()))
    if words[0] == "curl":
        return set(), {words[words.index("--output") + 1]}
    if words[0] == "sbatch":
        return {words[1]}, set()
    name, args = parsed(line)
    given = {key: str(value) for key, value in vars(args).items()}
    if name == "prepare":
        return {given["data_root"]}, {given["output_dir"]}
    if name in ("check", "leaks"):
        return {given["folder"]}, set()
    if name == "sync":
        return {*args.videos, given["encoder"]}, set()
    if name == "export":
        return {given["source"]}, {given["output"]}
    if name == "config":
        return set(), {Path(args.copy[-1]).name} if args.copy else set()
    config = load_config(args.cfg_file, args.opts)
    data, run = str(args.workdir / config.data.dataset), given["logdir"]
    if name == "train":
        return {data, str(args.workdir / FOLDER / PRETRAINED[config.model.weights].file)}, {run}
    if name == "evaluate":
        return {data, run}, set()
    sets, detectors = config.paths.sets, config.paths.detectors
    if name == "construct":
        return {data, run}, {f"{sets}/{args.dataset_prefix}"}
    if name == "train-detector":
        return {f"{sets}/{args.prefix}"}, {f"{detectors}/{args.prefix}"}
    assert name == "eval-detector"
    return {f"{sets}/{args.data_prefix}", f"{detectors}/{args.model_prefix}"}, set()


@pytest.mark.parametrize("titles", [["One GPU", "Eight GPUs", "Slurm"], ["The published commands"]])
def test_each_step_works_on_what_an_earlier_one_left(titles: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PAGE.parents[1])
    there = {str(Path(path).expanduser()) for path in named("Inputs") | named(titles[-1])}
    lines = [line for title in titles for line in commands(title)]
    assert len(lines) >= 8
    for line in lines:
        needs, leaves = needs_and_leaves(line)
        absent = {path for path in needs if path not in there and str(Path(path).parent) not in there}
        assert not absent, f"{line}: nothing before it makes {', '.join(sorted(absent))}"
        there |= leaves


def test_the_slurm_script_is_one_that_bash_and_videosync_take() -> None:
    script = CONFIGS / "slurm" / "train.sbatch"
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text(encoding="utf-8").replace("\\\n", "")
    tasks = [int(n) for n in re.findall(r"^#SBATCH --(?:nodes|ntasks-per-node)=(\d+)", text, re.MULTILINE)]
    (line,) = re.findall(r"^srun (.+)$", text, re.MULTILINE)
    name, args = parsed(line)
    assert name == "train"
    load_config(args.cfg_file, args.opts, world_size=tasks[0] * tasks[1], training=True)


@pytest.mark.slow
def test_the_chain_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands for one GPU as they are, where a small configuration and dataset have the names that they use."""
    monkeypatch.chdir(tmp_path)
    events = ["--train_events", "8", "--val_events", "6", "--frames", "90", "--size", "32", "--offset_range", "6"]
    assert make_events(["--output_dir", "datasets/cmu_pose", *events, "--workers", "1"]) == 0
    for camera in ("cam0.mp4", "cam1.mp4"):
        (tmp_path / camera).symlink_to(tmp_path / "datasets" / "cmu_pose" / "val_0000" / camera)
    (tmp_path / "configs").mkdir()
    quick = "detector: {mlp_hidden: [32], mlp_epochs: 2, cnn_epochs: 1, equivariant_epochs: 1}\n"
    config = CONFIG.replace("dataset: synthetic", "dataset: cmu_pose") + quick
    (tmp_path / "configs" / "scl_transformer_cmu_config.yml").write_text(config)
    ran = []
    for line in commands("One GPU"):
        if line.startswith("videosync"):
            ran.append(line.split()[1])
            expected = (0, 3) if ran[-1] == "sync" else (0,)  # 3: not sure enough
            assert main(shlex.split(line)[1:]) in expected, line
    assert len(ran) == 11
