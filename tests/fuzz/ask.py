"""What a user does with each format: the commands and functions that read it, their errors said as by commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.fuzz.research import of_archive, of_data_set
from videosync.cli.common import run_command
from videosync.cli.main import main

Ask = Callable[[Path, Path], int]  # (folder of the sample, the damaged file) → exit code


def each(*reads: Callable[[], object]) -> int:
    """The worst exit code of functions that read, each as if it were a command."""

    def alone(read: Callable[[], object]) -> None:
        read()

    return max(run_command(lambda read=read: alone(read)) for read in reads)  # type: ignore[misc]


def media(folder: Path, file: Path) -> int:
    """Frames, packets, tags and sound of a file, and what ``sync`` measures of it."""
    return each(lambda: _pictures(file), lambda: _sound(file), lambda: _times(file))


def sync(folder: Path, file: Path) -> int:
    """The whole command, with the file as it was before for its partner; much of what can be written, is."""
    out = folder / "out"
    flags = {"json": "a.json", "trim": "cut", "report": "page.html", "mlt": "p.mlt"}
    written = [f"--{flag}={out / name}" for flag, name in flags.items()]
    healthy = file.with_name(f"healthy_{file.name}")
    return main(["sync", str(healthy), str(file), "--cue", "motion", "--accept", "0.01", *written])


def manifest(folder: Path, file: Path) -> int:
    return main(["check", str(folder)])


def config(folder: Path, file: Path) -> int:
    return main(["train", "--cfg_file", str(file), "--print-config"])


def old_config(folder: Path, file: Path) -> int:
    return main(["convert-config", str(file), "-"])


def answer(folder: Path, file: Path) -> int:
    out = folder / "out"
    flags = {"trim": "cut", "premiere": "p.xml", "fcpxml": "p.fcpxml", "otio": "p.otio", "mlt": "p.mlt", "edl": "edl",
             "frames-csv": "f.csv", "manifest": "set", "report": "page.html", "preview": "all.mp4"}  # fmt: skip
    return main(["export-timeline", str(file), *(f"--{flag}={out / name}" for flag, name in flags.items())])


def checkpoint(folder: Path, file: Path) -> int:
    from videosync.checkpoints.checkpoint import find_checkpoint, list_checkpoints
    from videosync.engine.encoders import load_encoder

    return each(
        lambda: list_checkpoints(folder), lambda: find_checkpoint(folder, "best").training_state(),
        lambda: load_encoder(folder),
    )  # fmt: skip


def weights(folder: Path, file: Path) -> int:
    from videosync.engine.encoders import load_encoder, load_sound_encoder
    from videosync.models.small import SmallConvNet
    from videosync.models.weights import load_backbone_weights

    return max(
        main(["convert-checkpoint", str(file), str(folder / "converted")]),
        each(
            lambda: load_encoder(file), lambda: load_sound_encoder(file),
            lambda: load_backbone_weights(SmallConvNet(), file),
        ),
    )  # fmt: skip


def export(folder: Path, file: Path) -> int:
    from videosync.engine.encoders import load_encoder
    from videosync.models.exported import load_exported_encoder
    from videosync.models.light import light_shipped_encoder

    return each(
        lambda: load_encoder(folder), lambda: load_exported_encoder(folder), lambda: light_shipped_encoder(folder)
    )


def detector(folder: Path, file: Path) -> int:
    from videosync.engine.detector_sets import load_clip_detector
    from videosync.offset.methods import load_detector
    from videosync.offset.saving import detector_hash

    place = folder / "set" / "log_reg"
    return each(
        lambda: load_detector(place), lambda: detector_hash(place), lambda: load_clip_detector(place, workdir=folder)
    )


def similarity(folder: Path, file: Path) -> int:
    from videosync.similarity.store import load_similarity_set

    return each(lambda: load_similarity_set(folder, "small", "val")[0].forward.sum())


def old_sets(folder: Path, file: Path) -> int:
    names = ["--prefix", "ntu", "--dataset_prefix", "new", "--sets", str(folder / "out")]
    return main(["import-sets", str(folder), *names])


def old_annotations(folder: Path, file: Path) -> int:
    return main(["import-annotations", str(folder)])


def labels(folder: Path, file: Path) -> int:
    from videosync.data.frame_labels import load_labels
    from videosync.data.labelled_sounds import read_labelled_sounds

    return each(lambda: load_labels(folder / "labels.json"), lambda: read_labelled_sounds(folder))


def playlist(folder: Path, file: Path) -> int:
    return max(media(folder, file), main(["sync", str(file), str(folder / "list.m3u8"), "--cue", "motion"]))


def _pictures(file: Path) -> None:
    from videosync.edit.source import read_header
    from videosync.signals.motion import MotionMeter
    from videosync.timeline.clips import inspect, read_clip
    from videosync.video.read import iter_frames, probe

    probe(file)
    read_header(str(file))
    for _ in iter_frames(file):
        pass
    info = inspect(file)
    read_clip(info, info.fps, [MotionMeter()])


def _sound(file: Path) -> None:
    from videosync.audio.listen import sync_sound
    from videosync.audio.read import read_sound

    sync_sound(file)
    read_sound(file)


def _times(file: Path) -> None:
    from videosync.video.recorded import recorded

    found = recorded(file)
    found.created()
    found.timecode_seconds(25.0)


ASKS: dict[str, Ask] = {
    "media": media, "sync": sync, "manifest": manifest, "config": config, "old_config": old_config, "answer": answer,
    "checkpoint": checkpoint, "weights": weights, "export": export, "detector": detector, "similarity": similarity,
    "old_sets": old_sets, "old_annotations": old_annotations, "labels": labels, "playlist": playlist,
    "data_set": of_data_set, "archive": of_archive,
}  # fmt: skip
