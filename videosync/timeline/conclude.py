"""From evidence to the answer: what is placed, by which witness, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from videosync.cues.named import CUES
from videosync.threads import one_thread
from videosync.timeline.anchors import read_anchors
from videosync.timeline.evidence import Evidence
from videosync.timeline.found import CONTRADICTED, Found
from videosync.timeline.guess import best_guesses
from videosync.timeline.in_chapters import check_names, with_chapters
from videosync.timeline.inputs import find_file
from videosync.timeline.joint import picture_groups, tie
from videosync.timeline.networks import PathLike
from videosync.timeline.own_clocks import OwnClocks
from videosync.timeline.placement import Placement
from videosync.timeline.progress import SOLVING, Progress
from videosync.timeline.result import Timeline, short_names, with_cuts
from videosync.timeline.sounds import GRID
from videosync.timeline.telling import clocks_of, telling_of
from videosync.timeline.witnesses import sound_curves, weighed_group
from videosync.types import OffsetEstimate


@one_thread()
def conclude(
    evidence: Evidence,
    reference: PathLike | None = None,
    *,
    accept: float | None = None,
    at: Mapping[PathLike, float] | None = None,
    progress: Progress | None = None,
) -> Timeline:
    """The timeline that the evidence supports. Arguments as of ``sync``.

    Raises VideoError: ``reference``, or a name in ``at``, is none of the files; ``at`` contradicts itself or it.
    """
    paths = evidence.paths
    check_names([*([] if reference is None else [reference]), *(at or {})], evidence.chapters)
    if progress is not None:
        progress(SOLVING, 0, 1)
    chosen = None if reference is None else find_file(reference, paths)
    anchors = read_anchors(at or {}, paths, chosen)
    held = {n: start * evidence.rate for n, start in anchors.items()} if len(anchors) > 1 else {}
    seen = [n for n in evidence.infos if n not in evidence.problems] if evidence.looks else []
    sounds = sound_curves(evidence)
    prefer = next(iter(anchors), None) if chosen is None else chosen
    rates = {n: evidence.grid([n]) for n in seen}
    by_pictures = picture_groups(evidence.curves, rates, evidence.rate, prefer, held)
    groups = [weighed_group(group, evidence) for group in by_pictures]
    groups[0] = replace(groups[0], confidence=groups[0].confidence | dict.fromkeys(held, 1.0))
    files = sorted({*seen, *(n for pair in sounds for n in pair)})
    placement = tie(groups, sounds, files, prefer, steps=GRID / evidence.rate)
    found = _found(evidence, placement, by_pictures, groups, chosen, anchors, accept)
    joined = list(combinations(sorted({*evidence.files, *anchors}), 2))
    pairs = tuple(found.pair(pair) for pair in joined)
    if evidence.looks and CUES[evidence.cue].uses_sound_encoder:  # sound says what pictures would
        pairs = tuple(_of_sound(pair) for pair in pairs)
    fits: dict[int, dict[str, bool]] = {}  # file not placed → what it goes with; is that on the timeline?
    names = short_names(list(paths))
    for (i, j), pair in zip(joined, pairs):
        for n, other in ((i, j), (j, i)):
            if n not in found.starts and (pair.placed or pair.code == CONTRADICTED):
                fits.setdefault(n, {})[names[paths[other]]] = other in found.starts
    files_found = with_cuts([found.file(number, fits.get(number, {})) for number in range(len(paths))])
    timeline = Timeline(
        None if found.base is None else paths[found.base],
        files_found,
        pairs,
        evidence.cue,
        evidence.encoder,
        evidence.detector,
        evidence.notes,
        evidence.audio,
        len(evidence.compared),
        len(evidence.compared) + len(evidence.left_out),
        telling_of(evidence, clocks_of(files_found)),
    )
    if progress is not None:
        progress(SOLVING, 1, 1)
    return with_chapters(timeline, evidence.given or paths, evidence.chapters)


def _found(
    evidence: Evidence,
    placement: Placement,
    by_pictures: Sequence[Placement],
    groups: Sequence[Placement],
    chosen: int | None,
    anchors: Mapping[int, float],
    accept: float | None,
) -> Found:
    """What is placed, set by hand and accepted, on one clock, with the best guesses for the rest."""
    starts = {number: start / evidence.rate for number, start in placement.starts.items()}
    tied = next((n for n in anchors if n in starts), None)
    first = chosen if chosen in starts else tied if tied is not None else _earliest(starts)
    if first is not None:
        shift = anchors.get(first, 0.0) - starts[first]
        starts = {n: start + shift for n, start in starts.items()}
    starts |= anchors
    everything = len(starts) == len(evidence.paths)
    guesses = {} if everything else best_guesses(evidence, starts, by_pictures)
    accepted = {n: g for n, g in guesses.items() if accept is not None and g.confidence >= accept}
    starts |= {n: guess.start for n, guess in accepted.items()}
    sure = {n: start for n, start in starts.items() if n not in accepted} or starts
    base = first if anchors and first is not None else chosen if chosen in starts else _earliest(sure)
    if not anchors:
        known = sure or {n: guess.start for n, guess in guesses.items()}
        zero = chosen if chosen in known else _earliest(known)
        shift = 0.0 if zero is None else known[zero]
        starts = {n: start - shift for n, start in starts.items()}
        guesses = {n: guess.moved(-shift) for n, guess in guesses.items()}
    clocks = OwnClocks(evidence, starts, base)
    starts |= {n: start for n, start in clocks.starts.items() if n not in anchors}
    tied_by_hand = anchors if len(anchors) > 1 else [n for n in anchors if n not in placement.starts]
    confidence = dict(placement.confidence) | dict.fromkeys(tied_by_hand, 1.0)
    confidence |= {n: guess.confidence for n, guess in accepted.items()}
    return Found(
        evidence, placement, by_pictures, groups, base, starts, confidence, guesses, frozenset(accepted),
        frozenset(anchors), clocks,
    )  # fmt: skip


def _earliest(starts: Mapping[int, float]) -> int | None:
    return min(starts, key=lambda n: (starts[n], n), default=None)


def _of_sound(pair: OffsetEstimate) -> OffsetEstimate:
    """The same pair, where the cue is one of sound."""
    witnesses = tuple(replace(witness, name="sound") for witness in pair.witnesses)
    return replace(pair, witnesses=witnesses, decided_by="sound" if pair.decided_by == "picture" else pair.decided_by)
