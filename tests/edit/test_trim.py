"""Cut files begin and end with the frames that the answer names, in step with their sound."""

from __future__ import annotations

import errno
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videosync.audio.read import read_sound
from videosync.edit import trim as module
from videosync.edit.trim import exactly, trim
from videosync.errors import VideoError, VideoWriteError
from videosync.video.index import video_index
from videosync.video.read import probe, read_frames
from videosync.video.recorded import recorded

SIZE = 64, 96
RATE = 48000


def numbered(number: int) -> np.ndarray:
    """A picture that shows a number as ten dark and bright bars: uint8 [H,W,3]."""
    picture = np.zeros((*SIZE, 3), np.uint8)
    for bit in range(10):
        if number >> bit & 1:
            picture[:, bit * 9 : (bit + 1) * 9] = 200
    return picture


def number_of(picture: np.ndarray) -> int:
    return sum((int(picture[20:40, bit * 9 + 3 : bit * 9 + 6].mean()) > 100) << bit for bit in range(10))


def film(
    path: Path,
    *,
    times: list[Fraction],
    codec: str = "libx264",
    pixels: str = "yuv420p",
    tracks: int = 1,
    sound: str = "aac",
    turned: bool = False,
    timecode: str | None = None,
) -> Path:
    """Numbered frames at ``times``, and tracks with a click at each tenth of them; track n is n + 1 times as quiet."""
    with av.open(str(path), "w") as output:
        quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        video = output.add_stream(codec, rate=30, options=quiet)
        assert isinstance(video, VideoStream)
        video.height, video.width, video.pix_fmt = *SIZE, pixels
        tick = Fraction(1, 30) if codec.startswith(("mpeg", "mjpeg")) else Fraction(1, 90000)
        video.codec_context.time_base = tick
        if timecode:
            video.metadata["timecode"] = timecode
        if turned:
            video.set_display_rotation(-90)
        output.metadata["title"] = "a walk"
        sounds = [output.add_stream(sound, rate=RATE) for _ in range(tracks)]
        for number, track in enumerate(sounds):
            assert isinstance(track, AudioStream)
            track.codec_context.layout = "mono" if number else "stereo"
            track.metadata["language"] = "ger" if number else "eng"
        for number, time in enumerate(times):
            frame = VideoFrame.from_ndarray(numbered(number), format="rgb24")
            frame.pts, frame.time_base = int(time / tick), tick
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        clicks = np.zeros(int((times[-1] + Fraction(1, 30)) * RATE), np.float32)
        clicks[[int(time * RATE) for time in times[::10]]] = 0.9
        for number, track in enumerate(sounds):
            size = track.codec_context.frame_size or 1024
            for at in range(0, len(clicks) - size + 1, size):
                block = np.stack([clicks[at : at + size] / (number + 1)] * (1 if number else 2))
                block = block.T.reshape(1, -1) if sound.startswith("pcm") else block
                kind = "flt" if sound.startswith("pcm") else "fltp"
                heard = AudioFrame.from_ndarray(block, format=kind, layout="mono" if number else "stereo")
                heard.sample_rate, heard.pts, heard.time_base = RATE, at, Fraction(1, RATE)
                output.mux(track.encode(heard))
            output.mux(track.encode(None))
    return path


def even(frames: int, fps: float = 30) -> list[Fraction]:
    return [Fraction(number) / Fraction(fps).limit_denominator(1001) for number in range(frames)]


def answer(*files: tuple[Path, float, float, float]) -> dict[str, Any]:
    """(path, start, duration, frames/s; 0: sound only) of each."""
    return {
        "schema": 2,
        "files": [
            {"path": str(path), "placed": True, "start_seconds": start, "duration_seconds": lasts, "fps": fps or None,
             "confidence": 0.99, "timecode": None}
            for path, start, lasts, fps in files
        ],
    }  # fmt: skip


def shown(path: Path) -> list[int]:
    """The numbers of all frames; that of a turned one is read as it is stored."""
    frames = read_frames(path)
    return [number_of(frame if frame.shape[1] == SIZE[1] else np.rot90(frame)) for frame in frames]


