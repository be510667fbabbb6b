"""The parts of a model card that say what the files are and how to call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]
FOLDER = "this_folder"
LEGENDS = {"encoder": "B clips, T frames", "detector": "N pairs of videos"}


def files_table(facts: Facts) -> list[str]:
    """A table of the files; what the programs among them take and give, and how they compare with PyTorch."""
    rows = ["| file | what | size |", "|---|---|---|"]
    for name, file in facts["files"].items():
        rows.append(f"| `{name}` | {file['what']} | {_size(file['bytes'])} |")
    paragraphs = ["\n".join(rows)]
    programs = {name: file for name, file in facts["files"].items() if "inputs" in file}
    for stem in dict.fromkeys(name.partition(".")[0] for name in programs):
        same = {name: file for name, file in programs.items() if name.partition(".")[0] == stem}
        file = next(iter(same.values()))
        ports = [f"- in `{port}`: {text}" for port, text in file["inputs"].items()]
        ports += [f"- out `{port}`: {text}" for port, text in file["outputs"].items()]
        paragraphs.append(f"{_listed(same)} ({LEGENDS[facts['kind']]}):\n\n" + "\n".join(ports))
        found = [f"`{name}` {file['check']['largest_difference']:.1e}" for name, file in same.items()]
        paragraphs.append(
            f"Compared with PyTorch on {file['check']['cases']}; the largest difference: {', '.join(found)} (allowed: "
            f"{file['check']['tolerance']:.0e})."
        )
    return paragraphs


def encoder_usage(facts: Facts) -> list[str]:
    """From frames to embeddings, with each kind of file, and on to matrices."""
    size, similarity = facts["config"]["data"]["image_size"], facts["config"]["similarity"]
    floats = " (`encoder_float`: float frames of 0 … 1)" if _has(facts, "encoder_float") else ""
    lines = [
        f"Frames are RGB, resized to {size} x {size} pixels whatever their shape was (averaged over areas where they "
        f"shrink). Normalisation is inside: give uint8 frames of 0 … 255 as they are decoded{floats}. A clip has at "
        f"least {facts['shortest_clip']} frames; it was trained on clips of {facts['config']['data']['num_frames']}. A "
        "whole clip is computed at once, so memory grows with its length."
    ]
    if "model.safetensors" in facts["files"]:
        lines.append(
            _code(
                "from videosync.models.exported import load_exported_encoder",
                "",
                f'encoder, facts = load_exported_encoder("{FOLDER}")',
                f"embeddings = encoder(frames)  # uint8 [B, T, 3, {size}, {size}] -> [B, T, D]",
            )
        )
        lines.append(
            f"The folder is also a `--logdir` for evaluation: `python evaluate.py --workdir DATASETS --cfg_file "
            f"{FOLDER}/config.yaml --logdir {FOLDER} --output-dir RESULTS`."
        )
    lines += _programs(facts, "(embeddings,)", '{"frames": frames}', "embeddings", "frames")
    lines.append(
        f"Similarity of two videos as in its evaluation (similarity.metric {similarity['metric']}, temperature "
        f"{similarity['temperature']:g}): {_similarity(similarity['metric'], similarity['temperature'])}"
    )
    return lines


def detector_usage(facts: Facts) -> list[str]:
    """From embeddings to matrices, and from matrices to offsets."""
    lines = []
    if facts.get("temperature") is not None:
        metric, temperature = facts["metric"], facts["temperature"]
        lines.append(
            f"It reads matrices made from unit embeddings e0, e1 `[T, D]` of its encoder (similarity.metric {metric}, "
            f"temperature {temperature:g}): {_similarity(metric, temperature)}"
        )
    both = '{"forward": forward[None], "backward": backward[None]}'
    lines += _programs(
        facts, "probabilities, offset", both, "probabilities, offset", "forward[None], backward[None]"
    )
    if "detector.safetensors" in facts["files"]:
        lines.append(
            _code(
                "from videosync.offset.methods import load_detector",
                "",
                f'detector, facts = load_detector("{FOLDER}")',
                "offset = detector.predict(forward[None], backward[None])  # NumPy, [N, T, T] -> [N]",
            )
        )
    lines.append(
        "`offset` is in frames, the median of the probabilities; half frames occur. Swapped videos give reversed "
        "probabilities and exactly the negative offset, identical videos 0."
    )
    return lines


def _programs(facts: Facts, outputs: str, feed: str, torch_outputs: str, torch_inputs: str) -> list[str]:
    """A few lines for the first program of each kind."""
    lines = []
    for suffix in (".onnx", ".pt2"):
        name = next((name for name in facts["files"] if name.endswith(suffix)), None)
        if name is None:
            continue
        if suffix == ".onnx":
            session = f'session = onnxruntime.InferenceSession("{FOLDER}/{name}")'
            lines.append(
                _code("import onnxruntime", "", session, f"{outputs} = session.run(None, {feed})  # NumPy")
            )
        else:
            program = f'program = torch.export.load("{FOLDER}/{name}").module()'
            lines.append(
                _code("import torch", "", program, f"{torch_outputs} = program({torch_inputs})  # tensors")
            )
    return lines


def _similarity(metric: str, temperature: float) -> str:
    scale = "2 * " if metric == "sqeuclidean" else ""
    return f"`forward = softmax({scale}e0 @ e1.T / {temperature:g})` over each row, `backward` with e0 and e1 swapped."


def _has(facts: Facts, stem: str) -> bool:
    return any(name.partition(".")[0] == stem for name in facts["files"])


def _code(*lines: str) -> str:
    return "\n".join(["```python", *lines, "```"])


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _listed(names: Mapping[str, Any]) -> str:
    return " and ".join(f"`{name}`" for name in names)
