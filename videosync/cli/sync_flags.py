"""Flags on how files are compared, which ``sync`` and ``batch`` share."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

from videosync.cli.bar import PROGRESS
from videosync.cli.common import expanded_path
from videosync.cues import DEFAULT_CUE
from videosync.models import SHIPPED


def add_search_flags(parser: argparse.ArgumentParser) -> None:
    """What is compared, and what is taken for an answer."""
    add = parser.add_argument
    add(
        "--max-offset",
        type=_seconds,
        metavar="SECONDS",
        help="largest offset between two videos to consider (default: any that leaves --min-overlap)",
    )
    add(
        "--min-overlap",
        type=_seconds,
        metavar="SECONDS",
        help="shortest time that two videos must have in common (default: a quarter of the shorter video, at least "
        "30 frames (or half of it, if shorter) and at most 10 s; of sound 2 s, or half of the shorter)",
    )
    add(
        "--cue",
        default=DEFAULT_CUE,
        metavar="NAME",
        help="what to compare (default: %(default)s): motion (how much moves, how and where), "
        "motion-learned (motion, and embeddings of an encoder), learned (the embeddings alone), sound-learned "
        "(embeddings of the sound, by a network of CrissCross), or a single part of motion",
    )
    add(
        "--encoder",
        type=_encoder_name,
        metavar="RUN",
        help="the encoder of the cues motion-learned and learned (of CrissCross: of sound-learned): the folder of a "
        "training run or of videosync export, or a CARL or VideoSync "
        "checkpoint (.pth); pictures get the size that it was trained with. Default: "
        f"{SHIPPED}, which comes with VideoSync",
    )
    add(
        "--detector",
        type=os.path.expanduser,
        metavar="FOLDER",
        help="a trained detector (equivariant) that reads the similarity of the encoder's embeddings, in place of the "
        "mean along its diagonals: its folder, or prefix/name of one in detectors/ here or in --workdir",
    )
    add(
        "--workdir",
        type=expanded_path,
        default=expanded_path(os.environ.get("VIDEOSYNC_WORKDIR", ".")),
        metavar="FOLDER",
        help="folder that holds detectors/, for --detector prefix/name (default: $VIDEOSYNC_WORKDIR, or here)",
    )
    add(
        "--audio",
        choices=("auto", "only", "off"),
        default="auto",
        help="auto (default): sound is a second witness of every two files that have any; only: no pictures are "
        "compared; off: no sound is",
    )
    add(
        "--microphone-distance",
        type=_metres,
        metavar="METRES",
        help="how far apart the microphones are, at most: sound is late by this / 343 s at most, which is in the "
        "interval of what sound alone places (default: 10, ±29 ms; pictures and sound may differ by 0.1 s)",
    )
    add(
        "--accept",
        type=_probability,
        metavar="P",
        help="also place files whose best guess is right with this probability or more (0.5: more likely right than "
        "wrong); they are marked as accepted",
    )
    add(
        "--chapters",
        choices=("auto", "off"),
        default="auto",
        help="auto (default): chapters of one camera (GX010034 and GX020034, …), each of which goes on where the one "
        "before ends, are one recording, and it is said which; off: each file is one by itself",
    )
    add(
        "--progress",
        choices=PROGRESS,
        default="bar",
        help="bar (default): on a terminal; json: lines of JSON on standard error, for other programs; off: none",
    )
    add(
        "--cache",
        type=expanded_path,
        metavar="FOLDER",
        help="keep what is measured of the pictures in this folder, so that a second question about the same files "
        "takes seconds; files that have changed are measured anew, and the folder may be deleted at any time",
    )
    add(
        "--thorough",
        action="store_true",
        help="decode all of every file. Otherwise, of up to four files that all last ten minutes or more, parts are "
        "decoded first, and the rest only where these leave a doubt (no clear answer, a break, another speed, a moving "
        "camera, pictures that files share)",
    )


def _encoder_name(text: str) -> str | Path:
    """The shipped encoder's name, or a path, which may begin with ``~``."""
    return text if text == SHIPPED else expanded_path(text)


def _seconds(text: str) -> float:
    value = number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} must be a positive number of seconds")
    return value


def _probability(text: str) -> float:
    value = number(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a probability above 0 and at most 1")
    return value


def _metres(text: str) -> float:
    value = number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of metres, 0 or more")
    return value


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