def first_click(path: Path) -> float:
    return float(np.flatnonzero(read_sound(path, rate=RATE) > 0.2)[0]) / RATE


def test_files_begin_and_end_together_at_the_frames_that_the_answer_names(tmp_path: Path) -> None:
    one = film(tmp_path / "one.mp4", times=even(100))
    other = film(tmp_path / "other.mkv", times=even(80, 25))
    written = trim(answer((one, 0.0, 100 / 30, 30), (other, 0.61, 3.2, 25)), tmp_path / "cut")
    assert [path.name for path in written] == ["one_synced.mp4", "other_synced.mkv"]
    assert shown(written[0]) == list(range(18, 100))
    assert shown(written[1]) == list(range(68))  # 2.72 s, as the other's 2.73 s
    for path, lasts in zip(written, (82 / 30, 68 / 25)):
        with av.open(str(path)) as file:
            assert file.duration is not None
            assert file.duration / 1e6 == pytest.approx(lasts, abs=0.03)  # and a block of sound
    assert first_click(written[0]) == pytest.approx(2 / 30, abs=0.001)
    assert first_click(written[1]) == pytest.approx(0, abs=0.001)


def test_the_first_frame_is_the_named_one_and_like_no_neighbour(tmp_path: Path) -> None:
    one, other = film(tmp_path / "a.mp4", times=even(60)), film(tmp_path / "b.mp4", times=even(60))
    (cut, _) = trim(answer((one, 0.0, 2.0, 30), (other, 0.7, 2.0, 30)), tmp_path / "cut")
    source, first, last = read_frames(one).astype(float), *read_frames(cut).astype(float)[[0, -1]]

    def psnr(number: int, picture: np.ndarray) -> float:
        return 10 * float(np.log10(255**2 / np.square(source[number] - picture).mean()))

    assert psnr(21, first) > 35 > max(psnr(20, first), psnr(22, first))
    assert psnr(59, last) > 35


def test_a_clock_that_drifts_is_cut_where_it_shows_the_same_moments(tmp_path: Path) -> None:
    one, other = film(tmp_path / "a.mp4", times=even(200)), film(tmp_path / "b.mp4", times=even(200))
    both = answer((one, 0.0, 200 / 30, 30), (other, -1.0, 200 / 30, 30))
    both["files"][1]["drift_ppm"] = -50_000.0  # a second of its own lasts .95
    cut, drifting = trim(both, tmp_path / "cut")
    assert shown(cut) == list(range(round((0.95 * 200 / 30 - 1) * 30)))
    assert shown(drifting) == list(range(round(30 / 0.95), 200))


@pytest.mark.parametrize("ppm", [10_000.0, -5_000.0])
def test_corrected_drift_leaves_frames_and_sound_at_their_times(tmp_path: Path, ppm: float) -> None:
    one, other = film(tmp_path / "a.mp4", times=even(300)), film(tmp_path / "b.mp4", times=even(300), tracks=2)
    both = answer((one, 0.0, 10.0, 30), (other, -0.51, 10.0, 30))
    both["files"][1]["drift_ppm"] = ppm
    rate = 1 + ppm * 1e-6
    cut, drifting = trim(both, tmp_path / "cut", correct_drift=True)
    assert shown(cut) == list(range(round((10 * rate - 0.51) * 30)))
    seen = np.array(shown(drifting))
    assert len(seen) == len(shown(cut))
    moments = np.arange(len(seen)) / 30  # of the common clock
    assert np.abs(-0.51 + seen / 30 * rate - moments).max() <= 0.5 / 30 * rate + 1e-6
    clicks = np.flatnonzero(np.diff((read_sound(drifting, rate=RATE) > 0.2).astype(int)) > 0) / RATE
    expected = -0.51 + np.arange(2, 30) / 3 * rate
    assert clicks == pytest.approx(expected[(expected > 0) & (expected < moments[-1])], abs=0.001)
    assert probe(drifting).fps == pytest.approx(30)


