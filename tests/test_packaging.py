"""What an installed package holds, and that the two lists of what it needs agree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

LINE = re.compile(r"^([A-Za-z0-9][\w.-]*)", re.MULTILINE)


def project(root: Path) -> dict[str, list[str]]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_requirements_are_those_of_the_package_and_pinned(root: Path) -> None:
    listed = LINE.findall((root / "requirements.txt").read_text(encoding="utf-8"))
    needed = [LINE.findall(one)[0] for one in project(root)["dependencies"]]
    assert sorted(listed) == sorted(needed)
    assert set(needed) <= set(LINE.findall((root / "constraints.txt").read_text(encoding="utf-8")))


@pytest.mark.slow  # builds a wheel; pip fetches setuptools for it
def test_a_wheel_has_the_configurations_and_the_shipped_encoder(root: Path, tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, tmp_path)
    for name in ("videosync", "dataset_preparation", "configs"):
        shutil.copytree(root / name, tmp_path / name, symlinks=True)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", "dist", "."]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    ZipFile(wheel).extractall(tmp_path / "site")
    away = tmp_path / "away"
    away.mkdir()
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"}
    for flags in (["--copy", "slurm/train.sbatch"], ["--cfg_file", "configs/demo_config.yml"]):
        done = subprocess.run(
            [sys.executable, "-m", "videosync", "config", *flags],
            cwd=away, env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
    assert "dataset: synthetic" in done.stdout
    assert (away / "train.sbatch").read_text() == (root / "configs/slurm/train.sbatch").read_text()
    for kind in ("configs", "weights"):
        files = {path.relative_to(root) for path in (root / "videosync" / kind).rglob("*") if path.is_file()}
        assert files
        assert not [path for path in files if not (tmp_path / "site" / path).is_file()]
