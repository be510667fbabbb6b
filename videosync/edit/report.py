"""A page that plays all files in step: one HTML file that opens without a network, with small copies of the videos."""

from __future__ import annotations

import base64
import json
import os
import re
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
from videosync.edit.strip import Copied, drawn_changes, film_strip, moments_of
from videosync.errors import VideoError, VideoWriteError
from videosync.files import new_folder, require_free, write_text
from videosync.video.index import video_index

PAGE = Path(__file__).with_name("page")
MOST_EMBEDDED = 64e6  # bytes of videos in the page; more go to a folder beside it
UNSAID: dict[str, Any] = {
    "interval_seconds": None,
    "best_guess_seconds": None,
    "reason": None,
    "warnings": [],
}  # of an answer by hand
OWN = re.compile(r"\d+\.mp4")  # what the folder of videos holds
EVEN = 0.02  # frames: times this close to a constant rate are not listed


def write_report(
    answer: Mapping[str, Any],
    path: Path,
    *,
    curves: Sequence[Curve] = (),
    projects: Mapping[str, bytes] | None = None,
    embed: bool | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write the page, and a folder of videos beside it where they are too large to be in it.

    Args:
        answer: what ``Timeline.to_json`` returns. curves: the scores of pairs, which a saved answer does not have.
        projects: what the page offers to save beside the answer: name of the file → what it holds.
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
    if embed is False:
        _require_own(folder, force=force)
    names = [printable(name) for name in unique_names([file["path"] for file in filmed])]
    with tempfile.TemporaryDirectory(prefix="videosync_") as made:
        copied = []
        for number, (file, name) in enumerate(zip(filmed, names)):
            index = video_index(file["path"])
            copy = Path(made) / f"{number}.mp4"
            frames = max(int(np.sum(index.times - index.times[0] < (file["duration_seconds"] or np.inf))), 1)
            changes = write_proxy(index, copy, frames, progress)
            copied.append(Copied(file, name, index, index.times[:frames] - index.times[0], copy, changes))
        small = sum(one.copy.stat().st_size for one in copied) <= MOST_EMBEDDED
        inside = small if embed is None else embed
        views = [_view(one, _address(one.copy, inside, folder)) for one in copied]
        base = next((n for n, file in enumerate(filmed) if file["path"] == answer.get("reference")), 0)
        moments = moments_of(answer, copied)
        text = _page(
            answer, views, curves, title=path.stem, base=base, moments=moments,
            strip=film_strip(copied, moments, base) if moments else [], projects=projects or {},
        )  # fmt: skip
        if not inside:
            _require_own(folder, force=force)
            with new_folder(folder) as building:
                for one in copied:
                    shutil.copy(one.copy, building / one.copy.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return [path] if inside else [path, folder]


def _require_own(folder: Path, *, force: bool) -> None:
    """Raises VideoWriteError: a folder is there that ``force`` does not allow to replace, or is no older page's."""
    if folder.is_dir() and all(OWN.fullmatch(name) for name in os.listdir(folder)):
        if not force:
            raise VideoWriteError(f"{folder}: is there already; name another page, or replace it with --force.")
    else:
        require_free([folder], force=False)


def _address(copy: Path, inside: bool, folder: Path) -> str:
    if not inside:
        return quote(f"{folder.name}/{copy.name}")
    return "data:video/mp4;base64," + base64.b64encode(copy.read_bytes()).decode("ascii")


def _view(one: Copied, address: str) -> dict[str, Any]:
    file, index, times, frames = one.file, one.index, one.times, len(one.times)
    even = bool(np.abs(times * index.fps - np.arange(frames)).max() < EVEN)
    height, width = proxy_size(*index.orientation.stored_size((index.height, index.width)))
    return {
        "path": file["path"], "name": one.name, "start": file["start_seconds"], "fps": index.fps,
        "frames": frames, "times": None if even else np.round(times, 6).tolist(), "width": width, "height": height,
        "source": address, "confidence": file["confidence"], "changes": drawn_changes(one),
    }  # fmt: skip


def _page(
    answer: Mapping[str, Any],
    views: Sequence[dict[str, Any]],
    curves: Sequence[Curve],
    *,
    title: str,
    base: int,
    moments: Sequence[float],
    strip: Sequence[dict[str, Any]],
    projects: Mapping[str, bytes],
) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    files = [
        {**UNSAID, **file, "name": name}
        for file, name in zip(answer["files"], unique_names([f["path"] for f in answer["files"]]))
    ]
    told = [{key: value for key, value in view.items() if key != "source"} for view in views]
    data = {"answer": answer, "views": told, "base": base}
    return printable(
        environment.get_template("report.html").render(
            title=printable(title), files=files, views=views, curves=_curves(curves, views),
            placed=sum(file["placed"] for file in files), notes=answer.get("notes") or (),
            data=json.dumps(data).replace("<", "\\u003c"), style=(PAGE / "report.css").read_text(encoding="utf-8"),
            base=base, moments=moments, strip=strip, others=[n for n in range(len(views)) if n != base],
            projects={name: base64.b64encode(held).decode("ascii") for name, held in projects.items()},
            script=(PAGE / "report.js").read_text(encoding="utf-8"),
        )
    )  # fmt: skip


def _curves(curves: Sequence[Curve], views: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The drawings, each with the numbers of the views that it is of; -1: a file is not among them."""
    numbers = {view["path"]: number for number, view in enumerate(views)}
    return [{**drawn(one), "views": [numbers.get(path, -1) for path in one.paths]} for one in curves]
