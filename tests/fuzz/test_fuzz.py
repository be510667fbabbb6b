"""The short forms of the fuzzer and of the kills; ``make fuzz`` has the long ones."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.jobs import JOBS
from tests.fuzz.kills import Harness, alike
from tests.fuzz.media import make_media
from tests.fuzz.mutate import damaged
from videosync.video.write import write_video

FIRST = 20_000  # other cases than those of make fuzz


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="inotify and limits of memory are Linux's")
def test_damaged_files_are_a_sentence_or_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cases", "300", "--first", str(FIRST), "--jobs", "2"]) == 0, capsys.readouterr().err


def test_a_case_is_damaged_the_same_way_each_time() -> None:
    for healthy in (b"\x00\x01" * 300, b'{"a": [1, 2, {"b": "c"}]}\n' * 3):
        first, again, other = (damaged(healthy, np.random.default_rng([0, n]), b"other" * 50) for n in (5, 5, 6))
        assert first == again
        assert first != other


def test_videos_are_alike_by_what_they_show(tmp_path: Path) -> None:
    """Another encoding is; a frame more, or all frames one later, is not."""
    make_media(tmp_path)
    with av.open(str(tmp_path / "h264_aac.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for name, shown, crf in (
        ("a", frames, 14),
        ("b", frames, 17),
        ("c", frames[1:], 14),
        ("d", frames[:1] + frames[:-1], 14),
    ):
        write_video(tmp_path / f"{name}.mp4", shown, 25, crf=crf)
    a, b, c, d = (tmp_path / f"{name}.mp4" for name in "abcd")
    assert a.read_bytes() != b.read_bytes()
    assert [alike(a, other) for other in (a, b, c, d)] == [True, True, False, False]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Harness:
    return Harness(tmp_path_factory.mktemp("kills"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="forks a process that has torch")
@pytest.mark.parametrize("job", JOBS)
def test_a_kill_loses_nothing(harness: Harness, job: str) -> None:
    for number in range(3):
        assert harness.kill(job, np.random.default_rng([FIRST, number])) == []


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_a_full_disk_is_a_sentence_and_loses_nothing(harness: Harness, job: str) -> None:
    try:
        lost = harness.fill(job, 0.5)
    except OSError as error:
        pytest.skip(f"no small disk can be mounted here: {error}")
    assert lost == []
