"""The export job: a trained encoder or detector as programs and weights, with a card that says what it is."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from videosync.checkpoints.carl import PATTERN, PICKLES, find_any_checkpoint
from videosync.checkpoints.checkpoint import Checkpoint, checkpoints_folder, git_commit
from videosync.config.load import config_from_dict, save_config
from videosync.config.schema import Config
from videosync.engine.encoders import checkpoint_encoder
from videosync.engine.reports import versions
from videosync.engine.streams import checkpoint_streams
from videosync.engine.train import CONFIG_FILE
from videosync.errors import CheckpointError, ConfigError, nearest
from videosync.export.card import SIGN, counted, model_card
from videosync.export.facts import about_encoder, about_two_streams, detector_facts, run_facts
from videosync.export.modules import detector_network, encoder_network
from videosync.export.two_streams import backbone_networks
from videosync.files import file_hash, new_folder, write_json, write_text
from videosync.models.card import CARD_JSON, FORMAT, WEIGHTS, is_export
from videosync.models.crisscross import CrissCrossModel
from videosync.models.encoder import Encoder
from videosync.models.programs import ONNX_PACKAGES, Checked, Network, require_installed, trace, write_onnx, write_torch
from videosync.offset.cnn import CnnDetector
from videosync.offset.methods import load_detector
from videosync.offset.saving import ARRAYS_FILE, FACTS_FILE

log = logging.getLogger("videosync")

DTYPES = {"uint8": torch.uint8, "float": torch.float32}
CARD = "README.md"


@dataclass(frozen=True)
class ExportRequest:
    """What is asked for besides the formats; ``reports`` are metrics.json files for the card."""

    checkpoint: str = "best"
    frames: Sequence[str] = ("uint8",)
    workdir: Path = Path()
    reports: Sequence[Path] = ()
    licence: str = ""
    name: str = ""
    command: str = ""


@dataclass
class _Export:
    """What has been written so far into ``folder``, and the facts about it."""

    folder: Path
    facts: dict[str, Any]
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, what: str, network: Network | None = None, checked: Checked | None = None) -> None:
        path = self.folder / name
        facts: dict[str, Any] = {"what": what, "bytes": path.stat().st_size, "sha256": file_hash(path)}
        if network is not None and checked is not None:
            facts["inputs"], facts["outputs"] = network.inputs, network.outputs
            check = {"cases": network.checked_on, "largest_difference": checked.difference}
            facts["check"] = {**check, "tolerance": network.tolerance}
        self.files[name] = facts


def export(source: Path, output: Path, formats: Sequence[str], request: ExportRequest) -> list[str]:
    """Write ``source``, a training run or a trained detector's folder, as ``formats`` into the new folder ``output``.

    The folder is there only when everything in it was written and checked.

    Returns:
        Remarks: what the card could not say.

    Raises:
        ConfigError: ``output`` is there already, or a package is missing.
        CheckpointError: nothing to export, what it holds is damaged, or an exported program differs from PyTorch.
    """
    if output.exists():
        raise ConfigError(f"--output {output}: there already; choose another folder (nothing was changed)")
    if "onnx" in formats:
        remedy = "pip install 'videosync[onnx]', or leave onnx out, as in --format torch safetensors"
        require_installed(ONNX_PACKAGES, "--format onnx", remedy=remedy)
    is_detector = (source / FACTS_FILE).is_file()
    if not is_detector:
        _check_is_run(source)
    with new_folder(output) as folder:
        done, remarks = (
            _export_detector(source, folder, formats, request)
            if is_detector
            else _export_run(source, folder, formats, request)
        )
        facts = {
            "format": FORMAT,
            "name": request.name or output.name,
            **done.facts,
            "sign": SIGN,
            "licence": request.licence,
            "files": done.files,
            "exported": {"command": request.command, "versions": versions(), "git_commit": git_commit()},
        }
        write_json(folder / CARD_JSON, facts)
        write_text(folder / CARD, model_card(facts))
    return remarks


def _export_run(
    source: Path, folder: Path, formats: Sequence[str], request: ExportRequest
) -> tuple[_Export, list[str]]:
    checkpoint = find_any_checkpoint(source, request.checkpoint)
    config = _config_of(checkpoint)
    networks: Callable[[Sequence[torch.dtype]], list[Network]]
    if config.model.name == "crisscross":
        model = checkpoint_streams(config, checkpoint).requires_grad_(False)
        about, what, use = about_two_streams(model), "two backbones", "of its training"
        networks, save = partial(backbone_networks, model, config), partial(_save_backbones, model)
    else:
        encoder = checkpoint_encoder(config, checkpoint)
        about, what, use = about_encoder(encoder), "encoder", "to use it with"
        networks, save = partial(_encoder_networks, encoder, config), partial(_save_encoder, checkpoint)
    log.info("%s: %s, %s of training", checkpoint.folder, what, counted(checkpoint.epoch, "epoch"))
    facts, remarks = run_facts(
        checkpoint, config, about, source=source, workdir=request.workdir, reports=request.reports
    )
    done = _Export(folder, facts)
    save_config(config, folder / CONFIG_FILE)
    done.add(CONFIG_FILE, f"the options {use}")
    if "safetensors" in formats:
        save(done)
    for network in networks([DTYPES[name] for name in request.frames]):
        _write_programs(done, network, formats, request)
    return done, remarks


def _encoder_networks(encoder: Encoder, config: Config, dtypes: Sequence[torch.dtype]) -> list[Network]:
    size, frames = config.data.image_size, config.data.num_frames
    return [encoder_network(encoder, image_size=size, num_frames=frames, dtype=dtype) for dtype in dtypes]


def _save_encoder(checkpoint: Checkpoint, done: _Export) -> None:
    stored, path = checkpoint.folder / WEIGHTS, done.folder / WEIGHTS
    if stored.is_file():
        shutil.copyfile(stored, path)
    else:
        save_file({n: t.contiguous() for n, t in checkpoint.weights().items()}, path)
        done.facts["checkpoint"]["weights_hash"] = file_hash(path)
    done.add(WEIGHTS, "the weights, also of the heads that only training uses")


def _save_backbones(model: CrissCrossModel, done: _Export) -> None:
    for kind, what in (("video", "pictures"), ("audio", "sound")):
        weights = {name: tensor.contiguous() for name, tensor in getattr(model, kind).state_dict().items()}
        save_file(weights, done.folder / f"{kind}.safetensors")
        done.add(f"{kind}.safetensors", f"the weights of the backbone of the {what}, under their published names")


def _export_detector(
    source: Path, folder: Path, formats: Sequence[str], request: ExportRequest
) -> tuple[_Export, list[str]]:
    detector, saved = load_detector(source)
    log.info("%s: detector %s", source, detector.name)
    parameters = sum(a.size for name, a in detector.arrays().items() if name.startswith("model."))
    facts, remarks = detector_facts(saved, source=source, parameters=parameters, reports=request.reports)
    done = _Export(folder, facts)
    programs = [name for name in formats if name != "safetensors"]
    if programs and not isinstance(detector, CnnDetector):
        raise ConfigError(
            f"{source}: only the detector cnn can be exported as {' or '.join(programs)}, this is {detector.method}; "
            "use --format safetensors"
        )
    if "safetensors" in formats:
        for name, what in ((ARRAYS_FILE, "the weights"), (FACTS_FILE, "what VideoSync needs to load them")):
            shutil.copyfile(source / name, folder / name)
            done.add(name, what)
    if isinstance(detector, CnnDetector):
        network = detector_network(detector, temperature=saved.get("temperature") or 0.1)
        _write_programs(done, network, formats, request)
    return done, remarks


def _write_programs(done: _Export, network: Network, formats: Sequence[str], request: ExportRequest) -> None:
    """The network as an ONNX and a torch.export program, where ``formats`` ask for them."""
    if not {"onnx", "torch"} & set(formats):
        return
    notes = {
        "kind": done.facts["kind"],
        "made_from": done.facts["run"],
        "sign": SIGN,
        "licence": request.licence or "none given",
        "videosync": versions()["videosync"],
        **{name: text for ports in (network.inputs, network.outputs) for name, text in ports.items()},
    }
    log.info("%s: tracing", network.name)
    program = trace(network)
    for name, write, what in (
        ("onnx", write_onnx, "the whole network for ONNX Runtime and others"),
        ("torch", write_torch, "the whole network for torch.export.load"),
    ):
        if name in formats:
            log.info("%s: writing %s and comparing it with PyTorch", network.name, name)
            checked = write(program, network, done.folder, notes)
            differ, allowed = f"{checked.difference:.1e}", f"{network.tolerance:.0e}"
            found = f"at most {differ} from PyTorch (allowed: {allowed}) on {network.checked_on}"
            log.info("%s: %s", checked.file, found)
            done.add(checked.file, what, network, checked)


def _check_is_run(source: Path) -> None:
    """Raises CheckpointError that says what ``source`` is when it is no run, and where a detector may be meant."""
    if source.is_file() and source.suffix in PICKLES:
        return
    if not source.is_dir():
        siblings = [p.name for p in source.parent.iterdir() if p.is_dir()] if source.parent.is_dir() else []
        near = nearest(source.name, siblings)
        hint = f" Did you mean '{source.parent / near}'?" if near else ""
        raise CheckpointError(
            f"{source}: no such folder.{hint} Expected the --logdir of a training run, or a trained detector's folder"
        )
    if detectors := sorted(path.parent.name for path in source.glob(f"*/{FACTS_FILE}")):
        raise CheckpointError(
            f"{source}: holds the detectors {', '.join(detectors)}; name one of them, as in {source / detectors[0]}"
        )
    if is_export(source) or any(source.glob(PATTERN)):
        return
    if not checkpoints_folder(source).is_dir():
        raise CheckpointError(
            f"{source}: neither a training run (it has no checkpoints folder) nor a trained detector (it has no "
            f"{FACTS_FILE})"
        )


def _config_of(checkpoint: Checkpoint) -> Config:
    """The configuration a checkpoint was trained with; what it does not tell takes its default."""
    if "num_frames" not in checkpoint.config.get("data", {}):
        raise CheckpointError(
            f"{checkpoint.folder}: does not tell how long its training clips were; convert it first, with "
            "videosync convert-checkpoint FILE FOLDER --num-frames N, and export that folder"
        )
    return config_from_dict(checkpoint.config, source=str(checkpoint.folder))
