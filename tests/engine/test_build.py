from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.test_trainer import Recorder
from videosync.config.load import load_config
from videosync.config.schema import Config
from videosync.data.manifest import read_manifest, write_manifest
from videosync.data.samples import Manifest, Sample, View
from videosync.engine import batches
from videosync.engine.build import build_pairs, build_trainer, spread, validation_pairs
from videosync.engine.distributed import Distributed
from videosync.engine.held_out import hold_out_events, split_train_events
from videosync.engine.progress import LoopState
from videosync.engine.trainer import Trainer
from videosync.engine.validation import Validator
from videosync.errors import ConfigError, ManifestError
from videosync.evaluation.sync import iter_pair_matrices
from videosync.lags.similarity import lag_scores
from videosync.types import SyncPair
from videosync.video.write import write_video

ALONE = Distributed(rank=0, world_size=1, local_rank=0, device=torch.device("cpu"))
OPTIONS = [
    "data.dataset=clips", "data.image_size=32", "data.num_frames=6", "data.num_workers=0",
    "pairs.num_frames=8", "pairs.max_offset=2",
    "model.backbone=small", "model.layer=0", "model.fc_layers=1", "model.fc_size=16", "model.hidden_size=16",
    "model.layers=1", "model.heads=2", "model.ff_size=32", "model.embedding_size=8", "model.projection_size=16",
    "train.epochs=1", "train.eval_every=1", "train.holdout=0.3",
]  # fmt: skip
Build = Callable[..., Trainer]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 train events of two views of 12 frames."""
    folder = tmp_path_factory.mktemp("workdir")
    rng = np.random.default_rng(0)
    samples = []
    for number in range(6):
        views = []
        for camera in range(2):
            name = f"e{number}_{camera}.mp4"
            frames = rng.integers(0, 255, (12, 32, 32, 3), dtype=np.uint8)
            write_video(folder / "clips" / name, frames, 25.0, preset="ultrafast")
            views.append(View(name, camera, 12, 25.0))
        samples.append(Sample(f"e{number}", "train", tuple(views)))
    write_manifest(folder / "clips", samples)
    return folder


def options(*more: str) -> Config:
    return load_config(None, [*OPTIONS, *more])


@pytest.fixture
def build(workdir: Path, tmp_path: Path) -> Build:
    def trainer(*more: str, distributed: Distributed = ALONE) -> Trainer:
        return build_trainer(options(*more), workdir=workdir, logdir=tmp_path, distributed=distributed)

    return trainer


def linked(folder: Path, videos: Path, samples: list[Sample]) -> None:
    """A dataset of ``samples`` of the files in ``videos``."""
    write_manifest(folder, samples)
    for video in videos.glob("*.mp4"):
        (folder / video.name).symlink_to(video)


def manifest_of(events: int, samples_each: int = 2) -> Manifest:
    lines = [
        Sample(f"event{event}", "train", (View(f"{event}_{n}.mp4", 0, 10, 25.0),))
        for event in range(events)
        for n in range(samples_each)
    ]
    return Manifest(Path("/nowhere"), (*lines, Sample("other", "val", (View("v.mp4", 0, 10, 25.0),))))


@pytest.mark.parametrize(("events", "share", "count"), [(10, 0.3, 3), (10, 0.01, 1), (2, 0.9, 1), (3, 0.5, 2)])
def test_held_out_events_are_whole_and_never_trained_on(events: int, share: float, count: int) -> None:
    train, held = hold_out_events(manifest_of(events), share=share, seed=0)
    names = [{sample.event for sample in part.samples} for part in (train, held)]
    assert len(names[1]) == count
    assert names[0].isdisjoint(names[1])
    assert names[0] | names[1] == {f"event{n}" for n in range(events)}  # nothing of the reported split
    assert len(train.samples) + len(held.samples) == 2 * events


def test_held_out_events_depend_on_the_seed_alone() -> None:
    def held(seed: int, manifest: Manifest) -> set[str]:
        return {s.event for s in hold_out_events(manifest, share=0.3, seed=seed)[1].samples}

    manifest = manifest_of(20)
    shuffled = Manifest(manifest.root, manifest.samples[::-1])
    assert held(1, manifest) == held(1, shuffled)
    assert len({frozenset(held(seed, manifest)) for seed in range(5)}) > 1


def test_a_share_of_the_labels_is_one_of_the_events_that_are_not_held_out() -> None:
    def events(fraction: float) -> list[set[str]]:
        more = ("loss.name=classification", "model.projection_size=0", f"data.label_fraction={fraction}")
        return [
            {s.event for s in part.of_split("train")} for part in split_train_events(options(*more), manifest_of(10))
        ]

    (all_train, all_held), (half_train, half_held) = events(1.0), events(0.5)
    assert (len(all_train), len(half_train), len(half_held)) == (7, 4, 3)
    assert all_held == half_held
    assert half_train < all_train


def test_a_single_event_cannot_be_held_out() -> None:
    with pytest.raises(ManifestError, match=r"train\.holdout=0\.1 .* set train\.holdout=0"):
        hold_out_events(manifest_of(1), share=0.1, seed=0)


def test_spread_takes_evenly() -> None:
    assert spread(range(10), 0) == list(range(10))
    assert spread(range(10), 20) == list(range(10))
    assert spread(range(10), 4) == [0, 2, 5, 7]


def test_validation_never_sees_what_is_trained_on(build: Build) -> None:
    trainer = build()
    validator = trainer.validator
    trained = {clip.event for clip in trainer.source.clips.draws.samples}
    validated = {pair.event for pair in validator.pairs}
    assert (len(trained), len(validated)) == (4, 2)
    assert trained.isdisjoint(validated)
    assert validator.criterion == "val/expected_error_frames"
    assert validator.rule.endswith(f"expected error on {len(validator.pairs)} windows of 2 held-out events")


def test_validation_measures_the_same_twice_and_changes_nothing(build: Build) -> None:
    trainer = build()
    before = {name: value.clone() for name, value in trainer.encoder.state_dict().items()}
    trainer.encoder.train()
    first, second = (trainer.validator.measure(trainer.encoder) for _ in range(2))
    assert first == second
    assert first.keys() == {"val/loss", "val/median_mae_frames", "val/diagonal_mae_frames", "val/expected_error_frames"}
    assert mean_over_events(trainer.validator) == pytest.approx(first[trainer.validator.criterion], rel=1e-9)
    assert trainer.encoder.training
    assert all(torch.equal(before[name], value) for name, value in trainer.encoder.state_dict().items())


def mean_over_events(validator: Validator) -> float:
    """Of the score that decides, from those of the single events."""
    assert len(validator.events) == 2
    return sum(value for value, _ in validator.events.values()) / sum(w for _, w in validator.events.values())


def test_of_a_single_event_the_windows_are_compared(build: Build) -> None:
    trainer = build("train.holdout=0.1", "train.eval_pairs=8")
    trainer.validator.measure(trainer.encoder)
    assert len(trainer.validator.events) == len(trainer.validator.pairs) > 2


def test_a_checkpoint_says_how_far_it_is_from_the_lowest_score(build: Build) -> None:
    validator = build().validator
    validator.events = {"a": (4.0, 2.0), "b": (6.0, 2.0)}
    lowest = LoopState(best=2.0, best_epoch=3, best_events={"a": (2.0, 2.0), "b": (6.0, 2.0)})
    found = [validator.finding({validator.criterion: score}, lowest) for score in (2.5, 2.0)]
    shown = f"frames on {len(validator.pairs)} windows of 2 held-out events"
    assert found[0] == f"expected error 2.50 {shown}, 0.5 ± 0.5 above the lowest (epoch 3)"
    assert found[1] == f"expected error 2.00 {shown}, the lowest so far"
    assert validator.finding({"loss": 1.0}, lowest) == "not validated"


def test_validation_does_not_depend_on_the_number_of_ranks(build: Build) -> None:
    trainer = build()
    alone = trainer.validator.measure(trainer.encoder)
    totals: list[dict[str, tuple[float, float]]] = []
    for rank in range(2):
        place = Distributed(rank=rank, world_size=2, local_rank=rank, device=torch.device("cpu"))
        validator = build("train.batch_size=2", distributed=place).validator
        trainer.encoder.eval()
        totals.append(
            {**validator._sums(trainer.encoder, lambda: None), **validator._errors(trainer.encoder, lambda: None)}
        )
    for name, value in alone.items():
        parts = [total[name.removeprefix("val/")] for total in totals]
        assert sum(p[0] for p in parts) / sum(p[1] for p in parts) == pytest.approx(value, rel=1e-6)
    counts = [total["expected_error_frames"][1] for total in totals]
    assert sum(counts) == len(validator.pairs)
    assert min(counts) > 0


@pytest.mark.parametrize("off", ["train.holdout=0", "train.eval_every=0"])
def test_without_validation_all_events_are_trained_on(build: Build, off: str) -> None:
    trainer = build(off)
    assert trainer.validator.criterion == ""
    assert len(trainer.source.clips) == 6


def test_a_run_says_that_its_views_are_always_the_same(build: Build) -> None:
    def remarks(*more: str) -> list[str]:
        return build(*more).remarks

    alike = ["data.num_frames=12", "data.sampling_region=1"]
    assert remarks(*alike)[0].startswith("the two views of 4 of 4 samples are always the same frames")
    assert remarks(alike[0]) == remarks(alike[1]) == []


def test_mix_takes_events_of_one_view_as_they_are_unless_all_are(workdir: Path, tmp_path: Path) -> None:
    def dataset(name: str, single: int) -> Config:
        """The first ``single`` of 6 events have one view."""
        samples = read_manifest(workdir / "clips").samples
        lines = [replace(s, views=s.views[: 1 if n < single else 2]) for n, s in enumerate(samples)]
        linked(tmp_path / name, workdir / "clips", lines)
        return options(f"data.dataset={name}", "data.views=mix", "data.cross_share=1")

    criteria = set()
    for seed in range(5):
        config = dataset(f"some{seed}", 4)
        config = replace(config, train=replace(config.train, seed=seed))
        trainer = build_trainer(config, workdir=tmp_path, logdir=tmp_path, distributed=ALONE)
        found = trainer.validator.measure(trainer.encoder)
        assert found["val/loss"] > 0
        criteria.add(trainer.validator.criterion)
        if trainer.validator.criterion == "val/loss":
            assert mean_over_events(trainer.validator) == pytest.approx(found["val/loss"], rel=1e-9)
    assert "val/loss" in criteria  # some seed held out events of one view alone
    with pytest.raises(ManifestError, match="data.views is 'mix', but no sample .* use data.views=self"):
        build_trainer(dataset("all", 6), workdir=tmp_path, logdir=tmp_path, distributed=ALONE)


def test_few_events_are_looked_at_through_many_different_windows(workdir: Path) -> None:
    def pairs(*more: str) -> list[SyncPair]:
        config = options(*more)
        held = split_train_events(config, read_manifest(workdir / "clips"))[1]
        return validation_pairs(config, held)

    one_each = pairs("train.eval_pairs=0")
    assert len(one_each) == 2
    four_each = pairs("train.eval_pairs=1", "pairs.windows_val=4")
    assert pairs("train.eval_pairs=7") == pairs("train.eval_pairs=8") == four_each
    assert len(one_each) < len(four_each) <= 8
    assert {pair.event for pair in pairs()} == {pair.event for pair in one_each}
    # views of 12 frames, 0 and 1 on the timeline, hold windows of 8 at 5 x 5 places, 2 of them 3 frames apart and more
    assert 30 < len(pairs()) <= 44
    assert len({(pair.window0, pair.window1) for pair in pairs()}) == len(pairs())
    assert len(pairs("pairs.placement=start")) == 2  # there is one window


def test_the_score_is_the_error_to_be_expected_under_the_softmax_of_the_lag_scores(build: Build) -> None:
    trainer = build()
    validator = trainer.validator
    trainer.encoder.eval()
    seen = validator.measure(trainer.encoder)["val/expected_error_frames"]
    expected = []
    for part in iter_pair_matrices(trainer.encoder, validator.pairs, device="cpu", **validator.matching):
        for scores, index in zip(lag_scores(part.forward, part.backward, 2), part.indices):
            weights = [math.exp(2 * score) for score in scores]  # both directions
            true = validator.pairs[index].offset
            far = sum(weight * abs(lag - true) for weight, lag in zip(weights, range(-2, 3)))
            expected.append(far / sum(weights))
    assert seen == pytest.approx(sum(expected) / len(expected), rel=1e-9)


def test_scores_of_other_pairs_or_losses_are_told_apart(build: Build) -> None:
    def identity(*more: str) -> str:
        return build(*more).validator.identity

    usual = identity()
    assert identity("optim.lr=1e-3", "train.epochs=5", "data.samples_per_video=2", "train.eval_batches=99") == usual
    single = ("pairs.placement=start", "train.eval_pairs=0")
    others = [("similarity.temperature=0.5",), ("train.seed=1",), ("pairs.max_offset=1",), single]
    assert len({usual, *(identity(*other) for other in others)}) == 5


def test_limited_validation(build: Build) -> None:
    validator = build("train.eval_batches=1").validator
    assert len(validator.pairs) == len(validator.loader) == 1


def test_training_on_cached_features(build: Build, workdir: Path) -> None:
    cached = ("data.feature_cache=2", "model.layer=4", "model.random_backbone=true")
    trainer = build(*cached)
    trainer.logger = record = Recorder()
    frozen = {name: p.clone() for name, p in trainer.encoder.backbone.named_parameters()}
    batch = next(trainer.source.batches(0, 0, trainer.clock))
    assert batch.frames.shape == (2, 2, 6, trainer.encoder.feature_size)
    assert not torch.equal(batch.frames[:, 0], batch.frames[:, 1])
    trainer.run()
    assert all(math.isfinite(loss) for loss in record.series("loss"))
    assert all(torch.equal(frozen[name], p) for name, p in trainer.encoder.backbone.named_parameters())
    (cache,) = (workdir / "feature_cache").iterdir()
    about = json.loads((cache / "cache.json").read_text())
    assert about["videos"] == 12
    times = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    build(*cached)
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == times  # nothing is computed twice


def test_pairs_of_a_split(workdir: Path) -> None:
    config = options("pairs.windows_train=2")
    assert len(build_pairs(config, workdir, "train")) == 12
    with pytest.raises(ManifestError, match="no sample has split 'tran'"):
        build_pairs(config, workdir, "tran")


def test_no_job_runs_on_an_event_in_two_splits_or_without_a_dataset(workdir: Path, tmp_path: Path) -> None:
    samples = [Sample("e0", split, (View(f"e{n}_0.mp4", 0, 12, 25.0), View(f"e{n}_1.mp4", 1, 12, 25.0)))
               for n, split in enumerate(("train", "val"))]  # fmt: skip
    linked(tmp_path / "leak", workdir / "clips", samples)
    leak = options("data.dataset=leak")
    with pytest.raises(ManifestError, match="event 'e0' is in splits 'train' and 'val'"):
        build_trainer(leak, workdir=tmp_path, logdir=tmp_path, distributed=ALONE)
    with pytest.raises(ManifestError, match="event 'e0' is in splits 'train' and 'val'"):
        build_pairs(leak, tmp_path, "val")
    with pytest.raises(ConfigError, match="data.dataset is empty"):
        build_pairs(options("data.dataset="), workdir, "train")


@pytest.mark.parametrize("cached", [(), ("data.feature_cache=1", "model.layer=4", "model.random_backbone=true")])
def test_shared_memory_is_asked_for_the_size_of_a_batch(
    build: Build, monkeypatch: pytest.MonkeyPatch, cached: tuple[str, ...]
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(batches, "fitting_prefetch", lambda size, **others: asked.append(size) or 1)
    trainer = build(*cached)
    batch = next(trainer.source.batches(0, 0, trainer.clock))
    assert asked == [batch.frames.nbytes]


def test_what_saves_time_and_memory_reaches_what_it_is_for(build: Build, tmp_path: Path) -> None:
    changed = ("train.recompute=true", "train.batch_statistics=false", f"paths.decoded={tmp_path / 'kept'}")
    for trainer, on in ((build(), False), (build(*changed), True)):
        backbone = trainer.encoder.backbone
        assert (backbone.recompute, backbone.batch_statistics) == (on, not on)
        next(trainer.source.batches(0, 0, trainer.clock))
        assert (tmp_path / "kept").exists() == on


def test_recomputing_a_backbone_that_is_frozen_whole_is_said_to_change_nothing(build: Build) -> None:
    frozen = ("model.layer=4", "model.random_backbone=true")
    for opts, said in ((frozen, 0), ((*frozen, "train.recompute=true"), 1), (("train.recompute=true",), 0)):
        assert sum("train.recompute changes nothing" in remark for remark in build(*opts).remarks) == said
