"""One video that shows all recordings side by side on the common clock, with their names and the running time."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from videosync.audio.read import read_sound
from videosync.edit.frames import nearest
from videosync.edit.sequence import pace, placed_files, unique_names
from videosync.errors import AudioError, VideoError, printable
from videosync.files import require_free
from videosync.video.index import video_index
from videosync.video.read import iter_frames
from videosync.video.sound_track import Sound
from videosync.video.write import VideoWriter

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

MOST_SHOWN = 24 * 3600  # seconds
MOST = 16  # views
WIDTH, HEIGHT = 1920, 1080  # pixels that the views fill at most
FASTEST = 60.0  # frames/s
CAPTION = 24  # pixels of a line of text
LETTERS = 16  # pixels, of which the letters are so high
LEAST = 160  # pixels of a view's width, so that there is room for its caption
GREY = 96  # of a view that shows nothing
HEARD = 24_000  # samples/s
LONGEST = 7200.0  # seconds; longer ones have no sound, which is held in memory
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class _View:
    path: str
    name: str
    size: tuple[int, int]  # (height, width) in the video
    shown: np.ndarray  # float64 [T]: when its frames are shown on the timeline
    end: float  # when its last frame is over


def write_preview(
    answer: Mapping[str, Any], path: Path, *, force: bool = False, progress: Progress | None = None
) -> list[Path]:
    """Write all placed views side by side, from the first beginning to the last end: the file is complete, or absent.

    At each of its frames every view shows the one of its own frames that is nearest. Its rate is that of the fastest
    view, 60 frames/s at most. The sound is the reference's, if it has any.

    Args:
        answer: what ``Timeline.to_json`` returns. force: replace what is there.
        progress: called with (path, frames done, frames in all).

    Returns:
        The file.

    Raises:
        VideoError: no video is placed, or more than 16 are, or one cannot be read. VideoWriteError: the file is there
            already, or cannot be written.
    """
    require_free([path], force=force)
    filmed = [file for file in placed_files(answer) if file["fps"]]
    if not 0 < len(filmed) <= MOST:
        raise VideoError(f"{len(filmed) or 'no'} videos are placed, and 1 to {MOST} can be shown side by side")
    columns, views = _laid_out(filmed)
    rate = min(FASTEST, max(file["fps"] for file in filmed))
    begin, end = min(view.shown[0] for view in views), max(view.end for view in views)
    if end - begin > MOST_SHOWN:
        raise VideoError(
            f"from the first beginning to the last end it is {(end - begin) / 3600:.4g} hours, and a preview shows "
            f"{MOST_SHOWN // 3600} at most: preview fewer files, or check their starts"
        )
    ticks = begin + np.arange(max(1, round((end - begin) * rate))) / rate
    height, width = (max(view.size[side] for view in views) for side in (0, 1))
    rows = math.ceil(len(views) / columns)
    canvas = np.zeros((rows * (height + CAPTION) + CAPTION, columns * width, 3), np.uint8)
    write = _Letters()
    pictures = [_pictures(view, ticks, 0.5 / rate) for view in views]
    with VideoWriter(
        path, rate, size=(canvas.shape[0], canvas.shape[1]), crf=23, gop=30, preset="veryfast",
        sound=_sound(answer, begin, len(ticks) / rate),
    ) as writer:  # fmt: skip
        for number, (tick, shown) in enumerate(zip(ticks, zip(*pictures))):
            for place, (view, (frame, picture)) in enumerate(zip(views, shown)):
                top, left = place // columns * (height + CAPTION), place % columns * width
                said = "not shown" if frame is None else f"frame {frame}"
                write(canvas[top : top + CAPTION, left : left + width], view.name, said)
                away = (height - view.size[0]) // 2, (width - view.size[1]) // 2
                inside = canvas[top + CAPTION + away[0] :, left + away[1] :][: view.size[0], : view.size[1]]
                inside[:] = GREY if picture is None else picture
            write(canvas[-CAPTION:], _running(tick - begin), f"timeline {tick:+.3f} s")
            writer.write(canvas)
            if progress is not None:
                progress(str(path), number + 1, len(ticks))
    return [path]


def _laid_out(filmed: Sequence[Mapping[str, Any]]) -> tuple[int, list[_View]]:
    """The number of columns in which the views are largest, and the views."""
    indices = [video_index(file["path"]) for file in filmed]
    stored = [index.orientation.stored_size((index.height, index.width)) for index in indices]

    def scales(columns: int) -> list[float]:
        room = HEIGHT / math.ceil(len(filmed) / columns), WIDTH / columns
        return [min(room[0] / size[0], room[1] / size[1], max(1.0, LEAST / size[1])) for size in stored]

    def area(columns: int) -> float:
        return sum(scale**2 * math.prod(size) for scale, size in zip(scales(columns), stored))

    square = math.ceil(math.sqrt(len(filmed)))
    columns = max(range(1, len(filmed) + 1), key=lambda count: (round(area(count), 3), -abs(count - square)))
    views = []
    names = unique_names([file["path"] for file in filmed])
    for file, name, index, size, scale in zip(filmed, names, indices, stored, scales(columns)):
        own = index.times - index.times[0]
        own = own[own < (file["duration_seconds"] or np.inf)]  # stray frames at the end were left out
        small = max(2, 2 * round(size[0] * scale / 2)), max(2, 2 * round(size[1] * scale / 2))
        shown = file["start_seconds"] + pace(file) * own
        views.append(_View(file["path"], printable(name), small, shown, float(shown[-1]) + pace(file) / index.fps))
    return columns, views


def _pictures(view: _View, ticks: np.ndarray, half: float) -> Iterator[tuple[int | None, np.ndarray | None]]:
    """For each tick the number of the nearest frame and its picture, uint8 [H,W,3]; None where nothing is shown."""
    numbers = nearest(view.shown, ticks)
    inside = (ticks > view.shown[0] - half) & (ticks < view.end)
    if not inside.any():
        yield from ((None, None) for _ in ticks)
        return
    first, last = int(numbers[inside][0]), int(numbers[inside][-1])
    decoded = enumerate(iter_frames(view.path, first, last + 1, size=view.size), first)
    number, picture = next(decoded)
    for wanted, there in zip(numbers.tolist(), inside):
        while there and number < wanted:
            number, picture = next(decoded)
        yield (number, picture) if there else (None, None)


def _sound(answer: Mapping[str, Any], begin: float, seconds: float) -> Sound | None:
    """What the reference hears, from ``begin`` on the timeline on."""
    base = next((file for file in placed_files(answer) if file["path"] == answer.get("reference")), None)
    if base is None or seconds > LONGEST:
        return None
    try:
        samples = read_sound(base["path"], begin - base["start_seconds"], seconds, rate=HEARD)
    except AudioError:
        return None
    return Sound(samples, HEARD)


def _running(seconds: float) -> str:
    """``01:02:03.456``."""
    thousandths = round(1000 * seconds)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


class _Letters:
    """Writes white on black into a strip: something at its left, and something at its right, which has room first."""

    def __init__(self) -> None:
        from PIL import ImageFont

        found = importlib.util.find_spec("matplotlib")  # whose font knows more letters than that of Pillow
        fonts = [] if found is None or found.origin is None else [Path(found.origin).parent / "mpl-data/fonts/ttf"]
        file = next((each for folder in fonts for each in folder.glob("DejaVuSans.ttf")), None)
        self.font: FreeTypeFont | Any = (
            ImageFont.load_default(LETTERS) if file is None else ImageFont.truetype(str(file), LETTERS)
        )

    def __call__(self, strip: np.ndarray, left: str, right: str) -> None:
        """strip: uint8 [CAPTION, W, 3]."""
        end = self._drawn(right)[:, : strip.shape[1]]
        room = max(0, strip.shape[1] - end.shape[1])
        begin = self._drawn(left)[:, :room]
        strip[:] = 0
        strip[:, : begin.shape[1]] = begin[..., None]
        strip[:, strip.shape[1] - end.shape[1] :] = end[..., None]

    def _drawn(self, text: str) -> np.ndarray:
        """Grey letters: uint8 [CAPTION, w]."""
        from PIL import Image, ImageDraw

        width = math.ceil(self.font.getlength(text)) + LETTERS // 2
        picture = Image.new("L", (width, CAPTION))
        ImageDraw.Draw(picture).text((LETTERS // 4, CAPTION // 2), text, 255, self.font, anchor="lm")
        return np.asarray(picture)
