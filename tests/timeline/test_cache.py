"""Signals kept on disk: the same answer without decoding, and never one of another file, cue or damaged entry."""

from __future__ import annotations

import io
import os
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from videosync.cli.main import main
from videosync.cues.named import find_cue
from videosync.timeline import cache as caching
from videosync.timeline.cache import SignalCache
from videosync.timeline.clips import inspect, read_clips
from videosync.timeline.sync import sync


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that are decoded, in order."""
    names: list[str] = []

    def counted(info, *arguments):
        names.append(Path(info.path).name)
        return read_clips(info, *arguments)

    monkeypatch.setattr(caching, "read_clips", counted)
    return names


@pytest.fixture
def videos(event: tuple[list[Path], list[int]], tmp_path: Path) -> list[Path]:
    return [Path(shutil.copy2(path, tmp_path / path.name)) for path in event[0]]


def test_a_second_question_decodes_only_what_is_new(videos: list[Path], decoded: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "signals"
    plain = sync(videos)
    assert sync(videos[:2], cache=folder).complete
    assert decoded == ["cam0.mp4", "cam1.mp4"]
    told: list[tuple[str, int, int]] = []
    again = sync(videos, cache=folder, progress=lambda *done: told.append(done))
    assert decoded == ["cam0.mp4", "cam1.mp4", "cam2.mp4"]
    assert again.to_json() == plain.to_json()
    assert (str(videos[0]), 180, 180) in told
    assert len(list(folder.iterdir())) == 3


def test_what_has_changed_is_measured_anew(videos: list[Path], decoded: list[str], tmp_path: Path) -> None:
    folder, two = tmp_path / "signals", videos[:2]
    sync(two, cache=folder)
    os.utime(two[0], ns=(1, 1))
    sync(two, cache=folder)
    assert decoded == ["cam0.mp4", "cam1.mp4", "cam0.mp4"]
    sync(two, cache=folder, cue="motion")  # other channels
    assert decoded[3:] == ["cam0.mp4", "cam1.mp4"]
    sync(two, cache=folder, cue="motion", max_offset=2.0)
    assert len(decoded) == 5


def test_an_entry_is_of_one_rate_one_encoder_and_the_code(videos: list[Path], tmp_path: Path, monkeypatch) -> None:
    class Network:
        size, context, columns, sees_differences = 8, 0, 4, False
        name, temperature, rates = "", 0.1, ()

        def __init__(self, weights_hash: str) -> None:
            self.weights_hash = weights_hash

    cache, info = SignalCache(tmp_path), inspect(videos[0])
    cues = [find_cue("motion-learned", Network(weights)) for weights in ("a", "a", "b")]
    one, same, other = (cache.entry(info, 30.0, cue.meters()) for cue in cues)
    assert one == same != other
    assert cache.entry(info, 15.0, cues[0].meters()) != one
    monkeypatch.setattr(caching, "code_hash", lambda *parts: "later")
    assert cache.entry(info, 30.0, cues[0].meters()) != one


@pytest.fixture(scope="module")
def kept(event: tuple[list[Path], list[int]], tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], str]:
    """A command whose signals are kept, and what it says on stdout."""
    folder = tmp_path_factory.mktemp("kept")
    videos = [shutil.copy2(path, folder / path.name) for path in event[0][:2]]
    command = ["sync", *map(str, videos), "--cache", str(folder / "signals")]
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        assert main(command) == 0
    assert err.getvalue() == ""
    return command, out.getvalue()


@pytest.mark.parametrize("damage", ["cut off", "a flipped bit", "empty", "a text", "other signals", "shorter signals"])
def test_a_damaged_entry_is_measured_anew_and_said(
    damage: str, kept: tuple[list[str], str], decoded: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command, first = kept
    entry = next(Path(command[-1]).glob("cam1*"))
    whole = entry.read_bytes()
    with np.load(entry) as arrays:
        signals = dict(arrays)
    if damage == "other signals":
        np.savez(entry, energy=signals["energy"])
    elif damage == "shorter signals":
        np.savez(entry, **{name: signal[:-1] for name, signal in signals.items()})
    else:
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        entry.write_bytes({"cut off": whole[:-100], "a flipped bit": flipped, "empty": b""}.get(damage, b"no numbers"))
    assert main(command) == 0
    second = capsys.readouterr()
    assert second.out == first
    assert second.err.startswith(f"note: {entry}: damaged (")
    assert second.err.endswith(f"; {command[2]} is measured anew\n")
    assert second.err.count("\n") == 1
    assert decoded == ["cam1.mp4"]
    assert entry.read_bytes() == whole


def test_a_place_that_cannot_be_written_costs_no_answer(
    videos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["sync", *map(str, videos[:2]), "--cache", str(tmp_path / "file")]) == 2
    assert "error: --cache" in capsys.readouterr().err
    found = sync(videos[:2], cache=tmp_path / "file")
    assert found.complete
    assert all("are not kept" in note for note in found.notes)
    assert len(found.notes) == 2


def test_a_full_disk_costs_no_answer(videos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    found = sync(videos[:2], cache=tmp_path / "signals")
    assert found.complete
    assert len(found.notes) == 2
    assert all("are not kept" in note and "No space left" in note for note in found.notes)
    assert not list((tmp_path / "signals").iterdir())
