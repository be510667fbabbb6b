"""Configurations as people have them from CARL and the VideoSync research code, for tests."""

from __future__ import annotations

from collections.abc import Mapping

# how those codes dump a configuration: upper-case keys, anchors where a list stands twice
DUMPED = """
AUGMENTATION: {BRIGHTNESS: true, BRIGHTNESS_MAX_DELTA: %(delta)s, CONTRAST: true, CONTRAST_MAX_DELTA: 0.8, HUE: true,
  HUE_MAX_DELTA: 0.2, RANDOM_CROP: true, RANDOM_FLIP: true, SATURATION: false, SATURATION_MAX_DELTA: 0.8, STRENGTH: 1.0}
CHECKPOINT:
  SAVE_INTERVAL: %(save)s
DATA: {ADDITION_TRAINSET: false, CONSISTENT_OFFSET: %(offset)s, CONSISTENT_VIEWS: false, CONTEXT_STRIDE: 1,
  DYNAMIC_FRAMES: false, FRACTION: 1.0, FRAME_LABELS: true,
  NUM_CONTEXTS: 1, NUM_WORKERS: 4, SAMPLE_ALL_STRIDE: 1, SAMPLING_REGION: 1.5, SAMPLING_STRATEGY: %(sampling)s}
DATASETS:
%(datasets)s
EVAL:
  BATCH_SIZE: 2
  CLASSIFICATION_FRACTIONS:
  - 0.1
  - 0.5
  - 1.0
  FRAMES_PER_BATCH: 1000
  KENDALLS_TAU_DISTANCE: sqeuclidean
  KENDALLS_TAU_STRIDE: 2
  NUM_FRAMES: 80
  RETRIEVAL_KS: [5, 10, 15]
  TASKS: %(tasks)s
  VAL_INTERVAL: 2
IMAGE_SIZE: %(size)s
LOGDIR: /tmp/logs
LOGGING:
  REPORT_INTERVAL: 50
MODEL:
  BASE_MODEL:
    FRAMES_PER_BATCH: 40
    LAYER: %(layer)s
    NETWORK: %(network)s
    OUT_CHANNEL: 2048
  EMBEDDER_MODEL:
    CAPACITY_SCALAR: 2
    CONV_LAYERS:
    - &id001
      - 256
      - 3
      - 1
    - *id001
    D_FF: 1024
    EMBEDDING_SIZE: 128
    FC_DROPOUT_RATE: 0.1
    FC_LAYERS:
    - &id002
      - 256
      - true
    - *id002
    FLATTEN_METHOD: max_pool
    HIDDEN_SIZE: 256
    NUM_HEADS: 8
    NUM_LAYERS: %(layers)s
    USE_BN: true
  EMBEDDER_TYPE: transformer
  L2_NORMALIZE: %(unit)s
  PROJECTION: %(projection)s
  PROJECTION_HIDDEN_SIZE: 512
  PROJECTION_SIZE: 128
  TRAIN_BASE: frozen
NUM_GPUS: 1
OPTIMIZER:
  GRAD_CLIP: 10
  LR: {DECAY_TYPE: %(decay)s, FINAL_LR: 0.0, INITIAL_LR: 0.0001, NUM_WARMUP_STEPS: 1, WARMUP_LR: 0.0}
  TYPE: %(optimizer)s
  WEIGHT_DECAY: 1.0e-05
PATH_TO_DATASET: %(path)s
RNG_SEED: 1
SCL: {LABEL_VARIENCE: 10.0, NEGATIVE_TYPE: %(negatives)s, POSITIVE_TYPE: gauss, POSITIVE_WINDOW: 5,
  SOFTMAX_TEMPERATURE: 0.1}
SHARD_ID: 0
SSL: %(ssl)s
TCC: {CYCLE_LENGTH: 2, FRACTION: 1.0, HUBER_DELTA: 0.1, LABEL_SMOOTHING: 0.1, LOSS_TYPE: %(tcc)s,
  NORMALIZE_INDICES: true, SIMILARITY_TYPE: l2, SOFTMAX_TEMPERATURE: 0.1, STOCHASTIC_MATCHING: false,
  VARIANCE_LAMBDA: 0.001}
TCN: {POSITIVE_WINDOW: 5, REG_LAMBDA: 0.002}
TRAIN:
  BATCH_SIZE: %(batch)s
  MAX_EPOCHS: %(epochs)s
  NUM_FRAMES: %(frames)s
TRAINING_ALGO: %(algo)s
USE_AMP: %(amp)s
"""
USUAL = {
    "algo": "scl", "amp": "false", "batch": 1, "datasets": "- pouring", "decay": "cosine", "delta": 0.8, "epochs": 500,
    "frames": 240, "layer": 3, "layers": 3, "negatives": "single_noself", "network": "Resnet50_byol", "offset": 0.2,
    "optimizer": "AdamOptimizer", "path": "pouring", "projection": "true", "sampling": "time_augment", "save": 60,
    "size": 224, "ssl": "true", "tasks": "[sync_offset]", "tcc": "regression_mse_var", "unit": "true",
}  # fmt: skip
PLAIN = {"ssl": "false", "projection": "false", "unit": "false", "network": "Resnet50_pretrained", "batch": 2}
PUBLISHED: dict[str, dict[str, object]] = {  # what differs from USUAL
    "pouring": {"tasks": "[kendalls_tau, retrieval, classification, event_completion]", "amp": "true"},
    "pouring_sync": {"size": 300, "frames": 80},
    "ntu": {"path": "ntu", "datasets": "- ntu", "offset": 1.0, "frames": 80, "epochs": 310, "save": 5},
    "cmu": {"path": '"cmu"', "datasets": "- cmu", "offset": 1.0, "frames": 360, "epochs": 310},
    "k400": {
        "path": "penn_action", "datasets": "- kinetics400\n- baseball_pitch", "negatives": "batch_noself", "layers": 2,
        "batch": 2, "epochs": 10, "frames": 80, "offset": 1.0,
    },
    "tcc": {**PLAIN, "algo": "tcc", "delta": 0.12549019607843137, "offset": 0.0},
    "tcc_huber": {**PLAIN, "algo": "tcc", "tcc": "regression_huber", "unit": "true", "sampling": "offset_uniform"},
    "tcc_classification": {**PLAIN, "algo": "tcc", "tcc": "classification", "ssl": "true"},
    "tcn": {**PLAIN, "algo": "tcn", "decay": "fixed", "frames": 40, "unit": "true"},
    "classification": {**PLAIN, "algo": "classification", "optimizer": "AdamWOptimizer", "tasks": "[classification]"},
}  # fmt: skip


def published(name: str, changes: Mapping[str, object] | None = None) -> str:
    """The text of a file as it is published, with ``changes`` of :data:`USUAL`."""
    return DUMPED % {**USUAL, **PUBLISHED[name], **(changes or {})}
