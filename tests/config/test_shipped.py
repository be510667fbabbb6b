"""The configurations that come with VideoSync."""

from __future__ import annotations

from pathlib import Path

import pytest

from videosync.cli.config import main
from videosync.config.load import load_config
from videosync.config.shipped import CONFIGS, about, shipped_configs


def test_they_are_those_of_the_checkout(root: Path) -> None:
    here = {path.relative_to(root / "configs").as_posix() for path in (root / "configs").rglob("*.*")}
    assert set(shipped_configs()) == here
    assert all(len(about(path)) > 20 for path in shipped_configs().values())


@pytest.mark.parametrize("asked", ["configs/demo_config.yml", "./configs/demo_config.yml", "demo_config.yml"])
def test_one_is_read_by_its_name_unless_there_is_such_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config(asked) == load_config(CONFIGS / "demo_config.yml")
    (tmp_path / "configs").mkdir(exist_ok=True)
    (tmp_path / asked).write_text("optim: {lr: 3}\n")
    assert load_config(asked).optim.lr == 3


def test_they_are_listed_and_copied_and_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(shipped_configs())
    for target in ([], ["mine.yml"]):
        assert main(["--copy", "configs/demo_config.yml", *target]) == 0
    original = (CONFIGS / "demo_config.yml").read_text()
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == [original, original]
    assert main(["--copy", "demo_config.yml", "new/folder/mine.yml"]) == 0
    assert (tmp_path / "new" / "folder" / "mine.yml").read_text() == original
    (tmp_path / "mine.yml").write_text("mine")
    assert main(["--copy", "demo_config.yml", "mine.yml"]) == 2
    assert "mine.yml: there already, and is not overwritten" in capsys.readouterr().err
    assert (tmp_path / "mine.yml").read_text() == "mine"
    assert main(["--copy", "demo_confg.yml"]) == 2
    assert "Did you mean 'demo_config.yml'?" in capsys.readouterr().err
