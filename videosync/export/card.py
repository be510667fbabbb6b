"""The model card of an exported folder: what it is and where it comes from, written from facts alone."""

from __future__ import annotations

from videosync.export.card_usage import Facts, detector_usage, encoder_usage, files_table

SIGN = (
    "Offset `k` of (video 0, video 1): frame `i` of video 0 shows the moment of frame `i + k` of video 1. So `k > 0` "
    "means that video 1 started first, and swapping the videos gives `-k`."
)
BACKBONES = {
    "resnet50": "ResNet-50",
    "resnet34": "ResNet-34",
    "resnet18": "ResNet-18",
    "small": "small convolutional network (a stem and four stages of 16 … 64 channels)",
}
POSITIONS = {
    "stretched": "sinusoidal positions, stretched over the {frames} frames of a training clip (CARL)",
    "plain": "sinusoidal positions, one a frame",
    "rotary": "rotary positions, which tell only the distance between two frames",
    "none": "no positions",
}


def model_card(facts: Facts) -> str:
    """Markdown for ``README.md``; every number in it comes from ``facts`` (``model_card.json``)."""
    encoder = facts["kind"] == "encoder"
    what = _about_encoder(facts) if encoder else _about_detector(facts)
    sections = {
        "Files": files_table(facts),
        "How to use it": encoder_usage(facts) if encoder else detector_usage(facts),
        "The sign of an offset": [SIGN],
        "Architecture": [_architecture(facts) if encoder else _detector_architecture(facts)],
        "Training": _training(facts),
        "Results": _results(facts),
        "Intended use and limits": _limits(facts),
        "Licence": _licence(facts),
    }
    lines = [f"# {facts['name']}", "", what, ""]
    for title, paragraphs in sections.items():
        lines += [f"## {title}", "", "\n\n".join(paragraphs), ""]
    made = facts["exported"]
    lines += [
        f"*Made by `{made['command']}` with VideoSync {made['versions']['videosync']}, torch "
        f"{made['versions']['torch']}{_commit(made)}. The same facts are in `model_card.json`.*"
    ]
    return "\n".join(lines) + "\n"


def _about_encoder(facts: Facts) -> str:
    data, model = facts["config"]["data"], facts["config"]["model"]
    return (
        f"A frame encoder: it turns each frame of a video, {data['image_size']} x {data['image_size']} pixels, into "
        f"{model['embedding_size']} numbers (an embedding of length 1) that are alike for frames of two cameras that "
        "show the same moment. It is there to find out how many frames two videos of one event are apart, from the "
        "pixels alone, with VideoSync."
    )


def _about_detector(facts: Facts) -> str:
    return (
        f"An offset detector ({facts['method']}): it reads from the similarity matrices of two videos of one event how "
        f"many frames they are apart, up to {facts['max_offset']} either way, as a probability for each offset. It "
        f"was trained with VideoSync on matrices of one encoder, {_which_encoder(facts)}, and belongs to it."
    )


def _which_encoder(facts: Facts) -> str:
    hash_ = facts.get("encoder_hash")
    known = f" (weights {hash_[:12]}…)" if hash_ and hash_ != "none" else ""
    return f"`{facts['encoder']}`{known}" if facts.get("encoder") else "which was not recorded"


def _architecture(facts: Facts) -> str:
    model, frames = facts["config"]["model"], facts["config"]["data"]["num_frames"]
    sees = (
        "the frames themselves" if model["input"] == "rgb" else "log frame differences over 1, 2 and 4 frames"
    )
    parts = [
        f"{BACKBONES.get(model['backbone'], model['backbone'])} that sees {sees}, pooled to {facts['feature_size']}"
    ]
    if model["temporal_kernel"]:
        parts.append(f"a learned filter over {model['temporal_kernel']} frames for each of these numbers")
    if model.get("clip_norm"):
        parts.append("each of these numbers with mean 0 and deviation 1 over the clip")
    if model["fc_layers"]:
        parts.append(
            f"{_count(model['fc_layers'], 'fully connected layer')} of {model['fc_size']} with batch norm"
        )
    parts.append(f"a linear layer to {model['hidden_size']}")
    if layers := model.get("temporal_layers"):
        parts.append(f"{_count(layers, 'block')} of dilated convolutions over time")
    parts.append(POSITIONS[model["positions"]].format(frames=frames))
    if model["layers"]:
        parts.append(
            f"{_count(model['layers'], 'transformer layer')} of width {model['hidden_size']} with {model['heads']} "
            f"heads and feed-forward width {model['ff_size']}"
        )
    parts.append(f"a linear layer to {model['embedding_size']}, scaled to length 1")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}. {_millions(facts['parameters'])} parameters."


