"""The end of a preparation: manifest.jsonl, sources.jsonl, report.json, and a table to read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from videosync.audio.read import decoder_version
from videosync.data.manifest import MANIFEST_NAME, validate_manifest, write_manifest
from videosync.data.samples import Manifest, Sample
from videosync.data.sources import SourceOf, write_sources
from videosync.errors import ManifestError, printable
from videosync.files import write_json
from videosync.jobs.job import Clip, Outcome

REPORT_NAME = "report.json"
NAMES = 20  # of events that are listed for each split
EXAMPLES = 3  # of each reason that are printed; report.json has all


@dataclass(frozen=True)
class Dropped:
    """Something of the archive that is not in the dataset."""

    event: str
    what: str  # the view, file or clip; "" for the whole event
    kind: str  # one or two words that reasons are counted by
    why: str  # the sentence


def dropped_of(outcome: Outcome, event: str, what: str) -> list[Dropped]:
    """What a job could not do."""
    if outcome.problem:
        return [Dropped(event, what, "unreadable", outcome.problem)]
    return [Dropped(event, rejected.clip, rejected.kind, rejected.why) for rejected in outcome.rejected]


def finish(
    output_dir: Path,
    *,
    data_root: Path,
    samples: Sequence[Sample],
    clips: Iterable[Clip],
    dropped: Sequence[Dropped],
    settings: Mapping[str, Any],
    origins: Mapping[str, int] | None = None,
    found: Mapping[str, Any] | None = None,
) -> None:
    """Write what describes the clips of ``output_dir``; the same input gives the same bytes.

    Args:
        clips: what was written; those that no sample names are left out of sources.jsonl.
        origins: clip → where frame 0 of its source lies on the event's timeline (0 where it is not named).
        found: what else the report is to say about the archive, by name; JSON values.

    Raises:
        ManifestError: there is no sample, or the samples contradict each other or the files.
    """
    root = data_root.absolute()
    ordered = sorted(samples, key=lambda s: (s.split, s.event, [view.video for view in s.views]))
    clips = list(clips)
    report = {**make_report(ordered, dropped, settings, data_root=root), "found": dict(found or {})}
    if "sound_rate" in settings:
        report |= sound_report(clips)
    write_json(output_dir / REPORT_NAME, report)
    print_report(report)
    if not ordered:
        raise ManifestError(f"nothing in {data_root} could be used; {output_dir / REPORT_NAME} says why, file by file")
    used = {view.video for sample in ordered for view in sample.views}
    problems = validate_manifest(Manifest(output_dir, tuple(ordered)))
    if problems:
        raise ManifestError(f"{output_dir}: {len(problems)} problems, the first: {problems[0]}")
    write_sources(
        output_dir,
        (
            SourceOf(clip.clip, _relative(clip.source, root), clip.first, (origins or {}).get(clip.clip, 0))
            for clip in clips
            if clip.clip in used
        ),
    )
    write_manifest(output_dir, ordered)
    print(f"wrote {output_dir / MANIFEST_NAME}; look at it with: videosync check {output_dir}")


def make_report(
    samples: Sequence[Sample], dropped: Sequence[Dropped], settings: Mapping[str, Any], *, data_root: Path
) -> dict[str, Any]:
    """What was used (counts a split), what was dropped and why (each one), in JSON values."""
    splits: dict[str, dict[str, Any]] = {}
    for split in sorted({sample.split for sample in samples}):
        chosen = [sample for sample in samples if sample.split == split]
        views = {view.video: view for sample in chosen for view in sample.views}
        events = sorted({sample.event for sample in chosen})
        splits[split] = {
            "events": len(events),
            "event_names": events[:NAMES],
            "samples": len(chosen),
            "clips": len(views),
            "frames": sum(view.num_frames for view in views.values()),
            "hours": round(sum(view.num_frames / view.fps for view in views.values()) / 3600, 4),
        }
    kinds: dict[str, int] = defaultdict(int)
    for entry in dropped:
        kinds[entry.kind] += 1
    listed = sorted(dropped, key=lambda entry: (entry.kind, entry.event, entry.what, entry.why))
    return {
        "data_root": str(data_root),
        "settings": dict(settings),
        "splits": splits,
        "dropped_kinds": dict(sorted(kinds.items())),
        "dropped": [asdict(entry) for entry in listed],
    }


def sound_report(clips: Iterable[Clip]) -> dict[str, Any]:
    """What decoded, and clips whose sound is missing or silent: counts by kind, each with its reason; JSON values."""
    listed = sorted((c for c in clips if c.sound_kind), key=lambda clip: (clip.sound_kind, clip.clip))
    return {
        "decoder": decoder_version(),
        "sound_kinds": dict(Counter(clip.sound_kind for clip in listed)),
        "sound": [{"what": clip.clip, "kind": clip.sound_kind, "why": clip.sound_why} for clip in listed],
    }


def print_report(report: Mapping[str, Any]) -> None:
    """A row for each split, then what was dropped."""
    columns = ("events", "samples", "clips", "frames", "hours")
    rows = [("split", *columns)]
    rows += [(split, *(str(counts[column]) for column in columns)) for split, counts in report["splits"].items()]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)))
    for split, counts in report["splits"].items():
        more = f", and {counts['events'] - NAMES} more" if counts["events"] > NAMES else ""
        print(printable(f"{split}: {', '.join(counts['event_names'])}{more}"))
    print_dropped(report)
    _print_kinds("kept, with a note on its sound:", report.get("sound_kinds", {}), report.get("sound", []))


def print_dropped(report: Mapping[str, Any]) -> None:
    """Each reason of a report with its count and a few examples."""
    _print_kinds("dropped", report["dropped_kinds"], report["dropped"])


def _print_kinds(word: str, kinds: Mapping[str, int], listed: Sequence[Mapping[str, str]]) -> None:
    for kind, count in kinds.items():
        print(f"{word}  {count} × {kind}")
        entries = [entry for entry in listed if entry["kind"] == kind]
        for entry in entries[:EXAMPLES]:
            place = " ".join(part for part in (entry.get("event"), entry["what"]) if part)
            print(printable(f"    {place}: {entry['why']}"))
        if count > EXAMPLES:
            print(f"    … and {count - EXAMPLES} more, in {REPORT_NAME}")


def _relative(source: str, root: Path) -> str:
    path = Path(source)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
