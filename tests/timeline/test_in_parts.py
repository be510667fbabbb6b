"""Long files of which parts are decoded: the same answer as by all of them, or none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import videosync.timeline.in_parts as in_parts
from tests.timeline.moving_signals import REACH, joined, part, two_views
from videosync.cues.named import CUES
from videosync.errors import VideoError
from videosync.signals.hard_changes import PICTURES
from videosync.signals.measure import Meter, Signals
from videosync.signals.thumbnails import ThumbnailMeter
from videosync.timeline.clips import Clip, ClipInfo, FileWarning, inspect, read_clip
from videosync.timeline.compare import Compared
from videosync.timeline.evidence import gather
from videosync.timeline.in_parts import InParts, compare_in_parts
from videosync.timeline.placement import judge
from videosync.timeline.speeds import resampled

RATE, FRAMES = 10.0, 6600  # eleven minutes
GROUP = 20  # frames from one keyframe to the next


class Films:
    """Long files that exist as signals, and how many of their frames were read."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.clips, self.read = folder, dict[str, Signals](), 0
        monkeypatch.setattr(in_parts, "video_index", self.index)

    def add(self, clip: Signals) -> ClipInfo:
        path = self.folder / f"{len(self.clips)}.mp4"
        path.write_bytes(bytes(1000 + len(self.clips)))
        self.clips[str(path)] = clip
        return ClipInfo(str(path), np.arange(len(clip["energy"])) / RATE, RATE)

    def index(self, path: str) -> SimpleNamespace:
        frames = len(self.clips[path]["energy"])
        keys = [SimpleNamespace(frame=frame) for frame in range(0, frames, GROUP)]
        return SimpleNamespace(pts=np.arange(frames), starts_over=(), keys=keys)

    def clip(self, info: ClipInfo, rates: Collection[float], meters: Sequence[Meter]) -> dict[float, Clip]:
        self.read += len(info.times)
        (rate,) = rates
        return {rate: Clip(info, rate, part(self.clips[info.path], info.first, info.first + len(info.times)))}

    def ask(self, *clips: Signals) -> InParts | None:
        infos = {number: self.add(clip) for number, clip in enumerate(clips)}
        grids = {(i, j): RATE for i in infos for j in infos if i < j}
        return compare_in_parts(CUES["motion"], infos, grids, self.clip, name="motion")


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Films:
    return Films(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def views() -> tuple[Signals, Signals]:
    return two_views(FRAMES + 900, 3, noise=1.0)


def lag_of(said: Compared) -> float:
    """Frames of file 1 at which file 0 begins."""
    assert said.clocks is not None
    assert judge(said.curve).doubt is None
    return said.curve.vertex(said.curve.best()) * said.clocks.seconds_of(1)


@pytest.mark.parametrize("swapped", [False, True])
def test_parts_find_the_offset(swapped: bool, films: Films, views: tuple[Signals, Signals]) -> None:
    clips = part(views[0], 700), part(views[1], 0, FRAMES)
    found = films.ask(*(clips[::-1] if swapped else clips))
    assert found is not None
    said = found.compared[0, 1]
    assert lag_of(said) == pytest.approx(-700 if swapped else 700, abs=0.3)
    assert said.clocks is not None
    assert said.clocks.rate == 1
    assert said.clocks.interval_ppm is not None
    assert said.clocks.interval_ppm[0] <= 0 <= said.clocks.interval_ppm[1]
    assert films.read < 0.7 * sum(len(clip["energy"]) for clip in clips)
    assert "of 22 minutes" in found.note
    assert "--thorough" in found.note


def test_parts_find_the_drift(films: Films, views: tuple[Signals, Signals]) -> None:
    other = resampled(part(views[1], 0, FRAMES), 1 + 600e-6, REACH)
    other["camera"] = np.zeros((len(other["energy"]), 1), np.float32)
    found = films.ask(part(views[0], 300), other)
    assert found is not None
    said = found.compared[0, 1]
    assert said.clocks is not None
    assert said.clocks.interval_ppm is not None
    assert said.clocks.interval_ppm[0] <= -600 <= said.clocks.interval_ppm[1]
    assert said.clocks.rate != 1
    assert lag_of(said) == pytest.approx(300 / (1 + 600e-6), abs=0.6)


@pytest.mark.slow
def test_files_of_which_parts_tell_nothing_are_left_to_those_who_read_all(
    films: Films, views: tuple[Signals, Signals]
) -> None:
    unrelated, short = two_views(FRAMES, 8)[0], part(views[0], 0, 5000)
    breaks = [joined(part(views[1], 0, at), part(views[1], at + 40, FRAMES + 100)) for at in (3000, 5900)]
    moving = {**part(views[1], 0, FRAMES), "camera": np.ones((FRAMES, 1), np.float32)}
    still = {name: 0 * values for name, values in part(views[1], 0, FRAMES).items()}
    one = part(views[0], 0, FRAMES)
    for other in (unrelated, short, *breaks, moving, still):
        assert films.ask(one, other) is None


@pytest.mark.parametrize("odd", ["damage", "a warning", "a gap", "no keyframes", "other rates"])
def test_odd_files_are_read_wholly(
    odd: str, films: Films, views: tuple[Signals, Signals], monkeypatch: pytest.MonkeyPatch
) -> None:
    infos = {n: films.add(part(view, 0, FRAMES)) for n, view in enumerate(views)}
    rates = [RATE, RATE]
    if odd == "a gap":
        infos[1] = ClipInfo(infos[1].path, infos[1].times + (np.arange(FRAMES) > 3000), RATE)
    elif odd == "no keyframes":
        monkeypatch.setattr(in_parts, "LONGEST_GROUP", 1.0)
    elif odd == "other rates":
        infos[2], rates = films.add(part(views[0], 100)), [RATE, RATE / 2]
    read = films.clip

    def damaged(info: ClipInfo, *arguments: object) -> dict[float, Clip]:
        if odd == "damage" and info.path == infos[1].path:
            raise VideoError("damaged")
        clips = read(info, *arguments)  # type: ignore[arg-type]
        if odd != "a warning":
            return clips
        said = ClipInfo(info.path, info.times, RATE, (FileWarning("frames_lost", "some"),), info.first)
        return {rate: Clip(said, rate, clip.signals) for rate, clip in clips.items()}

    grids = dict(zip([(0, 1), (0, 2)], rates[: len(infos) - 1]))
    assert compare_in_parts(CUES["motion"], infos, grids, damaged) is None


def test_a_stretch_of_a_file_shows_what_it_shows_there(event: tuple[list[Path], list[int]]) -> None:
    info, meters = inspect(event[0][0]), [ThumbnailMeter()]
    whole = read_clip(info, info.fps, meters).signals[PICTURES]
    some, start = info.stretch(47, 95, info.fps)
    assert start == 47
    np.testing.assert_array_equal(read_clip(some, info.fps, meters).signals[PICTURES], whole[47:95])


def test_files_that_parts_leave_in_doubt_get_the_answer_of_all_of_them(
    event: tuple[list[Path], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def parts(*arguments: object, **named: object) -> InParts | None:
        asked.append(compare_in_parts(*arguments, **named))  # type: ignore[arg-type]
        return None

    monkeypatch.setattr("videosync.timeline.evidence.compare_in_parts", parts)
    for name, value in (("LONG", 5.0), ("EVERY", 3.0), ("ENOUGH", 2.0), ("COMMON", 0.5)):
        monkeypatch.setattr(in_parts, name, value)
    both = [gather(event[0][:2], cue="motion", audio="off", thorough=thorough) for thorough in (False, True)]
    assert asked == [None]  # too short for windows
    assert len({found.curves[0, 1].scores.tobytes() for found in both}) == 1
