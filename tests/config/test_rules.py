"""Rules across options: what each refuses, and that the defaults keep them."""

from __future__ import annotations

import pytest

from videosync.config.load import load_config
from videosync.config.options import options
from videosync.config.ranges import problem
from videosync.config.rules import check_config
from videosync.config.schema import FRAME_TASKS, Config
from videosync.errors import ConfigError
from videosync.losses.crisscross import CrissCross
from videosync.recognition.options import TASKS as RECOGNITION_TASKS

TRAINABLE = ["data.dataset=d", "model.weights=w.pth"]


def test_the_defaults_keep_every_rule() -> None:
    assert check_config(Config()) == []


def test_every_number_has_a_range() -> None:
    """-1000 is no sensible value of any option."""
    numbers = [option for option in options().values() if option.type in (int, float)]
    unlimited = [option.key for option in numbers if not problem(option.key, -1000, option.about)]
    assert not unlimited, f"{', '.join(unlimited)}: no range; give one to its option()"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optim.lr=0"], "optim.lr is 0.0; expected a number above 0"),
        (["optim.lr=.nan"], "optim.lr is nan; expected a finite number"),
        (["loss.temperature=.inf"], "loss.temperature is inf; expected a finite number"),
        (["augment.flip=1.1"], "augment.flip is 1.1; expected a share from 0 to 1"),
        (["detector.holdout=0"], "detector.holdout is 0.0; expected a share from above 0 to below 1"),
        (["augment.hue=0.6"], "augment.hue is 0.6; expected 0 … 0.5"),
        (["model.heads=7"], r"model.hidden_size \(256\) is not divisible by model.heads \(7\)"),
        (["model.hidden_size=9", "model.heads=3"], r"model.hidden_size \(9\) is odd"),
        (["model.hidden_size=12", "model.heads=4", "model.positions=rotary"], "model.hidden_size / model.heads is 3"),
        (["model.layer=5"], "model.layer is 5; expected 0"),
        (["model.weights=a.pth", "model.random_backbone=true"], "either pretrained or random"),
        (["model.weights=a.pth", "model.input=motion"], "model.weights names 'a.pth', but model.input is 'motion'"),
        (["data.feature_cache=1"], "data.feature_cache is 1, but model.layer is 3"),
        (["pairs.max_offset=240"], r"pairs.max_offset \(240\) must be smaller than pairs.num_frames \(240\)"),
        (["loss.lag_weight=1"], "data.sampling_region is 1.5 .*no lag"),
        (["loss.lag_weight=1", "data.sampling_region=1", "data.sampling_block=video"], "'video': .*no lag"),
        (["data.cross_share=0.3"], "data.cross_share is 0.3, but data.views is 'self'"),
        (["detector.mlp_hidden=[]"], "detector.mlp_hidden is empty; expected at least one number"),
        (["detector.equivariant_channels=[4]"], "detector.equivariant_channels is .*; expected 2 numbers"),
        (["detector.cnn_channels=[4,0]"], "detector.cnn_channels is .*; expected numbers, each 1 or more"),
        (["eval.methods=[dtw,dtw]"], "eval.methods names 'dtw' more than once"),
        (["similarity.splits=[]"], "similarity.splits is empty"),
        (["loss.tcc_type=regression_mse"], "loss.tcc_type is regression_mse, but loss.name is 'scl'.*only.* 'tcc'"),
        (["loss.name=tcn", "loss.temperature=1"], "temperature is 1.0, but .*only when loss.name is 'scl' or 'tcc'"),
        (["loss.name=tcc", "loss.negative_type=batch"], "loss.negative_type is batch, but loss.name is 'tcc'"),
        (["loss.name=tcc", "loss.huber_delta=1"], "loss.huber_delta is 1.0, but loss.tcc_type is 'regression_mse_var'"),
        (["eval.tasks=[finetune]"], "eval.tasks holds 'finetune', but model.name is 'encoder'"),
        (["eval.tasks=[probe,sync_offset]"], "'probe' and 'sync_offset', which are about different networks"),
        (["eval.checkpoint=random"], "eval.checkpoint is random, but eval.tasks holds 'sync_offset'"),
        (["eval.calibrate=true"], "eval.calibrate is True, but eval.tasks holds 'sync_offset'"),
        (["eval.folds=[1]"], r"eval.folds is \[1\], but eval.tasks holds 'sync_offset'"),
        (["loss.embeddings=raw"], "loss.embeddings is raw, but loss.name is 'scl'"),
        (["loss.name=tcc", "model.projection_size=64"], "model.projection_size is 64, but loss.name is 'tcc'"),
        (["model.num_classes=5"], "model.num_classes is 5, but loss.name is 'scl'"),
        (["data.label_fraction=0.5"], "data.label_fraction is 0.5, but .*only when loss.name is 'classification'"),
        (["loss.name=classification", "data.label_fraction=0"], "is 0.0; expected a share from above 0 to 1"),
        (["loss.name=tcc", "loss.label_smoothing=1"], "is 1.0; expected a share from 0 to below 1"),
        (["eval.tasks=[retreival]"], "eval.tasks holds 'retreival'; .* Did you mean 'retrieval'"),
        (["eval.tasks=[retrieval,retrieval]"], "eval.tasks names 'retrieval' more than once"),
        (["eval.tasks=[classification]", "eval.split=train"], "fitted on that split"),
        (["eval.methods=[]"], "eval.methods and eval.detectors are empty"),
        (["eval.detectors=[cnn]"], "expected PREFIX/METHOD"),
        (["eval.engine=onnxruntime", "eval.precision=bf16"], "eval.precision to auto, or eval.engine to openvino"),
        (["model.name=crisscross", "eval.engine=openvino"], "eval.engine is 'openvino', but model.name"),
        (["eval.retrieval_ks=[5,0]"], "eval.retrieval_ks is .*; expected numbers, each 1 or more"),
        (["eval.label_fractions=[0.5,1.5]"], "expected numbers, each a share from above 0 to 1"),
        (["eval.tau_stride=0"], "eval.tau_stride is 0; expected 1 or more"),
    ],
)
def test_each_rule_refuses(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(None, overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.dataset="], "data.dataset is empty"),
        (["data.sampling_region=1e6"], r"data.sampling_region is 1e\+06: .*set data.sampling_block to video"),
        (["model.name=noise"], "model.name is 'noise', which has nothing to train"),
        (["data.feature_cache=2", "model.layer=4", "augment.enabled=false"], "but augment.enabled is false"),
        (["model.weights="], "model.layer freezes stages 1 to 3 of resnet50, but model.weights is empty"),
        (["train.batch_size=3"], r"train.batch_size \(3\) is not divisible by the number of processes \(2\)"),
    ],
)
def test_training_refuses_what_other_commands_allow(overrides: list[str], message: str) -> None:
    assert load_config(None, TRAINABLE + overrides)
    with pytest.raises(ConfigError, match=message):
        load_config(None, TRAINABLE + overrides, world_size=2, training=True)


