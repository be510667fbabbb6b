"""The tasks that recognise classes: folds of a data set, each done once, and one report of all of them.

What is found on a fold is kept beside the report, so that an evaluation that was interrupted goes on with the folds
that are done, and fine-tuning with its last whole epoch.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from videosync.audio.augment import SoundAugment
from videosync.checkpoints.crisscross import BACKBONES, Kind
from videosync.config.schema import Config
from videosync.data.identity import code_hash, content_hash, files_hash, inside
from videosync.data.labelled_sounds import AUDIO, META, read_labelled_sounds
from videosync.data.manifest import MANIFEST_NAME, read_manifest, require_usable
from videosync.engine.build import build_augment, decoded_files
from videosync.engine.distributed import Distributed
from videosync.engine.held_out import TRAIN_SPLIT
from videosync.engine.identity import options_of
from videosync.engine.loggers import pair_progress
from videosync.engine.streams import load_streams
from videosync.errors import ConfigError, ManifestError
from videosync.files import read_object, write_json
from videosync.option import taken
from videosync.recognition.clips import VideoClips
from videosync.recognition.items import Fold, check_fold, sound_folds, video_fold
from videosync.recognition.options import SOUND_TASKS, VIDEO_TASKS
from videosync.recognition.report import FoldResult, recognition_table, summarise
from videosync.recognition.streams import av_retrieval, probe, used_streams
from videosync.recognition.tasks import Setting, finetune, sound_linear, sound_svm

log = logging.getLogger(__name__)

FOLDS = "folds"  # folder, inside that of the report
OPTIONS = {  # task → its group of options
    "finetune": "finetune",
    "sound_svm": "svm",
    "sound_linear": "linear",
    "av_retrieval": "streams",
    "probe": "streams",
}
POLL_SECONDS = 0.5


class RecognitionEvaluation:
    """The folds of a data set, and the streams that tasks are about.

    Raises:
        ManifestError: the data set is missing or malformed, has no such fold, or a class without train files.
        CheckpointError: there are no such weights.
    """

    def __init__(self, config: Config, workdir: Path, logdir: Path, tasks: Sequence[str]) -> None:
        self.config, self.tasks = config, list(tasks)
        self.root = workdir / config.data.dataset
        self.folds = read_folds(config, workdir)
        for fold in self.folds:
            check_fold(fold, where=self.root)
        kinds = [self._kinds(task) for task in tasks]
        wanted = tuple(kind for kind in BACKBONES if any(kind in named for named in kinds))
        every = any(len(named) == 1 for named in kinds)
        self.streams, self.network = load_streams(config, workdir=workdir, logdir=logdir, wanted=wanted, every=every)

    def _kinds(self, task: str) -> tuple[Kind, ...]:
        """The streams that a task looks at."""
        if task in SOUND_TASKS:
            return ("audio",)
        if task not in VIDEO_TASKS:
            return used_streams(self.folds[0], self.config.streams)
        if not all(item.pictures for item in self.folds[0].test):
            others = " or ".join(SOUND_TASKS)
            raise ManifestError(
                f"{self.root}: holds sounds alone, but '{task}' in eval.tasks takes videos; use {others}"
            )
        return ("video",)

    def made_from(self) -> dict[str, Any]:
        """What is evaluated, for a finished report, and a fold that is done, to be known again."""
        groups = ("crisscross", "audio", "augment", "data", "train.seed", *(OPTIONS[task] for task in self.tasks))
        kept = {k: v for k, v in options_of(self.config, "eval", *groups).items() if k != "data.num_workers"}
        items = {item.path: item for fold in self.folds for item in (*fold.train, *fold.test)}
        listed = [[fold.name, self._listed(fold)] for fold in self.folds]
        return {
            "options": kept,
            "weights": self.network["hash"],
            "labelled_files": content_hash([files_hash(self.root, items), listed]),
            "code": code_hash("engine/streams.py", "audio", "models", "recognition", "video"),
        }

    def run(self, folder: Path, distributed: Distributed, *, keep: bool) -> dict[str, Any]:
        """What the report says (rank 0; others: nothing). Folds are dealt to ranks; ``keep``: those done stay."""
        made_from = self.made_from()
        jobs = [(task, fold) for task in self.tasks for fold in self.folds]
        files = {(task, fold.name): self._file(folder, task, fold, made_from) for task, fold in jobs}
        if distributed.is_main and not keep:
            for file in files.values():
                file.unlink(missing_ok=True)
                file.with_suffix(".safetensors").unlink(missing_ok=True)
        distributed.barrier()
        setting = self.setting(distributed)
        for number, (task, fold) in enumerate(jobs[distributed.rank :: distributed.world_size]):
            file = files[task, fold.name]
            if not file.is_file():
                place = distributed.rank + number * distributed.world_size + 1
                log.info("%s%s (%d of %d)", task, f", fold {fold.name}" if fold.name else "", place, len(jobs))
                write_json(file, self._work(task, fold, setting, state=file.with_suffix(".safetensors")).to_json())
                file.with_suffix(".safetensors").unlink(missing_ok=True)
        while not all(file.is_file() for file in files.values()):  # no collective waits for hours
            time.sleep(POLL_SECONDS)
        if not distributed.is_main:
            return {}
        results = {
            task: [FoldResult.from_json(read_object(files[task, fold.name])) for fold in self.folds]
            for task in self.tasks
        }
        found = {
            task: summarise(folds, bootstrap=self.config.eval.bootstrap, seed=self.config.train.seed)
            for task, folds in results.items()
        }
        return {
            "tasks": found,
            "folds": {task: [fold.to_json() for fold in folds] for task, folds in results.items()},
            "table": recognition_table(found, results),
        }

    def setting(self, distributed: Distributed) -> Setting:
        config = self.config
        return Setting(
            streams=self.streams,
            video=VideoClips(config.data.num_frames, config.data.fps, config.data.image_size, decoded_files(config)),
            sound_seconds=config.audio.seconds,
            video_augment=build_augment(config),
            sound_augment=taken(SoundAugment, config.audio) if config.augment.enabled else None,
            samples=config.data.samples_per_video,
            holdout=config.eval.holdout,
            calibrate=config.eval.calibrate,
            seed=config.train.seed,
            threads=config.data.num_workers,
            device=distributed.device,
            bf16=config.eval.precision == "bf16",
            where=self.root,
            progress=lambda title, total, unit: pair_progress(title, total, _alone(distributed), unit=unit),
        )

    def _listed(self, fold: Fold) -> list[list[str]]:
        parts = (("train", fold.train), ("test", fold.test))
        return [[part, inside(self.root, i.path), i.label, i.group] for part, items in parts for i in items]

    def _work(self, task: str, fold: Fold, setting: Setting, *, state: Path) -> FoldResult:
        options = getattr(self.config, OPTIONS[task])
        work: dict[str, Callable[..., FoldResult]] = {
            "finetune": partial(finetune, state=state),
            "sound_svm": sound_svm,
            "sound_linear": sound_linear,
            "av_retrieval": av_retrieval,
            "probe": probe,
        }
        return work[task](fold, setting, options)

    def _file(self, folder: Path, task: str, fold: Fold, made_from: dict[str, Any]) -> Path:
        """Named by all that decides what is in it, but for the folds that are asked for beside it."""
        beside = ("eval.folds", "eval.tasks", "eval.bootstrap")
        options = {key: value for key, value in made_from["options"].items() if key not in beside}
        files = files_hash(self.root, [item.path for item in (*fold.train, *fold.test)])
        about = content_hash([options, made_from["weights"], made_from["code"], files, self._listed(fold)])
        return folder / FOLDS / f"{task}{f'_fold{fold.name}' if fold.name else ''}_{about}.json"


def read_folds(config: Config, workdir: Path) -> list[Fold]:
    """Folds of ``data.dataset``: a tree of sounds with a table, or a manifest with labels, in ``fold1`` … or itself.

    Raises ConfigError, ManifestError.
    """
    if not config.data.dataset:
        raise ConfigError(
            "data.dataset is empty; name the dataset folder inside --workdir, as in '--opts data.dataset my_videos'"
        )
    root = workdir / config.data.dataset
    if not root.is_dir():
        raise ManifestError(
            f"dataset folder {root} does not exist. Expected one with {MANIFEST_NAME}, with fold1/, fold2/, … that "
            f"hold one each, or with {AUDIO}/ and {META}/*.csv as ESC-50 has them"
        )
    if (root / META).is_dir() and not (root / MANIFEST_NAME).is_file():
        return sound_folds(read_labelled_sounds(root), config.eval.folds, where=root)
    there = {int(path.name[4:]): path for path in root.glob("fold*") if path.name[4:].isdecimal()}
    if (root / MANIFEST_NAME).is_file() and not config.eval.folds:
        chosen = {"": root}
    else:
        wanted = config.eval.folds or sorted(there)
        if missing := sorted(set(wanted) - set(there)):
            names = ", ".join(there[number].name for number in sorted(there)) or "no folders of folds"
            raise ManifestError(f"{root}: eval.folds names fold {missing[0]}, but there are {names}")
        chosen = {str(number): there[number] for number in wanted} or {"": root}
    folds = []
    for name, place in chosen.items():
        manifest = read_manifest(place)
        for split in (TRAIN_SPLIT, config.eval.split):
            require_usable(manifest, split)
        folds.append(video_fold(manifest, name, train=TRAIN_SPLIT, test=config.eval.split))
    return folds


def _alone(distributed: Distributed) -> Distributed:
    """Progress of work that is this rank's alone."""
    return Distributed(
        rank=distributed.rank, world_size=1, local_rank=distributed.local_rank, device=distributed.device
    )
