"""Signals and sound of a recording in chapters, read file by file and joined."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np

from videosync.errors import AudioError
from videosync.signals.measure import UNSEEN, Meter, Signals
from videosync.timeline.chapters import Chapter, joined_info
from videosync.timeline.clips import Clip, ClipInfo, on_grid
from videosync.timeline.file_warnings import clause
from videosync.timeline.grid import resampled_to
from videosync.timeline.progress import Progress, step

Reader = Callable[..., dict[float, Clip]]


def joined_clips(
    chapters: Sequence[Chapter],
    rates: Collection[float],
    meters: Sequence[Meter],
    read: Reader,
    progress: Progress | None = None,
) -> dict[float, Clip]:
    """As of ``clips.read_clips``, which is ``read``, or ``SignalCache.clips``. Raises VideoError: as that."""
    parts = [read(chapter.info, rates, meters, step(progress, chapter.path)) for chapter in chapters]
    seen = [replace(chapter, info=next(iter(part.values())).info) for chapter, part in zip(chapters, parts)]
    info = joined_info(seen)
    reach = {name: columns for meter in meters for name, columns in meter.reach.items()}
    return {rate: _joined(info, seen, [part[rate] for part in parts], rate, reach) for rate in rates}


def _joined(
    info: ClipInfo, chapters: Sequence[Chapter], clips: Sequence[Clip], rate: float, reach: dict[str, np.ndarray]
) -> Clip:
    """Clips on one grid, which begins with the first."""
    times, kept, last = [], [], -np.inf
    for chapter, clip in zip(chapters, clips):
        own = chapter.begin + np.arange(len(clip)) / rate
        new = own > last + 0.5 / rate
        times.append(own[new])
        kept.append(new)
        last = max(last, own[-1])
    shown = np.concatenate(times)
    signals: Signals = {}
    names = dict.fromkeys(name for clip in clips for name in clip.signals)
    for name in names:  # frames without a gap have no channel UNSEEN
        width = next(clip.signals[name].shape[1] for clip in clips if name in clip.signals)
        none = [np.zeros((len(clip), width), np.float32) for clip in clips]
        found = [clip.signals.get(name, zeros) for clip, zeros in zip(clips, none)]
        signals[name] = np.concatenate([signal[new] for signal, new in zip(found, kept)])
    if not on_grid(shown, rate):
        grid = np.arange(max(1, int(shown[-1] * rate + 1e-6) + 1)) / rate
        nothing = np.zeros(1, np.int64)
        signals = {
            name: resampled_to(grid, shown, signal, reach.get(name, np.repeat(nothing, signal.shape[1])))
            for name, signal in signals.items()
        }
        if UNSEEN in signals:
            signals[UNSEEN] = (signals[UNSEEN] > 0).astype(np.float32)
    return Clip(info, rate, signals)


def joined_sound(chapters: Sequence[Chapter]):  # type: ignore[no-untyped-def]  # a SoundOfFile, imported late
    """The sound of a recording; silence for a chapter whose own cannot be read. Raises AudioError: none can be."""
    from videosync.audio.listen import RATE, sync_sound

    sounds, problems = {}, []
    for number, chapter in enumerate(chapters):
        try:
            sounds[number] = sync_sound(chapter.path)
        except AudioError as error:
            problems.append(error)
    if not sounds:
        raise problems[0]
    begins = {n: round((chapters[n].begin + sound.start) * RATE) for n, sound in sounds.items()}
    first = min(begins.values())
    samples = np.zeros(max(begins[n] + len(sound.samples) for n, sound in sounds.items()) - first, np.float32)
    for n, sound in sounds.items():
        samples[begins[n] - first :][: len(sound.samples)] = sound.samples
    base = next(iter(sounds.values()))
    notes = [note for sound in sounds.values() for note in sound.notes]
    notes += [f"the sound of a chapter cannot be read ({clause(str(error), '')})" for error in problems]
    return replace(base, samples=samples, start=first / RATE, notes=tuple(dict.fromkeys(notes)))
