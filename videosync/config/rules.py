"""Rules across options, checked before any work. Each answer is a sentence: keys, values, remedy.

What depends on the data (clip length against video length) is checked where the data is read.
"""

from __future__ import annotations

from videosync.config.options import options, value_of
from videosync.config.ranges import range_problems
from videosync.config.schema import Config, EvalConfig, OptimConfig
from videosync.config.two_streams import CRISSCROSS, loss_problems, two_stream_problems
from videosync.losses.crisscross import CrissCross
from videosync.losses.named import LOSSES
from videosync.option import taken
from videosync.recognition.options import HANDMADE, STREAM_TASKS
from videosync.recognition.options import TASKS as RECOGNITION_TASKS

_FITTED_TASKS = ("event_completion", "classification", *RECOGNITION_TASKS)
_LAST_STAGE = 4
_LARGEST_REGION = 100  # of a video no longer than a view, one drawn frame in 20 is real then


def check_config(config: Config, *, world_size: int = 1, training: bool = False) -> list[str]:
    """What is wrong with ``config``, one sentence a problem; an empty list when all is well.

    ``training``: the rules that only a training run must keep are checked too, for ``world_size`` processes.
    """
    problems = range_problems(config) + _model(config) + _sampling(config) + _loss(config) + _eval(config.eval)
    problems += two_stream_problems(config) + _recognition(config) + _optim(config.optim)
    if training:
        problems += _training(config, world_size)
    return problems