def _detector_architecture(facts: Facts) -> str:
    size = facts["size"]
    shorter = f" (or smaller ones, from {facts['shortest']} in training)" if facts["shortest"] < size else ""
    kind = {
        "cnn": "A convolutional network over the logarithm of the matrix as a picture, blocks of "
        + "-".join(str(c) for c in facts["options"].get("channels", []))
        + " channels",
        "mlp": "A multi-layer perceptron over the logarithm of all cells of the matrix, "
        + "-".join(str(h) for h in facts["options"].get("hidden", [])),
        "log_reg": "Logistic regression over the logarithm of all cells of the matrix",
        "svm": "A linear support vector machine over the logarithm of all cells of the matrix",
        "equivariant": "The same small network for every diagonal of the matrix, and one over neighbouring lags",
    }
    return (
        f"{kind.get(facts['method'], facts['method'])}. It reads matrices of {size} x {size}{shorter} in both "
        f"directions, averages their logits and gives {2 * facts['max_offset'] + 1} probabilities. "
        f"{_millions(facts['parameters'])} parameters."
    )


def _training(facts: Facts) -> list[str]:
    training, data = facts["training"], facts["training"]["data"]
    if training.get("foreign"):
        epochs = _count(facts["checkpoint"]["epoch"], "epoch")
        return [
            f"The weights come from other code (CARL or the VideoSync research code), after {epochs} there. "
            "Their data, command, seed and versions are not known here; `config.yaml` holds the options to use them "
            "with, not those of their training."
        ]
    lines = [_data(facts, data)]
    if training["commands"]:
        lines.append("Command:\n\n```\n" + "\n".join(training["commands"]) + "\n```")
    else:
        lines.append("The command was not recorded" + (
            "; `config.yaml` holds every option." if facts["kind"] == "encoder" else "."
        ))  # fmt: skip
    if facts["kind"] == "encoder":
        lines.append(_training_of_encoder(facts))
    versions = ", ".join(f"{name} {version}" for name, version in training["versions"].items())
    lines.append(
        f"Seed {training['seed']}. Versions: {versions or 'not recorded'}{_commit(training)}."
        + (f" Processes: {training['processes']}." if training.get("processes") else "")
    )
    return lines


def _training_of_encoder(facts: Facts) -> str:
    config, point = facts["config"], facts["checkpoint"]
    first, earlier = config["model"]["weights"], config["train"].get("start_from")
    start = f"Backbone weights came from `{first}`." if first else "All weights were random at first."
    if earlier:
        start = f"It began with the weights of `{earlier}`."
    metrics = {name: f"{value:.4g}" for name, value in point["metrics"].items()}
    held_out = ", ".join(
        f"{n.removeprefix('val/')} {value}" for n, value in metrics.items() if n.startswith("val/")
    )
    return (
        f"Loss: `{config['loss']['name']}`. {start} This is checkpoint `{point['name']}`, after "
        f"{_count(point['epoch'], 'epoch')} ({_count(point['step'], 'step')})."
        + (f" Training loss {metrics['loss']}." if "loss" in metrics else "")
        + (f" On events held out of training, by which `best` is chosen: {held_out}." if held_out else "")
    )


