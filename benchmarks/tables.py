"""Tables of scores, in Markdown that also reads well in a terminal; commands and documents show the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from videosync.evaluation.intervals import interval_text

Row = Mapping[str, Any]
Column = tuple[str, Callable[[Row], str]]  # title, cell
NONE = "–"


def markdown(rows: Iterable[Row], columns: Sequence[Column]) -> str:
    """A Markdown table whose cells are padded: a line for each row."""
    lines = [[title for title, _ in columns], *([cell(row) for _, cell in columns] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    text = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths)) for line in lines]
    text.insert(1, "|".join("-" * (width + 2) for width in widths)[1:-1])
    return "\n".join(f"| {line} |" if place != 1 else f"|-{line}-|" for place, line in enumerate(text))


def number(key: str, form: str = ".2f") -> Callable[[Row], str]:
    return lambda row: NONE if row.get(key) is None else format(row[key], form)


def share(key: str, digits: int = 0) -> Callable[[Row], str]:
    return lambda row: percent(row.get(key), digits)


def percent(value: float | None, digits: int = 0) -> str:
    return NONE if value is None else f"{100 * value:.{digits}f} %"


def text(key: str) -> Callable[[Row], str]:
    return lambda row: NONE if row.get(key, "") is None else str(row.get(key, ""))


def around(cell: Callable[[Row], str], key: str, form: str = ".2f", factor: float = 1) -> Callable[[Row], str]:
    """A cell with the interval ``key`` behind it, if there is one."""
    return lambda row: cell(row) + (f" ({interval_text(row[key], form, factor)})" if row.get(key) is not None else "")


def joined(*cells: Callable[[Row], str], by: str = " / ") -> Callable[[Row], str]:
    return lambda row: by.join(cell(row) for cell in cells)


def within_1(digits: int = 0) -> Callable[[Row], str]:
    return around(share("within_1", digits), "within_1_95", f".{digits}f", 100)


MEAN_ERROR = around(number("mean_error"), "mean_error_95")


def at_coverage(row: Row, share: str) -> str:
    found = row.get(share)
    return NONE if found is None else f"{percent(found['within_1'])}, {percent(found['unrelated'])}"


ACCURACY: tuple[Column, ...] = (
    ("method", text("name")),
    ("windows", text("n")),
    ("mean error (95 %)", MEAN_ERROR),
    ("median", number("median_error", ".1f")),
    ("within 1 frame (95 %)", within_1()),
    ("3 / 5", joined(share("within_3"), share("within_5"))),
    ("20 / 50 / 100 ms", joined(share("within_20_ms"), share("within_50_ms"), share("within_100_ms"))),
    ("placed", share("placed")),
    ("placed wrong", share("placed_wrong")),
    ("s a pair", number("seconds", ".3f")),
)
CONFIDENCE: tuple[Column, ...] = (  # of any method that says how sure it is
    ("cases", text("name")),
    ("n", text("n")),
    ("unrelated", text("unrelated")),
    ("within 1 frame", share("within_1", 1)),
    ("AUC right / wrong (95 %)", around(number("auc_right", ".3f"), "auc_right_95", ".3f")),
    ("AUC related / not", number("auc_related", ".3f")),
    ("placed", share("placed", 1)),
    ("of these right", share("placed_right", 1)),
    ("interval holds", share("interval_holds", 1)),
    ("unrelated placed", share("unrelated_placed", 1)),
    ("surest 50 %: right, unrelated", partial(at_coverage, share="at_50%")),
    ("surest 80 %: right, unrelated", partial(at_coverage, share="at_80%")),
)
RELIABILITY: tuple[Column, ...] = (
    ("confidence", lambda row: f"{row['from']:g} … {min(row['to'], 1):g}"),
    ("sets", text("name")),
    ("pairs", text("pairs")),
    ("said", share("said", 1)),
    ("right", share("right", 1)),
)
SYNC: tuple[Column, ...] = (
    ("files", text("name")),
    ("pairs", text("n")),
    ("placed", share("placed")),
    ("of these within 1 frame", share("placed_right")),
    ("within 50 ms", share("placed_within_50_ms")),
    ("placed wrong", share("placed_wrong")),
)
SYNC_MORE: tuple[Column, ...] = (
    *SYNC,
    ("interval holds", share("interval_holds")),
    ("any answer within 1 frame (95 %)", within_1()),
    ("always 0", share("always_0")),
    ("unrelated placed", joined(share("unrelated_placed"), text("unrelated"), by=" of ")),
    ("camera found to move", share("moving")),
    ("s a pair", number("seconds")),
)
JOINT: tuple[Column, ...] = (
    ("event", text("name")),
    ("cases, pairs", joined(text("units"), text("n"), by=", ")),
    ("alone: mean error, within 1 (95 %)", lambda row: _two(row["alone"])),
    ("together: mean error, within 1 (95 %)", lambda row: _two(row["together"])),
    ("put right / wrong", joined(text("put_right"), text("put_wrong"))),
    ("placed", share("placed")),
    ("of these right", share("placed_right")),
)
PAIRED: tuple[Column, ...] = (
    ("windows", text("name")),
    ("n", text("n")),
    ("frames less (95 %)", around(number("fewer_frames"), "fewer_frames_95")),
    ("points more (95 %)", around(lambda row: f"{100 * row['more_within_1']:.1f}", "more_within_1_95", ".1f", 100)),
    ("put right / wrong", joined(text("put_right"), text("put_wrong"))),
)  # fmt: skip
SUB_FRAME: tuple[Column, ...] = (
    ("fraction of a frame", text("name")),
    ("windows", text("n")),
    ("within 1 frame", text("right")),
    ("bias, frames (95 %)", around(number("bias", "+.3f"), "bias_95", "+.3f")),
    ("RMS, frames", number("rms", ".3f")),
    ("whole frames", number("whole_frames")),
)
ABLATION: tuple[Column, ...] = (
    ("row", text("name")),
    ("what differs", text("about")),
    ("steps", text("steps")),
    ("events", text("events")),
    ("synthetic: mean error, within 1 (95 %)", lambda row: _two(row.get("synthetic"))),
    ("real: mean error, within 1 (95 %)", lambda row: _two(row.get("real"))),
)
SPEED: tuple[Column, ...] = (
    ("what", text("name")),
    ("here, frames/s", number("here", ",.0f")),
    ("bare, frames/s", number("bare", ",.0f")),
    ("share of bare", share("share")),
    ("bare is", text("beside")),
    ("note", text("note")),
)
MEMORY: tuple[Column, ...] = (
    ("step", text("name")),
    ("frames", text("frames")),
    ("peak, MB", number("peak_mb", ",.0f")),
    ("processor time, s", number("cpu_seconds", ".0f")),
    ("on the clock, s", number("seconds", ".0f")),
    ("norm of the gradient", number("grad_norm", ".5g")),
)
ENGINES: tuple[Column, ...] = (
    ("what", text("name")),
    ("frames/s on the clock", number("here", ".1f")),
    ("frames a second of processor time", number("cpu", ".1f")),
    ("of that of torch", share("of_torch")),
    ("cosine to float32 of PyTorch", number("cosine", ".5f")),
    ("n", text("n")),
)
RANKS: tuple[Column, ...] = (
    ("processes", text("name")),
    ("ms of processor time a step", number("here", ".1f")),
    ("bare", number("bare", ".1f")),
    ("the trainer's own", number("own", ".1f")),
    ("share of bare", share("share")),
)
GPU: tuple[Column, ...] = (
    ("check", text("name")),
    ("found", number("found", ".3g")),
    ("allowed", number("allowed", ".3g")),
    ("verdict", text("verdict")),
)
PLAN: tuple[Column, ...] = (
    ("GPUs", text("gpus")),
    ("assumed step, frames/s a GPU", number("step", ",.0f")),
    ("decoding, frames/s", number("decoding_rate", ",.0f")),
    ("copying", number("copying_rate", ",.0f")),
    ("step", number("step_rate", ",.0f")),
    ("slowest", text("slowest")),
    ("averaging gradients", share("averaging", 1)),
    ("hours", number("hours", ".0f")),
    ("cores a GPU needs", number("cores", ".0f")),
)
SOAK: tuple[Column, ...] = (
    ("what", text("name")),
    ("n", number("n", ",d")),
    ("MB after a fifth", number("mb", ",.0f")),
    ("at the end", number("mb_end", ",.0f")),
    ("open files", text("files")),
    ("at the end", text("files_end")),
    ("threads", text("threads")),
    ("at the end", text("threads_end")),
    ("failed", text("failed")),
)
SYNC_SPEED: tuple[Column, ...] = (
    ("what", text("name")),
    ("processor time, s", number("cpu", ".2f")),
    ("of decoding", share("share")),
    ("ms a frame", number("ms", ".2f")),
    ("on the clock, s", number("wall", ".2f")),
    ("memory, GB", number("gb", ".2f")),
    ("n", text("n")),
)
SIMILARITY_SPEED: tuple[Column, ...] = (
    ("what", text("name")),
    ("on the clock, s", number("seconds", ".1f")),
    ("pairs/s", number("pairs", ",.0f")),
    ("MB/s", number("mb", ",.0f")),
    ("share of bare", share("share")),
    ("processor time, s", number("cpu", ".1f")),
    ("peak memory, MB", number("peak", ",.0f")),
)
MANY: tuple[Column, ...] = (
    ("what", text("name")),
    ("processor time, s", number("cpu", ".0f")),
    ("of decoding", number("share", ",.0f")),
    ("on the clock, s", number("wall", ".0f")),
    ("peak memory, MB", number("peak", ".0f")),
    ("pairs compared", joined(text("compared"), text("possible"), by=" of ")),
    ("of an event: placed", share("placed")),
    ("of these right", share("right")),
    ("strangers placed", text("strangers")),
)
PLAY: tuple[Column, ...] = (
    ("four views of", text("name")),
    ("within 1 frame", share("within_1", 1)),
    ("in the worst run", share("worst_run", 1)),
    ("the very frame", share("exact", 1)),
    ("frames off, at most", number("most", ".0f")),
    ("ticks/s", number("ticks", ".0f")),
    ("views at ticks", text("n")),
    ("runs", text("runs")),
)
DEMO: tuple[Column, ...] = (
    ("method", text("name")),
    ("mean error", lambda row: _plus_minus(row, "")),
    ("95 % over events", lambda row: interval_text(row.get("mean_error_95"))),
    ("median", number("median_error", ".1f")),
    ("within 1 frame, % (95 % over events)", within_1()),
    ("noise encoder", lambda row: _plus_minus(row, "noise_")),
)


def cross(rows: Sequence[Row], cell: Callable[[Row], str], title: str) -> str:
    """Rows by ``name`` and ``window``: a line for each name, a column for each kind of windows."""
    windows = list(dict.fromkeys(row["window"] for row in rows))
    lines: dict[str, dict[str, Any]] = {}
    for row in rows:
        lines.setdefault(row["name"], {"name": row["name"]})[row["window"]] = cell(row)
    return markdown(lines.values(), [(title, text("name")), *((window, text(window)) for window in windows)])


def _two(row: Row | None) -> str:
    return NONE if row is None else f"{MEAN_ERROR(row)}, {within_1()(row)}"


def _plus_minus(row: Row, prefix: str) -> str:
    if row.get(f"{prefix}mean_error") is None:
        return ""
    margin = row.get(f"{prefix}margin")
    return f"{row[f'{prefix}mean_error']:.2f}" + ("" if margin is None else f" ± {margin:.2f}")
