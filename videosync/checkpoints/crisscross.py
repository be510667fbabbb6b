"""Published CrissCross weights: the bare ``state_dict`` of one backbone, or either backbone inside a larger checkpoint.

``{vid,aud}_crisscross_{kinetics_sound,kinetics400,audioset}.pth.tar``, as they are or inside a .zip.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from videosync.checkpoints.carl import PICKLES, find_any_checkpoint
from videosync.errors import CheckpointError
from videosync.foreign import require_honest
from videosync.models.audio_resnet import AudioBackbone
from videosync.models.crisscross import CrissCrossModel
from videosync.models.options import CrissCrossOptions
from videosync.models.pickled import read_pickled
from videosync.models.pretrained import FOLDER, Published, find_weights
from videosync.models.r2plus1d import VideoBackbone
from videosync.models.weights import misfits, read_tensors

Kind = Literal["video", "audio"]
BACKBONES: dict[Kind, type[VideoBackbone] | type[AudioBackbone]] = {"video": VideoBackbone, "audio": AudioBackbone}
# the first weight of either, without its first dimension, the width: no other name tells them apart as surely
STEM = "conv1.0.weight"
STEMS: dict[tuple[int, ...], Kind] = {(3, 3, 7, 7): "video", (1, 7, 7): "audio"}
DATASETS = ("kinetics_sound", "kinetics400", "audioset")
ORIGIN = "linked from the CrissCross project page, pritamqu.github.io/crisscross"
_DEPTH = 4  # of dicts in dicts in a checkpoint


def find_published(name: str, kind: Kind, workdir: Path) -> Path:
    """The file of ``name``: a data set's in ``{workdir}/pretrained_models``, or a path inside ``workdir``.

    Raises CheckpointError: it is not there; the message says where to get it.
    """
    stem = f"{kind[:3]}_crisscross_"
    known = {data: Published(f"{stem}{data}.pth.tar", ORIGIN) for data in DATASETS}
    if name not in known and (folder := workdir / os.path.expanduser(name)).is_dir():
        return folder
    zipped = sorted((workdir / FOLDER).glob(f"{stem}{name}*.zip")) if name in known else []
    if zipped and not (workdir / FOLDER / known[name].file).is_file():
        return zipped[0]
    return find_weights(name, workdir, known, without=f"start without, by crisscross.{kind}_weights=''")


def load_published(path: Path, kind: Kind | None = None) -> tuple[Kind, dict[str, Tensor]]:
    """Which backbone ``path`` holds, and its weights under the names of ``BACKBONES``, complete and of one width.

    ``path`` is a file of tensors that torch wrote, a .safetensors file, a .zip of such files, or the folder of a run or
    an export. What surrounds the backbone (heads, the other backbone, optimizer states) is left out; ``kind`` says
    which one is wanted where it holds both.

    Raises:
        CheckpointError: there is none, or more than one, or not the one that is wanted; weights are missing, strange or
            of another shape; or the file cannot be read.
    """
    tensors = dict(_tensors(_read(path), ""))
    found = {prefix: known for prefix, known in _backbones(tensors) if kind in (None, known)}
    if len(found) != 1:
        raise CheckpointError(f"{path}: {_not_one(tensors, list(found), kind)}")
    ((prefix, known),) = found.items()
    weights = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    with torch.device("meta"):
        wanted = BACKBONES[known](width=len(weights[STEM])).state_dict()
    if problems := misfits(wanted, weights):
        raise CheckpointError(f"{path}: does not fit the {known} backbone of CrissCross ({problems})")
    return known, weights


def held_kinds(path: Path) -> set[Kind]:
    """Which backbones ``path`` holds, complete or not. Raises CheckpointError: it cannot be read."""
    return {kind for _, kind in _backbones(dict(_tensors(_read(path), "")))}


def load_backbone(backbone: VideoBackbone | AudioBackbone, path: Path) -> None:
    """Fill ``backbone`` with its kind of weights in ``path``, all of them.

    Raises CheckpointError: as :func:`load_published`, or they are of another width.
    """
    (kind,) = (kind for kind, cls in BACKBONES.items() if isinstance(backbone, cls))
    _, weights = load_published(path, kind)
    if (width := len(weights[STEM])) * 8 != backbone.features:
        raise CheckpointError(
            f"{path}: its {kind} backbone has a width of {width}, but that of this model is {backbone.features // 8}; "
            f"set crisscross.width={width}"
        )
    backbone.load_state_dict(weights)


def start_from_published(model: CrissCrossModel, options: CrissCrossOptions, workdir: Path) -> list[str]:
    """Fill the backbones for which ``options`` name weights; returns a sentence for each, and raises as the above."""
    said = []
    named: dict[Kind, str] = {"video": options.video_weights, "audio": options.audio_weights}
    for kind, name in named.items():
        if name:
            path = find_published(name, kind, workdir)
            load_backbone(getattr(model, kind), path)
            said.append(f"starting from the {kind} backbone in {path}")
    return said


def _backbones(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Kind]]:
    """What stands before the names of each backbone, and which it is."""
    for name, tensor in tensors.items():
        kind = STEMS.get(tuple(tensor.shape[1:]))
        if kind and len(tensor) and (name == STEM or name.endswith(f".{STEM}")):
            yield name.removesuffix(STEM), kind


def _not_one(tensors: Mapping[str, Tensor], found: list[str], kind: Kind | None) -> str:
    others = {known for _, known in _backbones(tensors)}
    wanted = f"a {kind} backbone of CrissCross" if kind == "video" else f"an {kind} backbone of CrissCross"
    if found:
        places = ", ".join(prefix.rstrip(".") or "the file itself" for prefix in found)
        what = "both backbones, so say which is wanted" if len(others) == 2 and not kind else "more than one backbone"
        return f"holds {what} (in {places})"
    if others:
        (other,) = others
        return f"holds the {other} backbone, not {wanted}; it is what crisscross.{other}_weights takes"
    names = f"{len(tensors)} tensors: {', '.join(list(tensors)[:3])}, …" if tensors else "no tensors"
    return (
        f"holds no backbone of CrissCross (it has {names}); expected {STEM} [64, 3, 3, 7, 7] of the video backbone or "
        "[64, 1, 7, 7] of the audio backbone, and the other names of a state dict"
    )


def _tensors(content: Any, prefix: str, depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """All tensors in dicts of dicts, under their keys joined by dots."""
    if isinstance(content, Mapping) and depth < _DEPTH:
        for name, value in content.items():
            if isinstance(value, Tensor):
                yield f"{prefix}{name}", value
            else:
                yield from _tensors(value, f"{prefix}{name}.", depth + 1)


def _read(path: Path) -> Any:
    if path.is_dir():
        exported = {kind: path / f"{kind}.safetensors" for kind in BACKBONES}
        parts = {kind: read_tensors(file) for kind, file in exported.items() if file.is_file()}
        return parts or find_any_checkpoint(path, "best").weights()
    try:
        require_honest(path)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}; it is no file of weights") from error
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(PICKLES) and "__MACOSX" not in name]
            # a file that torch wrote is itself such an archive, with other things in it
            return {n: read_pickled(path / n, io.BytesIO(archive.read(n))) for n in members} or read_tensors(path)
    except (zipfile.BadZipFile, OSError, ValueError):
        return read_tensors(path)
    except (zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise CheckpointError(f"{path}: cannot be unpacked ({error}); it is damaged or locked by a password") from error
