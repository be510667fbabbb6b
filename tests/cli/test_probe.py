"""``videosync probe`` as a user types it: what a file is, what is wrong with it, and files that cannot be read."""

from __future__ import annotations

import json
import re
import wave
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.video.numbered import numbered_frames, write_raw
from videosync.cli.probe import main
from videosync.timeline.probe import Frames
from videosync.video.facts import PictureFacts, SoundFacts
from videosync.video.write import write_video

ROOT = Path(__file__).resolve().parents[2]
COUNT = 30


def tagged(path: Path, tags: dict[str, str], **options: Any) -> None:
    """30 frames at 30 frames/s with tags of the container, and ``options`` of the encoder's context."""
    codec = options.pop("codec", "libx264")
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=30, options=options.pop("options", {}))
        stream.width, stream.height, stream.pix_fmt = 128, 96, options.pop("pix_fmt", "yuv420p")
        for name, value in options.items():
            setattr(stream.codec_context, name, value)
        for picture in numbered_frames(COUNT):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=stream.pix_fmt))
            )
        container.mux(stream.encode(None))


def write_wav(path: Path) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setparams((2, 2, 8000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(4 * 8000))


def probed(path: Path, capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, Any]:
    assert main([str(path), "--json"]) == code
    (file,) = json.loads(capsys.readouterr().out)["files"]
    return dict(file)


def codes(file: dict[str, Any]) -> set[str]:
    return {one["code"] for one in file["trouble"]}


def held(count: int, *gaps: int) -> list[int]:
    """Ticks of 1/30 s, with one of 3 before each frame in ``gaps``."""
    return np.cumsum([0, *(3 if n in gaps else 1 for n in range(1, count))]).tolist()


UNEVEN = np.cumsum([0, *([3, 5] * 15)])[:COUNT].tolist()
WRITERS: dict[str, tuple[str, Callable[[Path], object], dict[str, Any], set[str]]] = {
    # name, how it is written, what is found: keys with dots, and codes of trouble
    "plain": ("a.mp4", lambda path: write_raw(path, COUNT),
        {"frames.kind": "constant", "frames.fps": 30.0, "frames.median_fps": 30.0, "pictures.codec": "h264",
         "pictures.bits": 8, "pictures.size": [128, 96], "sounds": [], "speed": None}, set()),
    "turned, with gaps": ("b.mp4", lambda path: write_raw(path, COUNT, ticks=held(COUNT, 10), rotation=90),
        {"frames.kind": "constant", "frames.gaps": [[pytest.approx(0.3), pytest.approx(0.1)]], "pictures.rotation": 270,
         "pictures.size": [96, 128], "pictures.stored_size": [128, 96], "pictures.mirrored": False}, {"gaps"}),
    "uneven": ("c.mkv", lambda path: write_raw(path, COUNT, ticks=[4 * n for n in UNEVEN]),
        {"frames.kind": "variable"}, {"variable_rate", "low_rate"}),
    "raw": ("d.264", lambda path: write_raw(path, COUNT), {"frames.kind": "guessed"}, {"time_stamps"}),
    "slow motion": ("e.mp4", lambda path: tagged(path, {"com.android.capture.fps": "240.000000"}),
        {"capture_fps": 240.0, "speed": 0.125}, {"speed"}),
    "taken as shown": ("f.mp4", lambda path: tagged(path, {"com.android.capture.fps": "29.97"}),
        {"capture_fps": 29.97, "speed": None}, set()),
    "of a clock never set": ("g.mp4", lambda path: tagged(path, {"creation_time": "1970-01-01T00:00:00Z"}),
        {"creation_time": "1970-01-01T00:00:00Z"}, {"creation_time"}),
    "interlaced": ("h.mp4", lambda path: tagged(path, {}, options={"x264-params": "tff=1"}),
        {"pictures.interlaced": True}, {"interlaced"}),
    "HDR": ("i.mp4", lambda path: tagged(path, {}, codec="libx265", pix_fmt="yuv420p10le", color_trc=18,
                                         options={"preset": "ultrafast", "x265-params": "log-level=error"}),
        {"pictures.transfer": "HLG", "pictures.bits": 10, "pictures.hdr": True}, {"hdr"}),
    "short": ("j.mp4", lambda path: write_raw(path, 8), {"frames.count": 8}, {"too_short"}),
    "a stray stamp": ("k.mkv", lambda path: write_raw(path, COUNT, ticks=[*range(COUNT - 1), 3000]),
        {"frames.stray": 1, "frames.count": COUNT, "frames.kind": "constant"}, {"time_stamps"}),
    "sound": ("l.wav", write_wav, {"pictures": None, "frames": None, "sounds.0.rate": 8000, "sounds.0.channels": 2,
        "first_sound_seconds": 0.0}, set()),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_what_a_file_is(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, write, expected, trouble = WRITERS[name]
    write(tmp_path / file)
    found = probed(tmp_path / file, capsys)
    for key, value in expected.items():
        said: Any = found
        for part in key.split("."):
            said = said[int(part) if part.isdigit() else part]
        assert said == value, key
    assert codes(found) == trouble


def test_a_block_for_each_file_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_video(tmp_path / "b.mp4", numbered_frames(COUNT), 25)
    write_wav(tmp_path / "a$\t.wav")
    assert main([str(tmp_path)]) == 0
    first, second = capsys.readouterr().out.strip().split("\n\n")
    assert first.startswith(f"{tmp_path}/a$")
    assert "2 channels" in first
    assert second.startswith(
        f"{tmp_path}/b.mp4\n  picture   H.264 (High) 128x96, 8 bit\n  frames    30 in 1.200 s, 25 "
    )
    assert second.endswith("trouble   none found")


def test_damaged_files_are_named_and_the_others_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, text, cut = tmp_path / "good.mp4", tmp_path / "text.mp4", tmp_path / "cut.mp4"
    write_video(good, numbered_frames(COUNT), 25)
    write_raw(cut, COUNT, options={"g": "5"}, container_options={"movflags": "faststart"})
    cut.write_bytes(cut.read_bytes()[: 3 * cut.stat().st_size // 4])
    text.write_text("no video")
    assert main([str(good), str(text), str(cut)]) == 3
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert f"error: {text}: cannot be opened as a video" in shown.err
    assert "frames    30 in" in shown.out
    assert re.search(
        r"cut\.mp4\n(.|\n)* it is cut off after .*; copy it again, or have it repaired \[cut_off\]", shown.out
    )
    assert probed(text, capsys, code=2)["problem"].startswith("cannot be opened")


@pytest.mark.parametrize(
    ("arguments", "sentence"), [(("gone.mp4",), "gone.mp4: cannot be read"), ((".",), "without videos")]
)
def test_bad_input_is_one_sentence_and_2(
    arguments: tuple[str, ...],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(list(arguments)) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert sentence in shown.err


def test_the_page_names_all_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wav(tmp_path / "a.wav")
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    inside = [field.name for kind in (Frames, PictureFacts, SoundFacts) for field in fields(kind)]
    missing = {*probed(tmp_path / "a.wav", capsys), *inside} - set(re.findall(r"`(\w+)`", page))
    assert not missing
