"""The tasks about phases of an action: embed the videos of two splits, score, draw alignments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from videosync.config.schema import Config
from videosync.data.identity import content_hash, files_hash
from videosync.engine.build import build_manifest
from videosync.engine.distributed import Distributed
from videosync.engine.held_out import TRAIN_SPLIT
from videosync.engine.loggers import pair_progress
from videosync.engine.reports import clear_report
from videosync.evaluation.embed import merged
from videosync.models.encoder import Encoder
from videosync.models.noise import NoiseEncoder
from videosync.phases.aligned_video import warped_frames, write_aligned_video
from videosync.phases.checks import check_videos
from videosync.phases.embed import DRAWS, PhaseVideo, embed_videos, phase_videos, tells_positions
from videosync.phases.metrics import nearest_frames
from videosync.phases.plots import Aligned, save_alignment
from videosync.phases.report import EmbeddedSplit, phase_table, score_phases
from videosync.phases.tasks import FITTED_TASKS, PhaseOptions, tau_of_videos


class PhaseEvaluation:
    """The videos of ``eval.split`` (and of the train split, for what is fitted on it), and tasks about them.

    Raises ManifestError: the dataset is missing or malformed, or does not allow one of the tasks.
    """

    def __init__(self, config: Config, workdir: Path, tasks: Sequence[str]) -> None:
        self.config = config
        self.tasks = list(tasks)
        manifest = build_manifest(config, workdir, config.eval.split)
        self.val = phase_videos(manifest, config.eval.split)
        fitted = bool(set(tasks) & set(FITTED_TASKS))
        self.train: list[PhaseVideo] = []
        if fitted:
            self.train = phase_videos(build_manifest(config, workdir, TRAIN_SPLIT), TRAIN_SPLIT)
        self.notes = check_videos(
            tasks, self.train, self.val, dataset=str(workdir / config.data.dataset), split=config.eval.split
        )
        self.root = manifest.root

    def made_from(self) -> dict[str, str]:
        """What is evaluated, for a finished report to be known again."""
        videos = self.train + self.val
        files = files_hash(self.root, [video.path for video in videos])
        return {"labelled_videos": content_hash([files, *(_identity(video) for video in videos)])}

    def run(self, encoder: Encoder | NoiseEncoder, output: Path, distributed: Distributed) -> dict[str, Any]:
        """What the report says about phases (rank 0; others: nothing); pictures and videos go into ``output``.

        Raises VideoError: a video cannot be read.
        """
        config = self.config
        videos = [*self.val, *self.train]
        with pair_progress("embedding", len(videos), distributed, unit="video") as advance:
            share = distributed.together(
                lambda: embed_videos(
                    encoder,
                    videos,
                    image_size=config.data.image_size,
                    max_frames=config.eval.max_frames,
                    device=distributed.device,
                    rank=distributed.rank,
                    world_size=distributed.world_size,
                    on_video=advance,
                )
            )
        embedded = merged(distributed.gather(share), len(videos))
        if not distributed.is_main:
            return {}
        options = PhaseOptions(
            stride=config.eval.tau_stride,
            distance=config.eval.tau_distance,
            ks=config.eval.retrieval_ks,
            fractions=config.eval.label_fractions,
            standardize=config.eval.standardize,
            bootstrap=config.eval.bootstrap,
            seed=config.pairs.seed,
        )
        val = EmbeddedSplit(self.val, embedded[: len(self.val)])
        train = EmbeddedSplit(self.train, embedded[len(self.val) :])
        scores = score_phases(self.tasks, train, val, options)
        notes = [*self.notes, self._about_positions(encoder)]
        clear_report(output, "phases_*")
        for label, query, key in pictured_videos(val, options, config.eval.pictures):
            draw_alignment(output, label, val, query, key, options)
        return {
            "tasks": self.tasks,
            "videos": {config.eval.split: len(self.val), **({TRAIN_SPLIT: len(self.train)} if self.train else {})},
            "table": phase_table(scores, notes),
            "notes": notes,
            "scores": scores.to_json(),
        }

    def _about_positions(self, encoder: Encoder | NoiseEncoder) -> str:
        if tells_positions(encoder):
            return f"without positions: every frame told random places, mean of {DRAWS} draws."
        kind = self.config.model.positions if isinstance(encoder, Encoder) else "none"
        return f"The encoder is told no absolute positions ('{kind}'): there are none to take away."


def pictured_videos(val: EmbeddedSplit, options: PhaseOptions, count: int) -> list[tuple[str, int, int]]:
    """(label, query, key) of the ``count`` worst and the ``count`` median pairs of videos by Kendall's tau.

    Of different events where there are several. Videos whose tau is not defined count as worst.
    """
    events = np.array([video.event for video in val.videos])
    tau = np.nan_to_num(tau_of_videos(val.embedded(), options), nan=-1.0)
    candidates = np.argwhere(~np.eye(len(events), dtype=bool))
    apart = candidates[events[candidates[:, 0]] != events[candidates[:, 1]]]
    pairs = apart if len(apart) else candidates
    pairs = pairs[np.argsort(tau[pairs[:, 0], pairs[:, 1]], kind="stable")].tolist()
    count = min(count, len(pairs))
    middle = max(len(pairs) // 2 - count // 2, 0)
    worst = [(f"phases_worst_{n + 1}", i, j) for n, (i, j) in enumerate(pairs[:count])]
    median = [(f"phases_median_{n + 1}", i, j) for n, (i, j) in enumerate(pairs[middle : middle + count])]
    return worst + median


def draw_alignment(output: Path, label: str, val: EmbeddedSplit, query: int, key: int, options: PhaseOptions) -> None:
    """The picture of one pair's nearest neighbours, and the two videos side by side."""
    e0, e1 = val.embedded()[query], val.embedded()[key]
    tau = tau_of_videos([e0, e1], options)[0, 1]
    pair = Aligned(
        query=val.videos[query],
        key=val.videos[key],
        nearest=nearest_frames(e0, e1, options.distance),
        warped=warped_frames(e0, e1, options.distance),
        tau=None if np.isnan(tau) else float(tau),
    )
    title = f"{label.removeprefix('phases_').replace('_', ' ')} pair: {pair.query.name} and {pair.key.name}"
    save_alignment(output / f"{label}.png", pair, title)
    write_aligned_video(output / f"{label}.mp4", pair.query, pair.key, pair.warped)


def _identity(video: PhaseVideo) -> list[Any]:
    labels = None if video.labels is None else video.labels.tolist()
    return [video.name, video.event, video.num_frames, video.fps, labels]
