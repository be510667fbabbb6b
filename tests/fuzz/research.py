"""Data sets with damaged files, and archives, through the commands of research: their samples, and what is asked.

A data set comes with its manifest, an encoder that was trained on it, a similarity set and a detector; archives are
those of the preparation's tests.
"""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from dataset_preparation import kinetics400_process, ntu_process, tfrecords_to_videos, ucf101_process
from tests.dataset_preparation.replicas.actions import make_ucf101
from tests.dataset_preparation.replicas.kinetics400 import make_kinetics400
from tests.dataset_preparation.replicas.ntu import make_ntu
from tests.dataset_preparation.replicas.pouring import make_pouring
from tests.fuzz.jobs import (
    GOES_ON,
    construct_sets,
    flags,
    make_source,
    multiview,
    train_decoded,
    train_detectors,
    train_encoder,
)
from tests.fuzz.kills import broken
from videosync.cli import check, eval_detector, evaluate, train

Ask = Callable[[Path, Path], int]  # (folder of what is read, folder to write into) → exit code


def data_set(folder: Path, video: Path) -> list[str]:
    with contextlib.redirect_stdout(io.StringIO()):
        make_source(folder)
        assert train_detectors(folder, folder / "detectors") == 0
    return _names(
        folder, ("synthetic", "encoder/checkpoints/best", "encoder/checkpoints/last", "sets", "detectors/small")
    )


def archive(folder: Path, video: Path) -> list[str]:
    for name, (make, _) in ARCHIVES.items():
        (folder / name).mkdir()
        make(folder / name)
    return _names(folder, ARCHIVES)


def _names(folder: Path, places: Iterable[str]) -> list[str]:
    files = sorted(path for place in places for path in (folder / place).rglob("*") if path.is_file())
    return [str(path.relative_to(folder)) for path in files if path.stat().st_size and path.name not in UNREAD]


def _train(folder: Path, out: Path) -> int:
    return train_encoder(folder, out, "train.epochs=1")


def _train_with_a_worker(folder: Path, out: Path) -> int:
    return train_encoder(folder, out, "train.epochs=1", "data.num_workers=1")


def _train_on(folder: Path, out: Path) -> int:
    return train.main(flags(folder, folder / "encoder", "train.epochs=4", more=GOES_ON))


def _evaluate(folder: Path, out: Path) -> int:
    tasks = "eval.tasks=[sync_offset,kendalls_tau]"
    return evaluate.main(flags(folder, folder / "encoder", tasks, more=("--output-dir", str(out / "report"))))


def _evaluate_detectors(folder: Path, out: Path) -> int:
    opts = (f"paths.sets={folder / 'sets'}", f"paths.detectors={folder / 'detectors'}")
    words = ("--model_prefix", "small", "--data_prefix", "small")
    return eval_detector.main(flags(folder, out / "report", *opts, more=words))


def _check(folder: Path, out: Path) -> int:
    return check.main([str(folder / "synthetic"), "--sheet", str(out / "sheet.png")])


def _prepare(script: Callable[[list[str]], int], size: tuple[str, ...] = ("--size", "32")) -> Ask:
    return lambda archive, out: script(
        ["--data_root", str(archive), "--output_dir", str(out / "set"), "--workers", "1", *size]
    )


ARCHIVES: dict[str, tuple[Callable[[Path], object], Ask]] = {
    "ntu": (make_ntu, _prepare(ntu_process.main)),
    "kinetics400": (make_kinetics400, _prepare(kinetics400_process.main)),
    "ucf101": (make_ucf101, _prepare(ucf101_process.main)),
    "pouring": (make_pouring, _prepare(tfrecords_to_videos.main, ())),
}
UNREAD = ("event.json", "report.json")  # of synthetic events, by the commands asked here
READ_BY: tuple[tuple[str, tuple[Ask, ...]], ...] = (  # files of a data set whose names begin so
    ("sets/", (train_detectors, _evaluate_detectors)),
    ("detectors/", (_evaluate_detectors,)),
    ("encoder/checkpoints/best", (_evaluate, construct_sets)),
    ("encoder/", (_train_on,)),
    ("synthetic/val", (_evaluate, construct_sets, multiview, _check)),
    ("synthetic/train", (_train, _train, _train, _train_with_a_worker, train_decoded, construct_sets, multiview)),
    ("synthetic/", (_train, _evaluate, construct_sets, multiview, _check)),
)


def of_data_set(folder: Path, file: Path) -> int:
    name = str(file.relative_to(folder))
    asks = next(asks for beginning, asks in READ_BY if name.startswith(beginning))
    ask = asks[zlib.crc32(file.read_bytes()) % len(asks)]
    return _whole(lambda out: ask(folder, out), folder)


def of_archive(folder: Path, file: Path) -> int:
    name = file.relative_to(folder).parts[0]
    return _whole(lambda out: ARCHIVES[name][1](folder / name, out), folder)


def _whole(work: Callable[[Path], int], folder: Path) -> int:
    """What ``work`` returns; what it leaves has to be whole."""
    out = folder / "out"
    out.mkdir()
    code = work(out)
    left = broken(out)
    assert not left, left
    return code
