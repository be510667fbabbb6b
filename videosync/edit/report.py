"""A page that plays all files in step: one HTML file that opens without a network, with small copies of the videos."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from videosync.edit.addresses import printable
from videosync.edit.curves import Curve, drawn
from videosync.edit.proxies import Progress, proxy_size, write_proxy
from videosync.edit.sequence import placed_files, unique_names
from videosync.errors import VideoError
from videosync.files import new_folder, require_free, write_text
from videosync.video.index import VideoIndex, video_index

PAGE = Path(__file__).with_name("page")
MOST_EMBEDDED = 64e6  # bytes of videos in the page; more go to a folder beside it
EVEN = 0.02  # frames: times this close to a constant rate are not listed


def write_report(
    answer: Mapping[str, Any],
    path: Path,
    *,
    curves: Sequence[Curve] = (),
    embed: bool | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write the page, and a folder of videos beside it where they are too large to be in it.

    Args:
        answer: what ``Timeline.to_json`` returns. curves: the scores of pairs, which a saved answer does not have.
        embed: whether the videos are in the page (default: up to 64 MB). force: replace what is there.
        progress: called with (path, frames done, frames in all) while copies are made.

    Returns:
        The page, and the folder if there is one.

    Raises:
        VideoError: no video is placed, or one cannot be read. VideoWriteError: the page cannot be written.
    """
    require_free([path], force=force)
    filmed = [file for file in placed_files(answer) if file["fps"]]
    if not filmed:
        raise VideoError("no video is placed, so there is nothing to show")
    folder = path.with_name(f"{path.stem}_videos")
    names = unique_names([file["path"] for file in filmed])
    with tempfile.TemporaryDirectory(prefix="videosync_") as made:
        copies = []
        for number, file in enumerate(filmed):
            index = video_index(file["path"])
            copy = Path(made) / f"{number}.mp4"
            frames = max(int(np.sum(index.times - index.times[0] < (file["duration_seconds"] or np.inf))), 1)
            write_proxy(index, copy, frames, progress)
            copies.append((index, frames, copy))
        small = sum(copy.stat().st_size for *_, copy in copies) <= MOST_EMBEDDED
        inside = small if embed is None else embed
        views = [
            _view(file, printable(name), index, frames, _address(copy, inside, folder))
            for file, name, (index, frames, copy) in zip(filmed, names, copies)
        ]
        text = _page(answer, views, curves, title=path.stem)
        if not inside:
            require_free([folder], force=False)
            with new_folder(folder) as building:
                for *_, copy in copies:
                    shutil.copy(copy, building / copy.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return [path] if inside else [path, folder]


def _address(copy: Path, inside: bool, folder: Path) -> str:
    if not inside:
        return quote(f"{folder.name}/{copy.name}")
    return "data:video/mp4;base64," + base64.b64encode(copy.read_bytes()).decode("ascii")


def _view(file: Mapping[str, Any], name: str, index: VideoIndex, frames: int, address: str) -> dict[str, Any]:
    times = index.times[:frames] - index.times[0]
    even = bool(np.abs(times * index.fps - np.arange(frames)).max() < EVEN)
    height, width = proxy_size(*index.orientation.stored_size((index.height, index.width)))
    return {
        "path": printable(file["path"]), "name": name, "start": file["start_seconds"], "fps": index.fps,
        "frames": frames, "times": None if even else np.round(times, 6).tolist(), "width": width, "height": height,
        "source": address, "confidence": file["confidence"],
    }  # fmt: skip


def _page(answer: Mapping[str, Any], views: Sequence[dict[str, Any]], curves: Sequence[Curve], title: str) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    files = [
        {**file, "name": name}
        for file, name in zip(answer["files"], unique_names([f["path"] for f in answer["files"]]))
    ]
    data = {"answer": answer, "views": [{k: v for k, v in view.items() if k != "source"} for view in views]}
    return printable(
        environment.get_template("report.html").render(
            title=printable(title), files=files, views=views, curves=[drawn(curve) for curve in curves],
            placed=sum(file["placed"] for file in files), notes=answer.get("notes") or (),
            data=json.dumps(data).replace("<", "\\u003c"), style=(PAGE / "report.css").read_text(encoding="utf-8"),
            script=(PAGE / "report.js").read_text(encoding="utf-8"),
        )
    )  # fmt: skip