def test_frames_of_a_varying_rate_move_to_their_times_where_drift_is_corrected(tmp_path: Path) -> None:
    steps = np.random.default_rng(1).integers(1, 6, 60)
    times = [Fraction(int(step), 60) for step in np.cumsum(steps) - steps[0]]
    one, other = film(tmp_path / "a.mp4", times=times), film(tmp_path / "b.mp4", times=even(120))
    rate = video_index(one).fps
    both = answer((one, 0.0, float(times[-1]) + 1 / rate, rate), (other, 1.0, 4.0, 30))
    both["files"][0]["drift_ppm"] = 20_000.0
    (cut, _) = trim(both, tmp_path / "cut", correct_drift=True)
    numbers = shown(cut)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    kept = np.array([float(times[number]) for number in numbers]) * 1.02 - 1.0
    assert probe(cut).times - probe(cut).times[0] == pytest.approx(np.maximum(kept, 0), abs=1e-3)


@pytest.mark.parametrize(
    ("codec", "pixels", "ending"),
    [("libx264", "yuv422p", ".mov"), ("libx265", "yuv420p10le", ".mp4"), ("mpeg4", "yuv420p", ".avi")],
)
def test_bit_depth_and_chroma_stay(tmp_path: Path, codec: str, pixels: str, ending: str) -> None:
    one = film(tmp_path / f"one{ending}", times=even(40), codec=codec, pixels=pixels)
    other = film(tmp_path / "b.mp4", times=even(40))
    (cut, _) = trim(answer((one, 0.0, 40 / 30, 30), (other, 0.5, 40 / 30, 30)), tmp_path / "cut")
    assert shown(cut) == list(range(15, 40))
    with av.open(str(cut)) as file:
        assert file.streams.video[0].codec_context.pix_fmt == pixels
    assert cut.suffix == (".mp4" if ending == ".avi" else ending)


def test_times_of_a_varying_rate_stay(tmp_path: Path) -> None:
    steps = np.random.default_rng(0).integers(1, 6, 80)
    times = [Fraction(int(step), 60) for step in np.cumsum(steps) - steps[0]]
    one, other = film(tmp_path / "a.mp4", times=times), film(tmp_path / "b.mp4", times=even(200))
    rate = video_index(one).fps
    lasts = float(times[-1]) + 1 / rate
    (cut, _) = trim(answer((one, 0.0, lasts, rate), (other, 1.0, 200 / 30, 30)), tmp_path / "cut")
    numbers = shown(cut)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert float(times[numbers[0]]) == pytest.approx(1.0, abs=0.05)
    kept = [float(time - times[numbers[0]]) for time in times[numbers[0] : numbers[-1] + 1]]
    assert probe(cut).times - probe(cut).times[0] == pytest.approx(kept, abs=1e-4)


def test_turn_title_tracks_and_timecode_stay(tmp_path: Path) -> None:
    one = film(tmp_path / "a.mov", times=even(60), tracks=2, turned=True, timecode="01:00:00:20")
    other = film(tmp_path / "b.mp4", times=even(60))
    (cut, _) = trim(answer((one, 0.0, 2.0, 30), (other, 0.5, 2.0, 30)), tmp_path / "cut")
    assert probe(cut).rotation == probe(one).rotation != 0
    assert recorded(cut).timecode == "01:00:01:05"
    assert shown(cut) == list(range(15, 60))
    with av.open(str(cut)) as file:
        assert file.metadata["title"] == "a walk"
        assert [(s.codec_context.layout.name, s.language) for s in file.streams.audio] == [
            ("stereo", "eng"), ("mono", "ger"),
        ]  # fmt: skip
        loud = [max(np.abs(f.to_ndarray()).max() for f in file.decode(audio=n)) for n in (0, 1) if not file.seek(0)]
    assert loud[0] > 1.5 * loud[1]


