"""Upper-case configurations of CARL and the VideoSync research code: what becomes of each key and value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.config.carl.carl_files import PUBLISHED, published
from videosync.config.carl.keys import LEGACY_KEYS, WITHOUT_KEY
from videosync.config.carl.translate import flatten
from videosync.config.load import LoadedConfig, config_to_dict, load_config, read_config
from videosync.config.options import options
from videosync.config.schema import Config
from videosync.errors import ConfigError

# every key that the published configurations and the defaults of the two code bases hold
NAMED: dict[str, str] = {  # group → its keys
    "": "SSL USE_AMP PATH_TO_DATASET DATASETS TRAINING_ALGO IMAGE_SIZE NUM_GPUS SHARD_ID RNG_SEED LOGDIR",
    "LOGGING": "REPORT_INTERVAL",
    "CHECKPOINT": "SAVE_INTERVAL",
    "TRAIN": "BATCH_SIZE MAX_EPOCHS NUM_FRAMES",
    "AUGMENTATION": "STRENGTH BRIGHTNESS BRIGHTNESS_MAX_DELTA CONTRAST CONTRAST_MAX_DELTA HUE HUE_MAX_DELTA "
    "RANDOM_CROP RANDOM_FLIP SATURATION SATURATION_MAX_DELTA",
    "DATA": "FRAME_LABELS NUM_CONTEXTS CONTEXT_STRIDE NUM_WORKERS SAMPLE_ALL_STRIDE SAMPLING_STRATEGY "
    "SAMPLING_REGION CONSISTENT_OFFSET FRACTION ADDITION_TRAINSET DYNAMIC_FRAMES CONSISTENT_VIEWS",
    "EVAL": "BATCH_SIZE CLASSIFICATION_FRACTIONS FRAMES_PER_BATCH KENDALLS_TAU_DISTANCE "
    "KENDALLS_TAU_STRIDE RETRIEVAL_KS NUM_FRAMES TASKS VAL_INTERVAL CLASS_NUM "
    "CLASSIFICATION_LR CLASSIFICATION_EPOCHS",
    "MODEL.BASE_MODEL": "LAYER NETWORK FRAMES_PER_BATCH OUT_CHANNEL",
    "MODEL.EMBEDDER_MODEL": "CAPACITY_SCALAR HIDDEN_SIZE D_FF NUM_HEADS NUM_LAYERS CONV_LAYERS EMBEDDING_SIZE "
    "FC_DROPOUT_RATE FC_LAYERS FLATTEN_METHOD USE_BN",
    "MODEL": "EMBEDDER_TYPE L2_NORMALIZE PROJECTION PROJECTION_HIDDEN_SIZE PROJECTION_SIZE TRAIN_BASE",
    "OPTIMIZER": "GRAD_CLIP TYPE WEIGHT_DECAY",
    "OPTIMIZER.LR": "DECAY_TYPE INITIAL_LR NUM_WARMUP_STEPS WARMUP_LR FINAL_LR",
    "SCL": "LABEL_VARIENCE SOFTMAX_TEMPERATURE POSITIVE_TYPE NEGATIVE_TYPE POSITIVE_WINDOW",
    "TCC": "CYCLE_LENGTH LABEL_SMOOTHING SOFTMAX_TEMPERATURE LOSS_TYPE NORMALIZE_INDICES "
    "VARIANCE_LAMBDA FRACTION HUBER_DELTA SIMILARITY_TYPE STOCHASTIC_MATCHING",
    "TCN": "POSITIVE_WINDOW REG_LAMBDA",
}


def read(tmp_path: Path, text: str, *opts: str, **more: Any) -> LoadedConfig:
    path = tmp_path / "old.yml"
    path.write_text(text)
    return read_config(path, opts, **more)


def failure(tmp_path: Path, text: str, *opts: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, *opts)
    return str(caught.value).replace(str(tmp_path / "old.yml"), "old.yml")


def value(config: Config, option: str) -> Any:
    section, _, name = option.partition(".")
    return config_to_dict(config)[section][name]


def test_every_named_key_is_in_the_table() -> None:
    named = {f"{group}.{name}" if group else name for group, names in NAMED.items() for name in names.split()}
    assert len(named) == 96
    assert named <= set(LEGACY_KEYS)
    for key, about in LEGACY_KEYS.items():
        assert about.ours or about.remark, key
        for option in filter(None, about.ours.split(", ")):
            assert option in options(), key
    assert set(WITHOUT_KEY) <= set(options())


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_load_and_each_of_their_keys_is_mapped_or_named(tmp_path: Path, name: str) -> None:
    loaded = read(tmp_path, published(name), training=True)
    assert loaded.legacy
    idle = [note for note in loaded.notes if note.startswith("no effect: ")]
    named = [key for note in idle for key in note.removeprefix("no effect: ").partition(" (")[0].split(", ")]
    assert len(set(named)) == len(named)
    said = {key for keys in loaded.origins.values() for key in keys.split(", ")}
    for key, _, _ in flatten(yaml.safe_load(published(name)), ""):
        mapped = key in said or (f"{key.partition('.')[0]}.*" in said and key not in named)
        checked = LEGACY_KEYS[key].values and not LEGACY_KEYS[key].ours and key not in named
        for_other_losses = key == "MODEL.L2_NORMALIZE" and loaded.config.loss.name == "scl"
        assert (key in named) + mapped + bool(checked) + for_other_losses == 1, key


def test_a_published_file_says_what_it_said(tmp_path: Path) -> None:
    config = read(tmp_path, published("ntu")).config
    assert config.data.dataset == "ntu"
    assert (config.data.num_frames, config.data.consistent_offset, config.data.views) == (80, 1.0, "self")
    assert (config.data.sampling_region, config.data.sampling_block) == (1.5, "view")
    assert (config.train.epochs, config.train.batch_size, config.train.seed) == (310, 1, 1)
    assert (config.train.save_every, config.train.eval_every, config.log.every) == (5, 2, 50)
    assert (config.train.precision, config.eval.precision) == ("float32", "float32")
    assert (config.model.backbone, config.model.weights, config.model.layer) == ("resnet50", "torchvision", 3)
    assert (config.model.fc_layers, config.model.fc_size, config.model.projection_size) == (2, 512, 128)
    assert (config.model.positions, config.model.layers, config.model.heads) == ("stretched", 3, 8)
    assert (config.loss.name, config.loss.label_variance, config.loss.temperature) == ("scl", 10.0, 0.1)
    assert (config.optim.schedule, config.optim.warmup_epochs, config.optim.lr) == ("cosine", 0.0, 1e-4)
    assert config.augment.crop_scale == 0.8
    assert config.eval.tasks == ["sync_offset"]
    assert (config.eval.tau_stride, config.eval.max_frames) == (2, 1000)


CASES: list[tuple[str, dict[str, Any]]] = [  # YAML of an otherwise empty file, the options it sets
    ("USE_AMP: true", {"train.precision": "fp16", "eval.precision": "auto"}),
    ("TRAINING_ALGO: simclr", {"loss.name": "scl"}),
    ("SIMCLR: {SOFTMAX_TEMPERATURE: 0.3}", {"loss.temperature": 0.3}),
    ("SCL: {LABEL_VARIENCE: 5, NEGATIVE_TYPE: batch}", {"loss.label_variance": 5.0, "loss.negative_type": "batch"}),
    ("PATH_TO_DATASET: /data/mine", {"data.dataset": "/data/mine"}),
    ("DATASETS: [cmu_multi]", {"data.dataset": "cmu_multi"}),
    ("PATH_TO_DATASET: penn_action\nDATASETS: [bowl, squat]", {"data.dataset": "penn_action"}),
    ("PATH_TO_DATASET: k400\nDATASETS: [kinetics400, ntu]", {"data.dataset": "kinetics400"}),
    ("EVAL: {TASKS: [sync_offset, retrieval, sync_offset]}", {"eval.tasks": ["sync_offset", "retrieval"]}),
    ("EVAL: {KENDALLS_TAU_DISTANCE: cosine}", {"eval.tau_distance": "cosine"}),
    ("EVAL: {CLASSIFICATION_FRACTIONS: [1]}", {"eval.label_fractions": [1.0]}),
    ("MODEL: {BASE_MODEL: {NETWORK: Resnet50_mocov2, LAYER: 2}}", {"model.weights": "torchvision", "model.layer": 2}),
    ("MODEL: {BASE_MODEL: {NETWORK: anything}}", {"model.weights": "torchvision"}),
    ("MODEL: {PROJECTION: false, PROJECTION_SIZE: 64}", {"model.projection_size": 0}),
    ("MODEL: {PROJECTION_SIZE: 64, PROJECTION_HIDDEN_SIZE: 32}", {"model.projection_size": 64}),
    (
        "MODEL: {EMBEDDER_MODEL: {FC_LAYERS: [[100, true], [100, false], [100, true]], CAPACITY_SCALAR: 1.5}}",
        {"model.fc_layers": 3, "model.fc_size": 150},
    ),
    ("MODEL: {EMBEDDER_MODEL: {FC_LAYERS: []}}", {"model.fc_layers": 0}),
    ("MODEL: {EMBEDDER_MODEL: {FC_DROPOUT_RATE: 0}}", {"model.dropout": 0.0}),
    ("OPTIMIZER: {GRAD_CLIP: -1, WEIGHT_DECAY: 0}", {"optim.grad_clip": 0.0, "optim.weight_decay": 0.0}),
    ("OPTIMIZER: {LR: {DECAY_TYPE: fixed}}", {"optim.schedule": "constant", "optim.warmup_epochs": 0.0}),
    (
        "OPTIMIZER: {LR: {DECAY_TYPE: cosinewarmup, NUM_WARMUP_STEPS: 5, WARMUP_LR: 0.0, FINAL_LR: 0.0}}",
        {"optim.schedule": "cosine", "optim.warmup_epochs": 5.0},
    ),
    ("OPTIMIZER: {LR: {NUM_WARMUP_STEPS: 5, FINAL_LR: 1e-6}}", {"optim.warmup_epochs": 0.0}),
    ("DATA: {SAMPLING_REGION: 0, CONSISTENT_OFFSET: 0}", {"data.sampling_region": 1.0, "data.consistent_offset": 0.0}),
    (
        "DATASETS: [ntu]\nDATA: {SAMPLING_STRATEGY: offset_uniform, SAMPLING_REGION: 3}",
        {"data.sampling_region": 1.0, "data.sampling_block": "video"},
    ),
    ("DATA: {DYNAMIC_FRAMES: true, CONSISTENT_VIEWS: 3}", {"data.sampling_block": "video"}),  # of pouring, the default
    ("PATH_TO_DATASET: /d/Penn_Action\nDATASETS: [squat, bowl]", {"data.sampling_block": "video"}),
    ("PATH_TO_DATASET: penn_action\nDATASETS: [kinetics400, squat]", {"data.sampling_block": "video"}),
    ("PATH_TO_DATASET: /data/mine\nDATASETS: [pouring]", {"data.sampling_block": "video"}),
    ("PATH_TO_DATASET: pouring\nDATASETS: [ntu]", {"data.sampling_block": "view"}),
    ("PATH_TO_DATASET: finegym\nDATASETS: [finegym]", {"data.sampling_block": "view", "augment.blur_prob": 0.0}),
    ("PATH_TO_DATASET: /data/pouring_like/cmu_pose", {"data.sampling_block": "view"}),
    (
        "AUGMENTATION: {STRENGTH: 0.5}",
        {"augment.brightness": 0.4, "augment.saturation": 0.4, "augment.hue": 0.1, "augment.blur_prob": 0.25,
         "augment.color_prob": 0.8, "augment.reference": True},
    ),
    ("DATASETS: [finegym]", {"augment.blur_prob": 0.0, "augment.hue": 0.2}),
    (
        "TRAINING_ALGO: tcc\nSSL: false\nAUGMENTATION: {HUE: false, BRIGHTNESS_MAX_DELTA: 0.3, RANDOM_CROP: false, "
        "RANDOM_FLIP: false, STRENGTH: 0.1}",
        {"augment.color_prob": 1.0, "augment.brightness": 0.3, "augment.contrast": 0.8, "augment.hue": 0.0,
         "augment.crop_scale": 1.0, "augment.flip": 0.0, "augment.gray_prob": 0.0, "augment.blur_prob": 0.0},
    ),
    (
        "TRAINING_ALGO: tcc\nTCC: {SOFTMAX_TEMPERATURE: 0.2, SIMILARITY_TYPE: cosine, VARIANCE_LAMBDA: 0.01}",
        {"loss.temperature": 0.2, "loss.tcc_similarity": "cosine", "loss.variance_lambda": 0.01,
         "loss.embeddings": "unit", "loss.log_epsilon": 0.0},
    ),
    (
        "TRAINING_ALGO: tcc\nTCC: {LOSS_TYPE: regression_huber, HUBER_DELTA: 0.1, VARIANCE_LAMBDA: 0.01}",
        {"loss.tcc_type": "regression_huber", "loss.huber_delta": 1.0, "loss.variance_lambda": 0.001},
    ),
    ("TRAINING_ALGO: tcc\nTCC: {LOSS_TYPE: classification}", {"loss.tcc_reference": True}),
    ("TRAINING_ALGO: tcc\nMODEL: {L2_NORMALIZE: false}", {"loss.embeddings": "auto"}),
    (
        "TRAINING_ALGO: tcn\nMODEL: {L2_NORMALIZE: false}\nTCN: {POSITIVE_WINDOW: 3, REG_LAMBDA: 0.1}",
        {"loss.embeddings": "raw", "loss.tcn_window": 3, "loss.reg_lambda": 0.1},
    ),
    (
        "TRAINING_ALGO: classification\nDATA: {FRACTION: 0.5}\nEVAL: {CLASS_NUM: 99}",
        {"data.label_fraction": 0.5, "model.num_classes": 99, "loss.embeddings": "unit"},
    ),
    ("DATA: {FRACTION: 0.5}", {"data.label_fraction": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_values_become_options(tmp_path: Path, text: str, expected: dict[str, Any]) -> None:
    config = read(tmp_path, text).config
    assert {option: value(config, option) for option in expected} == expected


def test_keys_left_out_have_the_old_defaults_and_unlike_ones_are_not_ours(tmp_path: Path) -> None:
    config = read(tmp_path, "NUM_GPUS: 1").config
    assert config == read(tmp_path, "\n".join(f"{key}: null" for key in ("TRAIN", "EVAL", "SCL"))).config
    assert (config.train.epochs, config.train.batch_size, config.train.holdout) == (500, 1, 0.0)
    assert config.eval.tasks == ["kendalls_tau", "retrieval", "classification", "event_completion"]
    assert (config.pairs.placement, config.pairs.num_frames) == ("start", 1000)
    assert (config.loss.log_epsilon, config.similarity.temperature) == (1e-6, 1.0)
    every = yaml.safe_dump({key: about.default for key, about in LEGACY_KEYS.items() if not about.ignored})
    given = [f"{key}={_typed(about.default)}" for key, about in LEGACY_KEYS.items() if not about.ignored]
    assert "TRAIN.BATCH_SIZE" in every
    assert read(tmp_path, "NUM_GPUS: 1", *given).config == config


def _typed(default: Any) -> str:
    return yaml.safe_dump(default, default_flow_style=True).removesuffix("\n...\n").strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TRAIN: {MAX_EPOCH: 3}", ["TRAIN.MAX_EPOCH in old.yml: unknown key", "'TRAIN.MAX_EPOCHS'"]),
        ("SCL: {LABEL_VARIANCE: 3}", ["SCL.LABEL_VARIANCE in old.yml", "Did you mean 'SCL.LABEL_VARIENCE'?"]),
        ("OPTIM: {lr: 3}", ["OPTIM.lr in old.yml: unknown key. Did you mean 'optim.lr'?"]),
        ("ZZZ: 3", ["ZZZ in old.yml: unknown key. 'videosync convert-config --table' lists every key."]),
        ("TRAIN: 3", ["TRAIN in old.yml: expected a group of keys (MAX_EPOCHS, BATCH_SIZE, NUM_FRAMES, …)."]),
        ("TRAIN: {BATCH_SIZE: many}", ["TRAIN.BATCH_SIZE in old.yml: expected a whole number, got 'many'."]),
        ("TRAIN: {BATCH_SIZE: 1.5}", ["TRAIN.BATCH_SIZE in old.yml: expected a whole number, got 1.5."]),
        ("TRAIN: {BATCH_SIZE: true}", ["expected a whole number, got True"]),
        ("SSL:", ["SSL in old.yml: expected true or false, got nothing."]),
        ("SSL: 1", ["SSL in old.yml: expected true or false, got 1."]),
        ("EVAL: {RETRIEVAL_KS: 5}", ["EVAL.RETRIEVAL_KS in old.yml: expected a list such as [a b], got 5."]),
        ("EVAL: {TASKS: [sync_ofset]}", ["EVAL.TASKS", "'sync_ofset'", "Did you mean 'sync_offset'?"]),
        ("EVAL: {KENDALLS_TAU_DISTANCE: hamming}", ["EVAL.KENDALLS_TAU_DISTANCE", "'cosine'", "'hamming'"]),
        ("DATASETS: []", ["DATASETS in old.yml: names no dataset."]),
        ("TRAINING_ALGO: lav", ["TRAINING_ALGO", "'scl' or 'tcc'", "'lav'"]),
        ("MODEL: {EMBEDDER_TYPE: conv}", ["MODEL.EMBEDDER_TYPE", "'conv'", "not part of this project"]),
        ("MODEL: {TRAIN_BASE: only_bn}", ["MODEL.TRAIN_BASE", "'only_bn'", "model.layer=0"]),
        ("MODEL: {BASE_MODEL: {LAYER: 5}}", ["MODEL.BASE_MODEL.LAYER", "2 or 3 or 4", "got 5"]),
        ("MODEL: {EMBEDDER_MODEL: {FC_LAYERS: [[8, true], [4, true]]}}", ["different widths (16, 8)"]),
        ("MODEL: {EMBEDDER_MODEL: {FC_LAYERS: [8, 8]}}", ["FC_LAYERS", "layers as [width, true]"]),
        ("MODEL: {EMBEDDER_MODEL: {CAPACITY_SCALAR: 0.3}}", ["CAPACITY_SCALAR", "layers of width 76.8"]),
        ("MODEL: {PROJECTION: false, L2_NORMALIZE: false}", ["MODEL.L2_NORMALIZE", "set it to true"]),
        ("OPTIMIZER: {TYPE: MomentumOptimizer}", ["OPTIMIZER.TYPE", "'AdamOptimizer' or 'AdamWOptimizer'"]),
        ("OPTIMIZER: {LR: {DECAY_TYPE: cosinewarmup, FINAL_LR: 1e-6}}", ["LR.FINAL_LR", "expected 0"]),
        ("SCL: {POSITIVE_TYPE: nn}", ["SCL.POSITIVE_TYPE in old.yml: expected 'gauss', got 'nn'"]),
        ("DATA: {NUM_CONTEXTS: 2}", ["DATA.NUM_CONTEXTS in old.yml: expected 1, got 2"]),
        ("DATA: {SAMPLE_ALL_STRIDE: 2}", ["DATA.SAMPLE_ALL_STRIDE"]),
        ("SSL: false", ["SSL in old.yml: scl compares two views"]),
        ("TRAINING_ALGO: tcc\nTCC: {NORMALIZE_INDICES: false}", ["TCC.NORMALIZE_INDICES", "expected true"]),
        ("AUGMENTATION: {STRENGTH: 3}", ["augment.hue is 0.6", "It comes from AUGMENTATION.STRENGTH."]),
        ("TRAIN: {MAX_EPOCHS: 0}", ["old.yml: train.epochs is 0", "It comes from TRAIN.MAX_EPOCHS."]),
        ("TRAIN: {MAX_EPOCHS: 3}\noptim: {lr: 1}", ["upper-case keys (TRAIN)", "lower-case ones (optim)"]),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(tmp_path: Path, text: str, expected: list[str]) -> None:
    said = failure(tmp_path, text.replace("SSL: 1", "SSL: 1\nTRAINING_ALGO: tcc"))
    assert "\n" not in said
    for part in expected:
        assert part in said


def test_a_network_that_the_old_transformers_do_not_read_is_named(tmp_path: Path) -> None:
    def said(text: str, *opts: str) -> list[str]:
        return [note for note in read(tmp_path, text, *opts).notes if "NETWORK" in note]

    (note,) = said(published("ntu"))
    assert note.startswith("MODEL.BASE_MODEL.NETWORK Resnet50_byol: the old transformers start from torchvision's")
    assert said(published("tcc")) == []  # Resnet50_pretrained: as it says
    loaded = read(tmp_path, published("ntu"), "model.weights=byol")
    assert loaded.config.model.weights == "byol"


def test_values_that_nothing_reads_are_not_refused(tmp_path: Path) -> None:
    loaded = read(tmp_path, "TRAINING_ALGO: tcc\nSCL: {POSITIVE_TYPE: nn}\nTCC: {HUBER_DELTA: what}")
    assert any("SCL.POSITIVE_TYPE (the loss is tcc)" in note for note in loaded.notes)
    assert any("TCC.HUBER_DELTA (the old code does not read it" in note for note in loaded.notes)


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    opts = ["optim.lrr", "1", "SCL.POSITIVE_TYPE", "nn", "TRAIN.NUM_FRAMES"]
    said = failure(tmp_path, "TRAIN: {MAX_EPOCH: 3}\nMODEL: {EMBEDDER_TYPE: conv}", *opts)
    assert said.startswith("5 problems in the configuration:\n")
    for part in ("TRAIN.MAX_EPOCH ", "'conv'", "optim.lrr", "'nn'", "TRAIN.NUM_FRAMES in --opts: no value"):
        assert part in said


def test_old_keys_on_the_command_line_join_an_old_file_and_new_ones_win(tmp_path: Path) -> None:
    opts = ["TRAIN.MAX_EPOCHS", "7", "train.epochs=9", "MODEL.EMBEDDER_MODEL.CAPACITY_SCALAR", "1", "optim.lr", "3"]
    loaded = read(tmp_path, published("ntu"), *opts)
    assert (loaded.config.train.epochs, loaded.config.model.fc_size, loaded.config.optim.lr) == (9, 256, 3)
    assert "train.epochs" not in loaded.origins
    assert read(tmp_path, published("ntu"), "TRAIN.MAX_EPOCHS=7").config.train.epochs == 7
    chosen = read(tmp_path, published("ntu"), "loss.name=tcc", "TCC.LABEL_SMOOTHING=0.2").config.loss
    assert (chosen.name, chosen.label_smoothing, chosen.log_epsilon) == ("tcc", 0.2, 0.0)


@pytest.mark.parametrize(
    "tokens",
    [
        ["EVAL.RETRIEVAL_KS", "[1 2]"],
        ["EVAL.RETRIEVAL_KS", "[1", "2]"],
        ["EVAL.RETRIEVAL_KS=[1", "2]"],
        ["EVAL.RETRIEVAL_KS", "[1, 2]"],
        ["EVAL.RETRIEVAL_KS=[1,2]"],
    ],
)
def test_lists_are_read_as_the_old_code_wrote_them(tmp_path: Path, tokens: list[str]) -> None:
    more = ["SSL", "True", "TRAIN.MAX_EPOCHS", "8", "EVAL.TASKS", "[retrieval]"]
    config = read(tmp_path, published("ntu"), *tokens, *more).config
    assert (config.eval.retrieval_ks, config.train.epochs, config.eval.tasks) == ([1, 2], 8, ["retrieval"])


def test_without_an_old_file_an_old_key_sets_what_it_names_alone(tmp_path: Path) -> None:
    assert load_config(None, ["TRAIN.BATCH_SIZE", "4"]) == load_config(None, ["train.batch_size=4"])
    assert load_config(None, ["MODEL.EMBEDDER_MODEL.CAPACITY_SCALAR=1"]) == load_config(None, ["model.fc_size=256"])
    config = read(tmp_path, "loss: {name: tcc}\nmodel: {fc_layers: 1}", "TCC.SOFTMAX_TEMPERATURE", "0.2").config
    assert (config.loss.temperature, config.model.fc_layers, config.train.epochs) == (0.2, 1, 300)
    loaded = read_config(None, ["TRAIN.BATCH_SIZE=4", "train.batch_size=8", "IMAGE_SIZE=64", "NUM_GPUS=2"])
    assert (loaded.config.train.batch_size, loaded.config.data.image_size) == (8, 64)
    assert loaded.notes == ("IMAGE_SIZE is data.image_size here, 64", "no effect: NUM_GPUS (the launcher decides)")
    assert read_config(None, ["optim.lr=3"]).notes == ()


@pytest.mark.parametrize("processes", [1, 3])
def test_batches_are_of_each_process_there_and_of_all_here(tmp_path: Path, processes: int) -> None:
    loaded = read(tmp_path, published("ntu"), "TRAIN.BATCH_SIZE=2", world_size=processes, training=True)
    assert loaded.config.train.batch_size == 2 * processes
    assert any(f"train.batch_size {2 * processes} of {processes} process" in note for note in loaded.notes)
    assert load_config(None, ["TRAIN.BATCH_SIZE=2"], world_size=processes).train.batch_size == 2 * processes