def _model(config: Config) -> list[str]:
    model, problems = config.model, []
    if model.heads > 0 and model.hidden_size % model.heads:
        problems.append(
            f"model.hidden_size ({model.hidden_size}) is not divisible by model.heads ({model.heads}); "
            "every attention head takes an equal share of it."
        )
    if model.positions != "none" and model.hidden_size % 2:
        problems.append(
            f"model.hidden_size ({model.hidden_size}) is odd; model.positions '{model.positions}' needs "
            "pairs of sine and cosine. Choose an even size, or positions 'none'."
        )
    if model.positions == "rotary" and model.heads > 0 and (model.hidden_size // model.heads) % 2:
        problems.append(
            f"model.hidden_size / model.heads is {model.hidden_size // model.heads}; rotary positions turn "
            "pairs of values, so it has to be even."
        )
    if model.temporal_kernel > 0 and model.temporal_kernel % 2 == 0:
        problems.append(
            f"model.temporal_kernel ({model.temporal_kernel}) is even; the filter's middle has to be a frame: "
            "choose an odd number, or 0 for no filter."
        )
    if model.weights and model.random_backbone:
        problems.append(
            f"model.weights names '{model.weights}' and model.random_backbone is true; "
            "a backbone is either pretrained or random. Drop one of the two."
        )
    if model.weights and model.input == "motion" and model.layer > 0:
        problems.append(
            f"model.weights names '{model.weights}', but model.input is 'motion': stages frozen as they were "
            "trained on RGB frames see nothing in it. "
            "Set model.input to 'rgb', model.layer to 0, or drop the weights."
        )
    if config.data.feature_cache and model.layer < _LAST_STAGE:
        problems.append(
            f"data.feature_cache is {config.data.feature_cache}, but model.layer is {model.layer}: "
            "features can be cached only when the whole backbone is frozen. "
            f"Set model.layer to {_LAST_STAGE}, or the cache to 0."
        )
    return problems


def _sampling(config: Config) -> list[str]:
    problems = []
    if config.pairs.max_offset >= config.pairs.num_frames > 0:
        problems.append(
            f"pairs.max_offset ({config.pairs.max_offset}) must be smaller than pairs.num_frames "
            f"({config.pairs.num_frames}), or the two windows of a pair share no moment."
        )
    if config.data.cross_share != Config().data.cross_share and config.data.views != "mix":
        problems.append(
            f"data.cross_share is {config.data.cross_share}, but data.views is '{config.data.views}': "
            "the share is read only when data.views is 'mix'."
        )
    data, lag_weight = config.data, value_of(config, "loss.lag_weight")
    if lag_weight and (data.sampling_region != 1 or data.sampling_block == "video"):
        problems.append(
            f"loss.lag_weight is {lag_weight}, but data.sampling_region is {data.sampling_region} and "
            f"data.sampling_block '{data.sampling_block}': frames with gaps between them have no lag. "
            "Set data.sampling_region to 1 and data.sampling_block to view."
        )
    return problems


def read_by() -> dict[str, tuple[str, ...]]:
    """Option → the losses that read it; with the others a change of it is refused."""
    heads = {name: loss().wanted for name, loss in LOSSES.items()}
    own = {key: option.about["read_by"] for key, option in options().items() if key.startswith("loss.")}
    return {
        **{key: losses for key, losses in own.items() if losses},
        "model.projection_size": tuple(name for name in LOSSES if heads[name].get("project")),
        "model.num_classes": tuple(name for name in LOSSES if heads[name].get("classify")),
        "data.label_fraction": tuple(name for name in LOSSES if LOSSES[name].labels),
    }


def _loss(config: Config) -> list[str]:
    """Options that were changed though the chosen loss does not read them (no projection head, 0, suits every loss)."""
    name, problems = config.loss.name, []
    for key, losses in read_by().items():
        value, option = value_of(config, key), options()[key]
        if value == option.default or (key == "model.projection_size" and value == 0):
            continue
        other, needed = option.about["only_for"] or ("name", name)
        if name not in losses:
            readers = " or ".join(f"'{loss}'" for loss in losses)
            problems.append(
                f"{key} is {value}, but loss.name is '{name}': the option is read only when loss.name is {readers}."
            )
        elif (found := value_of(config, f"loss.{other}")) != needed:
            problems.append(
                f"{key} is {value}, but loss.{other} is '{found}': the option is read only when loss.{other} is "
                f"'{needed}'."
            )
    weights = taken(CrissCross, config.loss).weights
    if name == "crisscross" and not any(weights.values()):
        terms = ", ".join(f"loss.{term}" for term in weights)
        problems.append(f"all weights of loss.name 'crisscross' are 0 ({terms}): set one of them above 0 at least.")
    return problems


def _recognition(config: Config) -> list[str]:
    tasks, problems = config.eval.tasks, []
    named = [task for task in tasks if task in RECOGNITION_TASKS]
    if others := [task for task in tasks if task not in RECOGNITION_TASKS]:
        if named:
            return [
                f"eval.tasks holds '{named[0]}' and '{others[0]}', which are about different networks: evaluate them "
                "in two commands."
            ]
        for key in ("checkpoint", "calibrate", "folds"):
            if (value := value_of(config, f"eval.{key}")) in ("random", *HANDMADE, True) or (key == "folds" and value):
                readers = ", ".join(RECOGNITION_TASKS)
                problems.append(f"eval.{key} is {value}, but eval.tasks holds '{others[0]}': it is for {readers}.")
    elif config.model.name != CRISSCROSS:
        problems.append(
            f"eval.tasks holds '{named[0]}', but model.name is '{config.model.name}': set model.name to {CRISSCROSS}, "
            "whose streams it is about."
        )
    elif config.eval.checkpoint in HANDMADE and (unfit := [task for task in named if task not in STREAM_TASKS]):
        problems.append(
            f"eval.checkpoint is '{config.eval.checkpoint}', but eval.tasks holds '{unfit[0]}': what is made by hand "
            f"is for {' and '.join(STREAM_TASKS)}."
        )
    return problems


def _optim(optim: OptimConfig) -> list[str]:
    problems = []
    if optim.larc and optim.name != "adam":
        problems.append(
            f"optim.larc is true, but optim.name is '{optim.name}': LARC scales the gradients of Adam. Set optim.name "
            "to adam, or optim.larc to false."
        )
    if optim.final_lr > 0 and optim.schedule != "cosine":
        problems.append(
            f"optim.final_lr is {optim.final_lr:g}, but optim.schedule is '{optim.schedule}': the option is read only "
            "when optim.schedule is 'cosine'."
        )
    elif optim.final_lr > optim.lr:
        problems.append(
            f"optim.final_lr ({optim.final_lr:g}) is above optim.lr ({optim.lr:g}), but the cosine falls. Lower it."
        )
    return problems


def _eval(options: EvalConfig) -> list[str]:
    problems = []
    if "sync_offset" in options.tasks and not options.methods and not options.detectors:
        problems.append("eval.methods and eval.detectors are empty; name at least one, such as 'diagonal'.")
    fitted = [task for task in options.tasks if task in _FITTED_TASKS]
    if fitted and options.split == "train":
        problems.append(
            f"eval.split is 'train', but eval.tasks holds {' and '.join(map(repr, fitted))}, fitted on that split: "
            "evaluate another one, such as 'val'."
        )
    if options.engine == "onnxruntime" and options.precision == "bf16":
        problems.append(
            "eval.precision is 'bf16', but eval.engine is 'onnxruntime', which computes in float32 on a CPU: set "
            "eval.precision to auto, or eval.engine to openvino."
        )
    for detector in options.detectors:
        if detector.count("/") != 1 or detector.startswith("/") or detector.endswith("/"):
            problems.append(f"eval.detectors holds '{detector}'; expected PREFIX/METHOD, such as 'demo/cnn'.")
    return problems


def _training(config: Config, world_size: int) -> list[str]:
    model, problems = config.model, loss_problems(config)
    if not config.data.dataset:
        problems.append(
            "data.dataset is empty; name the dataset folder inside --workdir, as in '--opts data.dataset my_videos'."
        )
    if model.name == "noise":
        problems.append("model.name is 'noise', which has nothing to train; set it to 'encoder'.")
    elif model.name == CRISSCROSS:
        pass  # nothing of it is frozen
    elif model.layer > 0 and not (model.weights or model.random_backbone or config.train.start_from):
        problems.append(
            f"model.layer freezes stages 1 to {model.layer} of {model.backbone}, but model.weights is empty: "
            "frozen random features learn nothing. Name pretrained weights inside --workdir (model.weights), "
            "start from another run (train.start_from), train the whole backbone (model.layer 0), or allow it with "
            "model.random_backbone true."
        )
    if config.data.feature_cache > 1 and not config.augment.enabled:
        problems.append(
            f"data.feature_cache is {config.data.feature_cache}, but augment.enabled is false: the copies would be "
            "equal. Set augment.enabled to true, or data.feature_cache to 1."
        )
    if config.data.sampling_region > _LARGEST_REGION:
        problems.append(
            f"data.sampling_region is {config.data.sampling_region:g}: what is drawn beyond a video's end is padding, "
            "so that hardly a frame would be real. For frames out of the whole video set data.sampling_block to "
            "video and data.sampling_region to 1."
        )
    if config.train.batch_size % world_size:
        problems.append(
            f"train.batch_size ({config.train.batch_size}) is not divisible by the number of processes "
            f"({world_size}); use a multiple of {world_size}."
        )
    return problems