def test_a_recorder_is_cut_at_the_sample(tmp_path: Path) -> None:
    filmed = film(tmp_path / "a.mp4", times=even(90))
    recorder = tmp_path / "r.wav"
    with av.open(str(recorder), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=RATE)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = "mono"
        ramp = (np.arange(5 * RATE) % 30000).astype(np.int16)
        frame = AudioFrame.from_ndarray(ramp[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    (_, cut) = trim(answer((filmed, 1.0, 3.0, 30), (recorder, 0.0, 5.0, 0)), tmp_path / "cut")
    assert cut.name == "r_synced.wav"
    with av.open(str(cut)) as file:
        kept = np.concatenate([frame.to_ndarray().ravel() for frame in file.decode(audio=0)])
    assert np.array_equal(kept, ramp[RATE : 4 * RATE])


def test_gaps_of_sound_become_silence() -> None:
    blocks = [(5, np.ones((1, 10), np.float32)), (20, np.full((1, 10), 2, np.float32))]
    found = np.concatenate(list(exactly(iter(blocks), 3, 24, 1, block=4)), axis=1)[0]
    assert found.tolist() == [0] * 2 + [1] * 10 + [0] * 5 + [2] * 7
    assert np.concatenate(list(exactly(iter([]), 0, 9, 2, block=4)), axis=1).shape == (2, 9)


def test_no_file_is_left_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = film(tmp_path / "a.mp4", times=even(30)), film(tmp_path / "b.mp4", times=even(30))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "put_in_place", full)
    with pytest.raises(VideoWriteError, match="a_synced.mp4: cannot be written .No space left on device"):
        trim(answer((one, 0.0, 1.0, 30), (other, 0.0, 1.0, 30)), tmp_path / "cut")
    assert list((tmp_path / "cut").iterdir()) == []


def test_sources_and_what_is_there_are_never_replaced(tmp_path: Path) -> None:
    one, other = film(tmp_path / "a.mp4", times=even(30)), film(tmp_path / "b.mp4", times=even(30))
    both = answer((one, 0.0, 1.0, 30), (other, 0.1, 1.0, 30))
    with pytest.raises(VideoWriteError, match="is one of the files"):
        trim(both, tmp_path, keep_names=True, force=True)
    (tmp_path / "r").mkdir()
    refused = {**answer((film(tmp_path / "r" / "a.mp4", times=even(3)), 0.0, 0.1, 30))["files"][0], "placed": False}
    with pytest.raises(VideoWriteError, match="r/a.mp4: is one of the files"):
        trim({**both, "files": [*both["files"], refused]}, tmp_path / "r", keep_names=True, force=True)
    trim(both, tmp_path / "cut", keep_names=True)
    with pytest.raises(VideoWriteError, match="there already"):
        trim(both, tmp_path / "cut", keep_names=True)
    (tmp_path / "c").mkdir()
    same = film(tmp_path / "c" / "A.mp4", times=even(30))
    with pytest.raises(VideoWriteError, match="have one name"):
        trim(answer((one, 0.0, 1.0, 30), (same, 0.1, 1.0, 30)), tmp_path / "d")
    same.rename(same := same.with_name("a.mp4"))
    cuts = trim(answer((one, 0.0, 1.0, 30), (same, 0.1, 1.0, 30)), tmp_path / "d")
    assert [path.name for path in cuts] == [f"{tmp_path.name}_a_synced.mp4", "c_a_synced.mp4"]
    with pytest.raises(VideoWriteError, match="have one name"):
        trim(answer((one, 0.0, 1.0, 30), (same, 0.1, 1.0, 30)), tmp_path / "e", keep_names=True)


def test_files_without_a_common_time_are_not_cut(tmp_path: Path) -> None:
    one, other = film(tmp_path / "a.mp4", times=even(30)), film(tmp_path / "b.mp4", times=even(30))
    with pytest.raises(VideoError, match="no time that all placed files show"):
        trim(answer((one, 0.0, 1.0, 30), (other, 3.0, 1.0, 30)), tmp_path / "cut")
