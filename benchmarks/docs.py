"""Puts the numbers of ``benchmarks/results`` into the pages, between ``<!-- name:start -->`` and ``<!-- name:end -->``.

    python -m benchmarks.docs            # writes README.md and docs/**/*.md; --check: only says which are out of date

Each result is what one command found (``--result NAME``); the file says which command, when, and on what machine. A
page has a block anew by running that command and then this one.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.accuracy import tracks
from benchmarks.accuracy.report import set_table
from benchmarks.brought import score as brought
from benchmarks.pipeline import RESULTS, keep_result, load_result
from benchmarks.plots import save_reliability
from benchmarks.sound import long as sound_long
from benchmarks.sound import scoring as sound
from benchmarks.sync import clocks, drift
from benchmarks.sync.audit import AUDIT
from benchmarks.tables import Column, Row, cross, markdown, percent
from videosync.errors import ConfigError, VideoSyncError, require_known
from videosync.evaluation.intervals import interval_text
from videosync.files import read_json, read_text, write_text

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"(<!-- ([\w-]+):start -->\n)(.*?)(<!-- \2:end -->)", re.DOTALL)
MARK = re.compile(r"<!-- [\w-]+:(?:start|end) -->")
WINDOWS = {"fit240": "240 frames or 60 % of the clip", "native": "two thirds of the clip, ± half a window"}
SHORT = ("always-0", "energy", "cue:motion", "cue:motion-learned")


NAMES = {"always-0": "always 0", "noise": "noise encoder"}


def named(row: Row) -> str:
    """What the pages call a method."""
    return NAMES.get(row["name"], row["name"].removeprefix("cue:"))


def rows_of(*names: str) -> list[dict[str, Any]]:
    """The rows of results, one after the other. Raises ConfigError: there is no such result."""
    return [row for name in names for row in load_result(name)["rows"]]


def plain(columns: Sequence[Column], *names: str) -> Callable[[], str]:
    return lambda: markdown(rows_of(*names), columns)


def accuracy(cell: Callable[[Row], str], names: Sequence[str] = ()) -> Callable[[], str]:
    """A line for each method, a column for each kind of windows."""

    def block() -> str:
        rows = []
        for row in rows_of("accuracy"):
            window = WINDOWS.get(row["window"], f"{row['window']} frames")
            about = f"{window}: {row['sets']} sets, {row['units']} pairs, {row['n']} windows"
            rows.append({**row, "window": about, "name": named(row), "method": row["name"]})
        return cross([row for row in rows if not names or row["method"] in names], cell, "method")

    return block


def outcome(row: Row) -> str:
    """Within 1 frame whatever is said, placed wrong, refused."""
    shares = [percent(row.get(key)) for key in ("within_1", "placed_wrong", "refused")]
    return f"{shares[0]} / {shares[1]} / {shares[2]}"


def sets() -> str:
    """The first kind of windows, set by set."""
    rows = [row for row in rows_of("accuracy") if row["name"] in SHORT]
    rows = [{**row, "name": named(row)} for row in rows]
    return set_table([row for row in rows if row["window"] == rows[0]["window"]])


def confidence() -> str:
    """Real and synthetic windows of each shape; single sets stay in the result, reliability is a picture."""
    found = load_result("confidence")
    rows = [row for row in found["rows"] if row["name"].partition(",")[0] in ("real", "synthetic")]
    return f"Cue: `{found['cue']}`.\n\n" + markdown(rows, tables.CONFIDENCE)


def demo_short() -> str:
    """The floor, the best label-free method, and two detectors."""
    rows = {row["name"]: row for row in rows_of("demo")}
    return markdown([rows[name] for name in ("always 0", "diagonal", "cnn", "equivariant")], tables.DEMO)


def demo_audio() -> str:
    """What each line of the table of ``make demo-audio`` knows, and by how much all six terms know more."""

    def share(key: str) -> Callable[[Row], str]:
        return lambda row: percent(row[key]) + (f" ± {100 * row[f'{key}_std']:.1f}" if f"{key}_std" in row else "")

    def gain(key: str) -> Callable[[Row], str]:
        return lambda row: f"{100 * row[f'{key}_gain']:+.1f} ({interval_text(row[f'{key}_gain_95'], '+.0f', 100)})"

    rows, measures = rows_of("demo_audio"), load_result("demo_audio")["measures"]
    shares, gains = ([(title, of(key)) for key, title in measures.items()] for of in (share, gain))
    others = [row for row in rows if f"{next(iter(measures))}_gain" in row]
    name: Column = ("", tables.text("name"))
    return markdown(rows, [name, *shares]) + "\n\nSix terms less …\n\n" + markdown(others, [name, *gains])


def tried(name: str, *counts: str) -> Callable[[], str]:
    """A line for each kind of what a command tried, and one of the sums of its ``counts``."""

    def block() -> str:
        found = load_result(name)
        first, *others = found["rows"][0]
        total = {first: "all", **dict.fromkeys(others, ""), **{key: found[key] for key in counts}}
        return markdown([*found["rows"], total], [(key, tables.text(key)) for key in (first, *others)])

    return block


def sources() -> str:
    """What every result was made with."""
    rows = [load_result(path.stem) | {"name": path.stem} for path in sorted(RESULTS.glob("*.json"))]
    columns = ("result", "name"), ("date", "date"), ("machine", "machine")
    command: Column = ("command", lambda row: f"`{row['command']}`")
    return markdown(rows, [*((title, tables.text(key)) for title, key in columns), command])


BLOCKS: Mapping[str, Callable[[], str]] = {  # the names of the markers
    "accuracy": accuracy(lambda row: f"{tables.MEAN_ERROR(row)}, {tables.within_1()(row)}"),
    "accuracy-short": accuracy(lambda row: f"{tables.MEAN_ERROR(row)}, {tables.within_1()(row)}", SHORT),
    "accuracy-sets": sets,
    "outcomes": accuracy(outcome, ("cue:motion", "cue:motion-learned")),
    "confidence": confidence,
    "sync": plain(tables.SYNC, "sync_real", "sync"),
    "sync-more": plain(tables.SYNC_MORE, "sync_real", "sync"),
    "joint": plain(tables.JOINT, "joint"),
    "brought": plain(brought.BROUGHT, "brought"),
    "brought-limits": lambda: markdown(load_result("brought")["limits"], brought.AT_PRECISION),
    "brought-earned": lambda: markdown(load_result("brought")["earned"], brought.EARNED),
    "tracks": lambda: tracks.table(rows_of("tracks")),
    "tracks-controls": lambda: markdown(load_result("tracks")["controls"], tracks.CONTROLS),
    "sub-frame": plain(tables.SUB_FRAME, "sub_frame"),
    "breaks": plain(clocks.CLOCKS, "breaks"),
    "drift": plain(drift.DRIFT, "drift"),
    "drift-totals": lambda: markdown(load_result("drift")["totals"], drift.TOTALS),
    "training": plain(tables.ABLATION, "training"),
    **{f"speed-{part}": plain(tables.SPEED, f"speed_{part}") for part in ("train_step", "data", "embed", "prepare")},
    "speed-memory": plain(tables.MEMORY, "speed_memory"),
    "speed-engines": plain(tables.ENGINES, "speed_engines"),
    "page-play": plain(tables.PLAY, "page_play"),
    "speed-sync": plain(tables.SYNC_SPEED, "speed_sync"),
    "speed-many": plain(tables.MANY, "speed_many", "speed_many_real"),
    "speed-similarity": plain(tables.SIMILARITY_SPEED, "speed_similarity"),
    "ranks": plain(tables.RANKS, "speed_ranks"),
    "plan": plain(tables.PLAN, "scale_plan"),
    "soak": plain(tables.SOAK, "soak_sync", "soak_train", "soak_workers"),
    "demo": plain(tables.DEMO, "demo"),
    "demo-short": demo_short,
    "demo-audio": demo_audio,
    "sources": sources,
    "fuzz": tried("fuzz", "cases", "failed"),
    "changing": tried("changing", "times", "failed"),
    "kills": tried("kills", "times", "losses"),
    "sound": plain(sound.COMPARISON, "sound"),
    "sound-any": plain(sound.ANY_ANSWER, "sound"),
    "sound-parts": lambda: markdown(load_result("sound")["parts"], sound.PARTS),
    "sound-copies": lambda: markdown(load_result("sound")["copies"], sound.NAMED),
    "sound-held-out": plain(sound.COMPARISON, "sound_confidence"),
    "sound-confidence": lambda: markdown(load_result("sound_confidence")["reliability"], tables.RELIABILITY),
    "sound-events": plain(sound.EVENTS, "sound_events"),
    "sound-long": plain(sound_long.LONG, "sound_long"),
    "audit": plain(AUDIT, "audit", "audit_short"),
}


def rendered(page: Path) -> str:
    """The text of a page with all its blocks made anew.

    Raises ConfigError: a marker without its other end, or with a name that is none of ``BLOCKS``.
    """
    page_text = read_text(page)
    marks = MARK.findall(page_text)
    if 2 * len(BLOCK.findall(page_text)) != len(marks):
        raise ConfigError(f"{page}: a marker lacks its other end, or lies within another: {', '.join(marks)}")

    def block(found: re.Match[str]) -> str:
        require_known(f"{page}: marker", found[2], BLOCKS)
        lines = [re.sub(r" {2,}\|", " |", line) for line in BLOCKS[found[2]]().splitlines()]  # not padded
        tight = [re.sub("-{3,}", "---", line) if line.startswith("|-") else line for line in lines]
        return "\n".join([found[1].rstrip(), *tight, found[4]])

    return BLOCK.sub(block, page_text)


def keep_demo(folder: Path) -> None:
    """The numbers of a run of ``videosync demo`` as benchmarks/results/demo.json. Raises ConfigError: it is none."""
    try:
        trained, noise = (read_json(folder / name / "metrics.json") for name in ("cross_demo", "cross_noise"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--demo {folder}: not the folder of a finished 'videosync demo' ({error})") from error
    controls = {key.rpartition("/")[2]: of for key, of in noise["methods"].items()}
    keys = {
        "mean_error": "mae_frames", "margin": "moe_frames", "mean_error_95": "mae_interval",
        "median_error": "median_frames", "within_1": "within_1", "within_1_95": "within_1_interval",
    }  # fmt: skip
    rows = []
    for title, found in {"always 0": trained["floor"], **trained["methods"]}.items():
        name = title.rpartition("/")[2]
        row = {"name": name, **{key: found[theirs] for key, theirs in keys.items()}}
        if name in controls:
            row |= {"noise_mean_error": controls[name]["mae_frames"], "noise_margin": controls[name]["moe_frames"]}
        rows.append(row)
    args = argparse.Namespace(result="demo", command="make demo")
    keep_result(args, rows, pairs=trained["floor"]["n"], events=trained["floor"]["n_events"])


def keep_demo_audio(folder: Path) -> None:
    """The numbers of a run of ``videosync demo-audio`` as benchmarks/results/demo_audio.json. Raises ConfigError."""
    try:
        found = read_json(folder / "summary.json")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--demo-audio {folder}: not the folder of a finished 'videosync demo-audio' ({error})"
        ) from error
    args = argparse.Namespace(result="demo_audio", command="make demo-audio")
    keep_result(args, found.pop("rows"), **found)


def pages(root: Path = ROOT) -> list[Path]:
    return [root / "README.md", root / "SECURITY.md", *sorted(root.glob("docs/**/*.md"))]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a page is out of date")
    parser.add_argument("--demo", type=Path, metavar="FOLDER", help="first keep the numbers of this run of the demo")
    parser.add_argument("--demo-audio", type=Path, metavar="FOLDER", help="the same for the demo of sound and pictures")
    args = parser.parse_args(argv)
    try:
        if args.demo is not None:
            keep_demo(args.demo)
        if args.demo_audio is not None:
            keep_demo_audio(args.demo_audio)
        old = [page for page in pages() if rendered(page) != read_text(page)]
        for page in old:
            print(f"{page.relative_to(ROOT)}: {'out of date' if args.check else 'written'}")
            if not args.check:
                write_text(page, rendered(page))
        if not args.check:
            classes: dict[str, list[Row]] = {}
            for row in load_result("confidence")["reliability"]:
                classes.setdefault(row["name"], []).append(row)
            save_reliability(ROOT / "docs" / "images" / "reliability.png", classes)
    except VideoSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return int(bool(old) and args.check)


if __name__ == "__main__":
    sys.exit(main())
