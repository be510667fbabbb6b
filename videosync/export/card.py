"""The model card of an exported folder: what it is and where it comes from, written from facts alone.

``card.md`` beside this file is its text. There ``${config.model.layers}`` is a fact of ``model_card.json``, and
``<<name:text>>`` stays where the fact ``name`` is there and not empty (``<<!name:text>>``: where it is not).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

Facts = Mapping[str, Any]
SIGN = (
    "Offset `k` of (video 0, video 1): frame `i` of video 0 shows the moment of frame `i + k` of video 1. So `k > 0` "
    "means that video 1 started first, and swapping the videos gives `-k`."
)
BACKBONES = {
    "resnet50": "ResNet-50",
    "resnet34": "ResNet-34",
    "resnet18": "ResNet-18",
    "small": "Small convolutional network (a stem and four stages of 16 … 64 channels)",
}
POSITIONS = {
    "stretched": "sinusoidal positions, stretched over the {frames} frames of a training clip (CARL)",
    "plain": "sinusoidal positions, one a frame",
    "rotary": "rotary positions, which tell only the distance between two frames",
    "none": "no positions",
}
DETECTORS = {
    "cnn": "A convolutional network over the logarithm of the matrix as a picture, blocks of {channels} channels",
    "mlp": "A multi-layer perceptron over the logarithm of all cells of the matrix, {hidden}",
    "log_reg": "Logistic regression over the logarithm of all cells of the matrix",
    "svm": "A linear support vector machine over the logarithm of all cells of the matrix",
    "equivariant": "The same small network for every diagonal of the matrix, and one over neighbouring lags",
}
COUNTED = {  # facts that are said as "3 events"
    "checkpoint.epoch": "epoch",
    "checkpoint.step": "step",
    "training.data.events": "event",
    "training.data.videos": "video",
    "training.data.held_out_events": "further event",
    "config.model.fc_layers": "fully connected layer",
    "config.model.temporal_layers": "block",
    "config.model.layers": "transformer layer",
}
LEGENDS = {
    "encoder": "B clips, T frames",
    "detector": "N pairs of videos",
    "two_streams": "N clips, T pictures, F spectrogram frames",
}
# innermost first
_PART = re.compile(r"<<(!?)([\w.]+):((?:(?!<<|>>).)*)>>", re.DOTALL)


class _Card(Template):
    braceidpattern = r"[\w.]+"


def model_card(facts: Facts) -> str:
    """Markdown for ``README.md``; every number in it comes from ``facts`` (``model_card.json``)."""
    values = dict(_flat(facts, ""))
    values |= {f"n.{key}": counted(values[key], thing) for key, thing in COUNTED.items() if key in values}
    of_kind = {"encoder": _of_encoder, "detector": _of_detector, "two_streams": _of_run}
    values |= _shared(facts) | of_kind[facts["kind"]](facts)
    text = Path(__file__).with_name("card.md").read_text(encoding="utf-8")
    found = 1
    while found:
        text, found = _PART.subn(lambda m: m[3] if bool(values.get(m[2])) != bool(m[1]) else "", text)
    return _Card(text).substitute(values)


def _flat(facts: Facts, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _shared(facts: Facts) -> dict[str, Any]:
    """What the card says of either kind, in words."""
    files, training, count = facts["files"], facts["training"], facts["parameters"]
    versions = ", ".join(f"{name} {version}" for name, version in training.get("versions", {}).items())
    first = {end: next((name for name in files if name.endswith(f".{end}")), "") for end in ("onnx", "pt2")}
    return {
        f"is.{facts['kind']}": True,
        "is.run": facts["kind"] != "detector",
        "is.for_offsets": facts["kind"] != "two_streams",
        "sign": SIGN,
        "parameters": f"{count / 1e6:.2f} million" if count >= 1e6 else f"{count:,}",
        "files": "\n".join(f"| `{name}` | {f['what']} | {_size(f['bytes'])} |" for name, f in files.items()),
        "programs": _programs(facts),
        **{f"first.{end}": name for end, name in first.items()},
        **{f"has.{name}": True for name in files},
        "has.encoder_float": any(name.startswith("encoder_float.") for name in files),
        "commands": "\n".join(training["commands"]),
        "versions": versions or "not recorded",
        "commit": (training.get("git_commit") or "")[:12],
        "exported_commit": (facts["exported"].get("git_commit") or "")[:12],
        "results": "\n\n".join(part for result in facts["evaluations"] for part in _result(result)),
    }


def _of_run(facts: Facts) -> dict[str, Any]:
    data = facts["training"]["data"]
    metrics = {name: f"{value:.4g}" for name, value in facts["checkpoint"]["metrics"].items()}
    held_out = [f"{n.removeprefix('val/')} {value}" for n, value in metrics.items() if n.startswith("val/")]
    return {
        "hours": f"{data.get('hours', 0):g}",
        "manifest": data.get("manifest_hash", "")[:16],
        "loss": metrics.get("loss"),
        "held_out": ", ".join(held_out),
    }


def _of_encoder(facts: Facts) -> dict[str, Any]:
    model = facts["config"]["model"]
    backbone = BACKBONES.get(model["backbone"], model["backbone"])
    return {
        "backbone": backbone[0].upper() + backbone[1:],
        "rgb": model["input"] == "rgb",
        "positions": POSITIONS[model["positions"]].format(frames=facts["config"]["data"]["num_frames"]),
        "absolute": model["positions"] in ("stretched", "plain"),
        "context": facts["shortest_clip"] - 2,
        **_of_run(facts),
        **_matrices(**facts["config"]["similarity"]),
    }


def _of_detector(facts: Facts) -> dict[str, Any]:
    hash_, result = facts.get("encoder_hash"), facts["training"]["result"]
    known = f" (weights {hash_[:12]}…)" if hash_ and hash_ != "none" else ""
    method = str(facts["method"])
    layers = {k: "-".join(map(str, facts["options"].get(k, []))) for k in ("channels", "hidden")}
    return {
        "its_encoder": f"`{facts['encoder']}`{known}" if facts.get("encoder") else "which was not recorded",
        "what": DETECTORS.get(method, method).format(**layers),
        "smaller": facts["shortest"] < facts["size"],
        "offsets": 2 * facts["max_offset"] + 1,
        "train_pairs": result.get("train_pairs", "?"),
        "holdout_pairs": result.get("holdout_pairs", "?"),
        **_matrices(facts["metric"], facts.get("temperature")),
    }


def _matrices(metric: str, temperature: float | None, **_: Any) -> dict[str, str]:
    """How matrices are made of embeddings; nothing where the temperature is not known."""
    if temperature is None:
        return {}
    scale, heat = "2 * " if metric == "sqeuclidean" else "", f"{temperature:g}"
    formula = f"`forward = softmax({scale}e0 @ e1.T / {heat})`"
    return {"heat": heat, "similarity": f"{formula} over each row, `backward` with e0 and e1 swapped."}


def _programs(facts: Facts) -> str:
    """What each program takes and gives, and how its forms compare with PyTorch."""
    paragraphs = []
    programs = {name: file for name, file in facts["files"].items() if "inputs" in file}
    for stem in dict.fromkeys(name.partition(".")[0] for name in programs):
        same = {name: file for name, file in programs.items() if name.partition(".")[0] == stem}
        file = next(iter(same.values()))
        ports = [f"- {way[:-4]} `{port}`: {t}" for way in ("inputs", "outputs") for port, t in file[way].items()]
        names = " and ".join(f"`{name}`" for name in same)
        paragraphs.append(f"{names} ({LEGENDS[facts['kind']]}):\n\n" + "\n".join(ports))
        found = [f"`{name}` {file['check']['largest_difference']:.1e}" for name, file in same.items()]
        paragraphs.append(
            f"Compared with PyTorch on {file['check']['cases']}; the largest difference: {', '.join(found)} (allowed: "
            f"{file['check']['tolerance']:.0e})."
        )
    return "\n\n".join(paragraphs)


def _result(result: Facts) -> list[str]:
    """The tables of an evaluation, and what is to be said of them."""
    named = (result.get(key) for key in ("dataset", "data_prefix", "prefix"))
    place = next(filter(None, named), "the detector's own set")
    unsure = "" if result["weights_known"] else " (the report does not say of which weights)"
    return [
        f"On `{place}`, split `{result.get('split', '?')}`{unsure}:",
        *(f"```\n{table}\n```" for table in result["tables"]),
        *(f"Note: {note}." for note in result.get("differences", [])),
        *([f"Command: `{result['command']}`"] if result.get("command") else []),
    ]


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
