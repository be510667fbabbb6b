"""What the picture of an answer says, and how it is laid out."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from videosync.lags.scores import LagScores
from videosync.timeline.clips import inspect
from videosync.timeline.compare import Compared
from videosync.timeline.evidence import Evidence
from videosync.timeline.plots import drawable, in_rows, save_sync_plot, sentences, shortened, strip_columns, verdict
from videosync.timeline.reasons import Search
from videosync.timeline.result import PlacedFile, Timeline
from videosync.types import OffsetEstimate
from videosync.video.write import write_video

NAMES = ("$a_{1}$ " + "long " * 12 + "日本 \U0001f600.mp4", "b\udcff.mp4", "c.mp4")


def answer(paths: list[str]) -> Timeline:
    files = (
        PlacedFile(paths[0], True, 30.0, 0.5, (0.4, 0.6), 0.973),
        PlacedFile(paths[1], True, 30.0, 0.0, (0.0, 0.0), 0.973),
        PlacedFile(paths[2], False, 30.0, reason="nothing moves", best_guess_seconds=2.5, best_guess_confidence=0.31,
                   rivals_seconds=(1.25, -3.0)),
    )  # fmt: skip
    pairs = tuple(
        OffsetEstimate(paths[i], paths[j], j == 1, 30.0, 0.5 if j == 1 else None, (0.4, 0.6) if j == 1 else None, 0.973,
                       rivals_seconds=(1.0,))
        for i, j in ((0, 1), (0, 2), (1, 2))
    )  # fmt: skip
    return Timeline(paths[1], files, pairs, "motion")


def test_sentences_tell_offsets_confidence_reasons_guesses_and_rivals() -> None:
    told = answer(["a", "b", "c"])
    assert verdict(told) == "2 of 3 files are placed on one timeline"
    said = sentences(told)
    assert said[0].startswith("a started 0.5")
    assert "Confidence: a 97 %, b 97 %" in said
    assert said[-1] == (
        "c: not placed: nothing moves. Best guess: 2.50 s (31 %); others that fit about as well: 1.25 s, -3.00 s"
    )


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7, 8, 15])
def test_drawings_fill_their_rows(count: int) -> None:
    pairs = [(0, n) for n in range(count)]
    rows = in_rows(pairs)
    assert [pair for row in rows for pair in row] == pairs
    assert max(map(len, rows), default=0) - min(map(len, rows), default=0) <= 1
    assert max(map(len, rows), default=0) <= 3


def test_narrow_pictures_have_more_columns() -> None:
    assert [strip_columns([size]) for size in ((90, 160), (160, 160), (160, 90), (160, 20))] == [6, 6, 11, 12]


def test_names_are_drawn_whatever_they_are() -> None:
    assert drawable("a日$\udcff") == "a□$?"
    assert len(shortened("x" * 200)) == 40
    assert shortened("short") == "short"


def test_the_picture_is_made_without_a_word_and_shows_files_that_are_not_placed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = [str(tmp_path / name) for name in NAMES]
    for path in paths:
        write_video(path, rng.integers(0, 255, (60, 32, 48, 3), np.uint8), 30)
    scores = LagScores(-30, rng.normal(size=61))
    evidence = Evidence(
        tuple(paths), {n: inspect(path) for n, path in enumerate(paths)}, {}, 30.0,
        {pair: Compared(scores) for pair in ((0, 1), (0, 2), (1, 2))}, Search(None, None), "motion",
        changes={n: (30.0, rng.random(60)) for n in range(3)},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_sync_plot(tmp_path / "p.png", evidence, answer(paths))
    height, width, _ = imread(tmp_path / "p.png").shape
    assert width == 1600
    assert height > 900  # three rows of pictures