@pytest.mark.parametrize(
    "overrides",
    [
        ["model.layer=0", "model.weights="],
        ["model.random_backbone=true", "model.weights="],
        ["model.layer=4", "data.feature_cache=2"],
        ["data.views=mix", "data.cross_share=0.3"],
        ["data.consistent_offset=0", "data.sampling_region=1", "pairs.max_offset=239"],
        ["model.input=motion", "model.layer=0"],
        ["loss.name=tcc", "model.projection_size=0", "loss.temperature=0.2", "loss.variance_lambda=0"],
        ["loss.name=tcc", "loss.tcc_type=regression_huber", "loss.huber_delta=1", "loss.tcc_similarity=cosine"],
        ["loss.name=tcc", "loss.tcc_type=classification", "loss.tcc_reference=true", "loss.embeddings=unit"],
        ["loss.name=tcn", "loss.tcn_window=0", "loss.reg_lambda=0", "loss.embeddings=raw"],
        ["loss.name=classification", "model.num_classes=7", "data.label_fraction=0.1"],
        ["svm.more_costs=[]", "finetune.milestones=[]"],
    ],
)
def test_the_edges_are_allowed(overrides: list[str]) -> None:
    assert load_config(None, TRAINABLE + overrides, training=True)


def test_what_evaluation_allows() -> None:
    load_config(None, [f"eval.tasks=[{','.join(FRAME_TASKS)}]"])
    two_streams = ["model.name=crisscross", "loss.name=crisscross", "eval.checkpoint=random", "eval.folds=[1,2]"]
    load_config(None, [*two_streams, f"eval.tasks=[{','.join(RECOGNITION_TASKS)}]"])
    load_config(None, ["eval.tasks=[kendalls_tau]", "eval.split=train"])  # nothing is fitted
    load_config(None, ["eval.tasks=[kendalls_tau]", "eval.methods=[]"])  # no offsets are asked for


def test_weights_that_are_all_0_are_said_once() -> None:
    terms = [f"loss.{term}=0" for term in CrissCross().weights]
    with pytest.raises(ConfigError, match="all weights of loss.name 'crisscross' are 0") as error:
        load_config(None, ["data.dataset=d", "model.name=crisscross", "loss.name=crisscross", *terms], training=True)
    assert "\n" not in str(error.value)
