"""The video of all views shows, at each moment, the frames of each view that the answer puts there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.edit.test_trim import SIZE, answer, even, film, first_click, number_of
from videosync.edit import preview as module
from videosync.edit.preview import CAPTION, GREY, write_preview
from videosync.edit.writers import write_answer
from videosync.errors import VideoError, VideoWriteError
from videosync.video.read import probe, read_frames


def cells(frame: np.ndarray, columns: int, rows: int) -> list[np.ndarray]:
    """The pictures in a frame of equal views, row by row, without the lines of text."""
    height, width = (frame.shape[0] - CAPTION) // rows, frame.shape[1] // columns
    return [
        frame[row * height + CAPTION : (row + 1) * height, column * width : (column + 1) * width]
        for row in range(rows)
        for column in range(columns)
    ]


def test_every_view_shows_the_frame_that_the_answer_puts_there(tmp_path: Path) -> None:
    starts, rates, lasts = (0.0, 0.613, -0.4), (30, 25, 30), (60, 50, 40)
    names = ("one.mp4", "$é 日本 \U0001f600 with a very\nlong name that has no room.mkv", "c.mov")
    paths = [film(tmp_path / name, times=even(n, fps)) for name, fps, n in zip(names, rates, lasts)]
    given = answer(*((p, s, n / fps, fps) for p, s, n, fps in zip(paths, starts, lasts, rates)))
    given["reference"] = str(paths[0])
    seen: list[tuple[int, int]] = []
    (made,) = write_answer(given, "preview", tmp_path / "p.mp4", progress=lambda _, done, of: seen.append((done, of)))
    frames, about = read_frames(made), probe(made)
    assert (about.fps, len(frames)) == (30, round((0.613 + 2 + 0.4) * 30))
    assert seen == [(n + 1, len(frames)) for n in range(len(frames))]
    for number, frame in enumerate(frames):
        tick = -0.4 + number / 30
        for picture, start, fps, count in zip(cells(frame, 2, 2), starts, rates, lasts):
            own = (tick - start) * fps
            if min(abs(own - edge) for edge in (-0.5, -0.5 * fps / 30, count - 0.5, count)) < 0.02:
                continue  # either is as near
            if -0.5 * fps / 30 < own < count:
                near = {min(count - 1, max(0, round(own + way))) for way in (-0.02, 0.02)}
                assert number_of(cv2.resize(picture, SIZE[::-1], interpolation=cv2.INTER_AREA)) in near
            else:
                assert abs(float(picture.mean()) - GREY) < 3
    texts = [frames[10][:CAPTION], frames[10][-CAPTION:]]
    assert all((text > 200).any() for text in texts)
    assert first_click(made) == pytest.approx(0.4, abs=0.002)  # the reference's sound, where it begins


def test_a_source_is_never_replaced(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", times=even(3), tracks=0)
    (tmp_path / "b.mp4").symlink_to(path)
    before = path.read_bytes()
    for name in ("a.mp4", "b.mp4"):
        with pytest.raises(VideoWriteError, match=f"{name}: is one of the files"):
            write_answer(answer((path, 0.0, 0.1, 30)), "preview", tmp_path / name, force=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("count", "size"), [(1, (1, 1)), (5, (2, 3)), (16, (4, 4))])
def test_any_number_of_views_fills_a_grid(tmp_path: Path, count: int, size: tuple[int, int]) -> None:
    paths = [film(tmp_path / f"{n}.mp4", times=even(n + 2), tracks=0) for n in range(count)]
    (made,) = write_preview(answer(*((p, 0.0, 1.0, 30) for p in paths)), tmp_path / "p.mp4")
    last = read_frames(made)[0]
    rows, columns = size
    assert all(number_of(cv2.resize(cell, SIZE[::-1])) == 0 for cell in cells(last, columns, rows)[:count])
    captions = [last[n * (last.shape[0] - CAPTION) // rows :][:CAPTION, : last.shape[1]] for n in range(rows)]
    assert all((caption > 200).any() for caption in captions)


def test_what_cannot_be_shown_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "a.mp4", times=even(5), tracks=0)
    with pytest.raises(VideoError, match="no videos are placed"):
        write_preview(answer((path, 0.0, 1.0, 0)), tmp_path / "p.mp4")
    with pytest.raises(VideoError, match=r"it is 277\.8 hours, and a preview shows 24 at most"):
        write_preview(answer((path, 0.0, 1.0, 30), (path, 1e6, 1.0, 30)), tmp_path / "p.mp4")
    monkeypatch.setattr(module, "MOST", 1)
    with pytest.raises(VideoError, match="2 videos are placed, and 1 to 1"):
        write_preview(answer((path, 0.0, 1.0, 30), (path, 0.0, 1.0, 30)), tmp_path / "p.mp4")
    (tmp_path / "p.mp4").write_text("mine")
    with pytest.raises(VideoWriteError, match="there already"):
        write_preview(answer((path, 0.0, 1.0, 30)), tmp_path / "p.mp4")
