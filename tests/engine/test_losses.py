"""The contract of every training loss, and that the options which are said to be read are those that are."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from videosync.config.load import load_config
from videosync.engine.losses import build_loss
from videosync.losses.classification import Classification
from videosync.losses.crisscross import CrissCross
from videosync.losses.named import LOSSES
from videosync.losses.objective import Objective
from videosync.losses.scl import Scl
from videosync.losses.tcc import LOSS_TYPES, SIMILARITIES, Tcc
from videosync.losses.tcn import Tcn
from videosync.models.encoder import Encoder
from videosync.types import ClipBatch, TwoStreamOutput

CASES: dict[str, Objective] = {  # every loss, and every way of TCC; sharp enough that alignment tells
    "scl": Scl(label_variance=1.0),
    "scl batch": Scl(label_variance=1.0, negative_type="batch"),
    **{
        f"tcc {kind} {similarity}": Tcc(tcc_type=kind, tcc_similarity=similarity, label_smoothing=0.0, temperature=0.05)
        for kind in LOSS_TYPES
        for similarity in SIMILARITIES
    },
    "tcn": Tcn(embeddings="raw"),
    "classification": Classification(),
}
B, T, D = 3, 9, 6
OTHER_VALUES = {  # a value that is not the default, for options that are no numbers
    "embeddings": "unit",
    "negative_type": "batch",
    "tcc_type": "regression_mse",
    "tcc_similarity": "cosine",
    "tcc_reference": True,
}

each_loss = pytest.mark.parametrize("case", CASES)


def clips(pairs: int = B) -> ClipBatch:
    """Two views of each video at the same moments, every third frame labelled with another of three phases."""
    labels = (torch.arange(T) * 3 // T).expand(pairs, 2, -1).clone()
    labels[0, 0, 0] = -1
    return ClipBatch(
        frames=torch.zeros(pairs, 2, T, 1),
        mask=torch.ones(pairs, 2, T, dtype=torch.bool),
        steps=torch.arange(0, 2 * T, 2).expand(pairs, 2, -1).contiguous(),
        lengths=torch.full((pairs, 2), 2 * T),
        labels=labels,
    )


def good_output(loss: Objective, batch: ClipBatch) -> Tensor:
    """What a good encoder would give out: the same well-separated embedding at the same moment, or the right class."""
    if loss.labels:
        return 4 * F.one_hot(batch.labels.clamp(min=0), 3).float()  # [B, 2, T, C]
    angle = torch.linspace(0, 3, T)
    curve = torch.stack([angle.cos(), angle.sin(), (2 * angle).cos(), (2 * angle).sin()], dim=-1)  # [T, 4]
    curve = F.pad(curve, (0, D - 4))
    curve = F.normalize(curve, dim=-1) if loss.wanted.get("unit", True) else 3 * curve
    return curve.expand(B, 2, -1, -1).contiguous()


def random_output(loss: Objective) -> Tensor:
    size = 3 if loss.labels else D
    output = torch.randn(B, 2, T, size, generator=torch.Generator().manual_seed(0))
    return F.normalize(output, dim=-1) if loss.wanted.get("unit", True) else output


def with_padding(batch: ClipBatch) -> ClipBatch:
    mask = batch.mask.clone()
    mask[0, 1, -3:] = False
    mask[2, 0, -2:] = False
    return replace(batch, mask=mask)


def swapped(batch: ClipBatch) -> ClipBatch:
    return replace(batch, **{name: value.flip(1) for name, value in vars(batch).items() if name != "names"})


@each_loss
def test_it_is_finite_and_has_a_gradient(case: str) -> None:
    loss = CASES[case]
    for pairs in (1, B):
        output = random_output(loss)[:pairs].requires_grad_()
        value = loss(output, clips(pairs))
        value.backward()
        assert (value.dtype, value.dim()) == (torch.float32, 0)
        assert value.isfinite()
        assert output.grad.isfinite().all()
        assert (output.grad.abs().amax(-1) > 0).float().mean() > 0.9  # all but unlabelled frames are taught


@each_loss
def test_masked_frames_change_nothing_and_get_no_gradient(case: str) -> None:
    loss, batch = CASES[case], with_padding(clips())
    output = random_output(loss)
    value = loss(output, batch)
    changed = torch.where(batch.mask[..., None], output, 7.0).requires_grad_()
    steps, labels = batch.steps.masked_fill(~batch.mask, -50), batch.labels.masked_fill(~batch.mask, 2)
    again = loss(changed, replace(batch, steps=steps, labels=labels))
    torch.testing.assert_close(again, value, rtol=1e-5, atol=1e-6)
    again.backward()
    assert changed.grad[~batch.mask].abs().max() == 0
    assert loss(output, replace(batch, mask=torch.ones_like(batch.mask))) != value


@each_loss
def test_the_order_of_the_views_does_not_matter(case: str) -> None:
    loss, batch = CASES[case], with_padding(clips())
    output = random_output(loss)
    torch.testing.assert_close(loss(output.flip(1), swapped(batch)), loss(output, batch), rtol=1e-5, atol=1e-6)


@each_loss
def test_aligned_views_cost_less_than_shuffled_ones(case: str) -> None:
    loss, batch = CASES[case], clips()
    good = good_output(loss, batch)
    bad = good.clone()
    order = torch.tensor([4, 7, 1, 8, 3, 0, 6, 2, 5])
    bad[:, 1] = good[:, 1, order]
    if case.startswith("tcc"):  # cycling back does not notice a shuffled clip; embeddings that say nothing cost more
        bad = torch.zeros_like(good)
    assert loss(good, batch) < 0.9 * loss(bad, batch) or loss(good, batch) < loss(bad, batch) - 0.1


@each_loss
def test_a_batch_of_padding_alone_is_zero_and_can_be_differentiated(case: str) -> None:
    loss, batch = CASES[case], clips()
    output = random_output(loss).requires_grad_()
    value = loss(output, replace(batch, mask=torch.zeros_like(batch.mask)))
    value.backward()
    assert value.item() == 0
    assert output.grad.abs().max() == 0


@each_loss
def test_a_step_downhill_lowers_it(case: str) -> None:
    loss, batch = CASES[case], clips()
    output = random_output(loss).requires_grad_()
    before = loss(output, batch)
    (gradient,) = torch.autograd.grad(before, output)
    rate = 1e-3 / gradient.norm()
    assert loss(output - rate * gradient, batch) < before


@each_loss
def test_not_finite_embeddings_are_not_hidden(case: str) -> None:
    loss = CASES[case]
    output = random_output(loss)
    output[1, 0, 3] = torch.nan
    assert not loss(output, clips()).isfinite()


def test_validation_averages_the_loss_and_the_accuracy_over_labelled_frames() -> None:
    loss, batch = CASES["classification"], clips()
    output = good_output(loss, batch)
    output[1, 0, 0] = output[1, 0, 0].flip(-1)  # one frame of 53 is wrong
    means = loss.measure(output, batch)
    assert means["accuracy"] == (52.0, 53.0)
    total, weight = means["loss"]
    assert total / weight == pytest.approx(loss(output, batch).item())
    scl = CASES["scl"]
    output = random_output(scl)
    assert scl.measure(output, batch) == {"loss": (scl(output, batch).item(), 1.0)}


def test_losses_that_need_labels_say_so() -> None:
    assert {name for name, loss in LOSSES.items() if loss.labels} == {"classification"}
    loss = CASES["classification"]
    with pytest.raises(ValueError, match="has no labels"):
        loss(random_output(loss), replace(clips(), labels=None))


def test_outputs_are_those_of_the_encoder() -> None:
    known = inspect.signature(Encoder.forward).parameters
    assert all(set(loss.wanted) <= set(known) for loss in CASES.values())


@pytest.mark.parametrize(("name", "unit"), [("scl", True), ("tcc", False), ("tcn", True), ("classification", False)])
def test_what_each_loss_looks_at(name: str, unit: bool) -> None:
    def wanted(*overrides: str) -> Mapping[str, bool]:
        return build_loss(load_config(None, [f"loss.name={name}", *overrides])).wanted

    assert wanted().get("unit", True) is unit
    assert wanted().get("project", False) is (name == "scl")
    if name != "scl":
        assert wanted("loss.embeddings=unit")["unit"] is True
        assert wanted("loss.embeddings=raw")["unit"] is False


def test_every_option_of_a_loss_changes_it() -> None:
    """The loss, or what it looks at: an option that is not read would promise what nobody keeps."""
    for name, cls in LOSSES.items():
        for option in fields(cls):  # type: ignore[arg-type]
            needed = option.metadata["only_for"]
            plain = cls(
                **dict([needed] if needed else []), **({"embeddings": "raw"} if option.name == "embeddings" else {})
            )
            default = getattr(cls(), option.name)
            other = OTHER_VALUES[option.name] if option.name in OTHER_VALUES else type(default)(2 * default + 1e-3)
            before, after = (_outcome(loss) for loss in (plain, replace(plain, **{option.name: other})))  # type: ignore[type-var]
            assert before != after, f"loss.{option.name} of {name}"


def _outcome(loss: Objective) -> tuple[object, ...]:
    batch = clips()
    batch = replace(batch, steps=batch.steps + torch.tensor([0, 7])[:, None])  # nearest frames are 1 and more apart
    size = 3 if loss.labels else D
    output = 3 * torch.randn(B, 2, T, size, generator=torch.Generator().manual_seed(3))
    if isinstance(loss, CrissCross):  # it looks at two streams of clips, not of frames; its contract: tests/losses
        return loss(TwoStreamOutput(*output[..., :4, :].unbind(-2)), batch).item(), loss.wanted
    return loss(output, batch).item(), loss.wanted