def _data(facts: Facts, data: Facts) -> str:
    if facts["kind"] == "detector":
        result = facts["training"]["result"]
        events = f" of {data['events']} events" if data.get("events") else ""
        name = f" made from dataset `{data['dataset']}`" if data.get("dataset") else ""
        return (
            f"Similarity set `{data['set']}`{name}, its train split{events}: {result.get('train_pairs', '?')} pairs to "
            f"fit, {result.get('holdout_pairs', '?')} pairs of {result['holdout_events']} held-out events for early "
            "stopping and calibration."
        )
    if not data.get("dataset"):
        return "The training data was not recorded."
    if "events" not in data:
        return f"Dataset `{data['dataset']}`; its events were not counted."
    held, when = "", ", as counted at export" if data.get("counted") else ""
    if data["held_out_events"]:
        held = f"; {_count(data['held_out_events'], 'further event')} held out to choose the checkpoint"
    return (
        f"Dataset `{data['dataset']}`, split `{data['split']}`: {_count(data['events'], 'event')}, "
        f"{_count(data['videos'], 'video')}, {data['hours']:g} hours{held}{when}. Manifest sha256 "
        f"`{data['manifest_hash'][:16]}…`."
    )


def _results(facts: Facts) -> list[str]:
    if not facts["evaluations"]:
        return ["No evaluation was found beside the run: nothing is known about how well it does."]
    lines = [
        "Errors are of offsets, |predicted - true|, in frames and ms, mean ± 95 % margin over pairs, then a 95 % "
        "bootstrap interval over events, of which it takes 5 or more; ≤n: share of pairs at most n frames off. "
        "\"always 0\" is the trivial floor."
    ]  # fmt: skip
    for result in facts["evaluations"]:
        place = (
            result.get("dataset")
            or result.get("data_prefix")
            or result.get("prefix")
            or "the detector's own set"
        )
        unsure = "" if result["weights_known"] else " (the report does not say of which weights)"
        lines.append(f"On `{place}`, split `{result.get('split', '?')}`{unsure}:")
        lines += [f"```\n{table}\n```" for table in result["tables"]]
        lines += [f"Note: {note}." for note in result.get("differences", [])]
        if result.get("command"):
            lines.append(f"Command: `{result['command']}`")
    return lines


def _limits(facts: Facts) -> list[str]:
    limits = [
        "It is meant for finding the offset of videos of one event at one frame rate. How it does on footage unlike "
        "its training data is known only where the results above say so."
    ]
    if facts["kind"] == "encoder":
        model = facts["config"]["model"]
        if model["input"] == "motion":
            limits.append(
                "It sees changes between frames, so it needs cameras that stand still and something that moves."
            )
            limits.append(
                f"The first {facts['shortest_clip'] - 2} frames of a clip take the first change there is. "
                "`evaluate.py` also reads the frames before a window where the video has some, so on windows out of a "
                "longer video it answers slightly differently; on whole videos it does not."
            )
        if model["positions"] in ("stretched", "plain"):
            limits.append(
                "It is told how far into its clip a frame is, which pulls estimated offsets toward 0; clips that are "
                "longer or shorter than in training are affected differently."
            )
        pairs = facts["config"]["pairs"]
        limits.append(
            f"Offsets it was evaluated with lie within ±{pairs['max_offset']} frames, in windows of "
            f"{pairs['num_frames']} frames."
        )
    else:
        limits.append(
            f"It cannot answer more than {facts['max_offset']} frames either way, always answers something, also for "
            "videos of two different events, and knows only matrices of its own encoder and temperature."
        )
    return ["\n".join(f"- {limit}" for limit in limits)]


def _licence(facts: Facts) -> list[str]:
    if facts["licence"]:
        return [str(facts["licence"])]
    data = facts["training"]["data"].get("dataset")
    bound = f"the terms of the training data{f' (`{data}`)' if data else ''}"
    first = facts["config"]["model"]["weights"] if facts["kind"] == "encoder" else ""
    return [
        f"None was given for these weights (`videosync export --licence`). Ask whoever made this folder before you use "
        f"it or pass it on; {bound}{f' and of the backbone weights it began with (`{first}`)' if first else ''} may "
        "bind, too."
    ]


def _commit(made: Facts) -> str:
    return f", git commit {made['git_commit'][:12]}" if made.get("git_commit") else ""


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _millions(count: int) -> str:
    return f"{count / 1e6:.2f} million" if count >= 1e6 else f"{count:,}"
