from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.reference.crisscross import SlowLarcAdam
from videosync.engine.larc import Larc
from videosync.engine.optim import build_optimizer, learning_rate, set_learning_rate
from videosync.errors import ConfigError


def rates(schedule: str, warmup: int, total: int = 100) -> list[float]:
    return [learning_rate(step, total, base=2.0, schedule=schedule, warmup_steps=warmup) for step in range(total)]


def test_cosine_rises_over_the_warmup_and_falls_to_zero() -> None:
    series = rates("cosine", warmup=10)
    assert series[:10] == pytest.approx([2.0 * (i + 1) / 11 for i in range(10)])
    assert series[10] == 2.0
    assert series[55] == pytest.approx(1.0)
    assert series[99] == pytest.approx(0.0, abs=2e-3)
    assert series[10:] == sorted(series[10:], reverse=True)


def test_constant_stays_after_the_warmup() -> None:
    assert set(rates("constant", warmup=3)[3:]) == {2.0}


def test_a_final_rate_above_zero_is_where_the_cosine_ends() -> None:
    series = [learning_rate(s, 100, base=2.0, schedule="cosine", warmup_steps=0, final=1.0) for s in range(101)]
    assert (series[0], series[50], series[100]) == pytest.approx((2.0, 1.5, 1.0))


def test_no_warmup_and_warmup_as_long_as_training() -> None:
    assert rates("cosine", warmup=0)[0] == 2.0
    assert max(rates("cosine", warmup=100)) < 2.0


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_only_trained_parameters_are_optimized(name: str) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    optimizer = build_optimizer([{"params": model.parameters()}], name=name, lr=0.1, weight_decay=0.01)
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == [id(p) for p in model[1].parameters()]
    assert optimizer.param_groups[0]["weight_decay"] == 0.01
    set_learning_rate(optimizer, 0.5)
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_a_group_keeps_its_constant_rate() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    groups: list[dict[str, Any]] = [
        {"params": model[0].parameters()},
        {"params": model[1].parameters(), "lr": 2e-3, "constant": True},
    ]
    optimizer = build_optimizer(groups, name="adam", lr=0.1, weight_decay=0.0, larc=True)
    set_learning_rate(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 2e-3]
    again = build_optimizer([{"params": model[n].parameters()} for n in (0, 1)], name="adam", lr=1, weight_decay=0)
    again.load_state_dict(optimizer.state_dict())
    set_learning_rate(again, 0.25)
    assert [group["lr"] for group in again.param_groups] == [0.25, 2e-3]


def test_larc_is_for_adam_alone() -> None:
    with pytest.raises(ConfigError, match="LARC .* the optimizer is adamw"):
        build_optimizer([{"params": nn.Linear(2, 2).parameters()}], name="adamw", lr=1, weight_decay=0, larc=True)


SIZES = {  # of the weight and of its gradient, and weight decay
    "plain": (1.0, 1.0, 1e-2),
    "clipped": (1.0, 1e-3, 1e-2),
    "no weight": (0.0, 1.0, 1e-2),
    "no slope": (1.0, 0.0, 1e-2),
    "no decay": (1.0, 1.0, 0.0),
}


def larc_steps(optimizer: torch.optim.Optimizer, weight: nn.Parameter, gradients: np.ndarray) -> None:
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        optimizer.step()


@pytest.mark.parametrize("case", SIZES)
def test_larc_steps_by_its_formula(case: str) -> None:
    size, slope, decay = SIZES[case]
    random = np.random.default_rng(0)
    first, gradients = size * random.standard_normal((4, 3)), slope * random.standard_normal((5, 4, 3))
    slow = SlowLarcAdam(first, lr=0.05, decay=decay)
    for gradient in gradients:
        slow.step(gradient)
    weight = nn.Parameter(torch.tensor(first))
    optimizer = Larc([weight], lr=0.05, weight_decay=decay)
    larc_steps(optimizer, weight, gradients)
    np.testing.assert_allclose(weight.detach().numpy(), slow.weight, rtol=1e-9, atol=1e-12)
    assert optimizer.param_groups[0]["weight_decay"] == decay


def test_larc_goes_on_from_its_state_as_if_it_had_never_stopped() -> None:
    random = np.random.default_rng(1)
    first, gradients = random.standard_normal((4, 3)), random.standard_normal((6, 4, 3))
    weight = nn.Parameter(torch.tensor(first))
    optimizer = Larc([weight], lr=0.05, weight_decay=1e-2)
    larc_steps(optimizer, weight, gradients[:3])
    stopped, state = weight.detach().clone(), copy.deepcopy(optimizer.state_dict())
    larc_steps(optimizer, weight, gradients[3:])
    again = nn.Parameter(stopped)
    resumed = Larc([again], lr=1.0)
    resumed.load_state_dict(state)
    larc_steps(resumed, again, gradients[3:])
    assert torch.equal(again, weight)
    assert state.keys() == torch.optim.Adam([weight]).state_dict().keys()
    assert state["state"][0].keys() == {"step", "exp_avg", "exp_avg_sq"}


def test_larc_sees_unscaled_gradients_and_no_step_that_overflowed() -> None:
    def trained(scale: float, *, unscale: bool = True) -> torch.Tensor:
        torch.manual_seed(0)
        model, data = nn.Linear(3, 2), torch.randn(4, 3)
        optimizer = Larc(model.parameters(), lr=0.05, weight_decay=1e-2)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale, enabled=scale != 1)
        for factor in (1.0, float("inf"), 1.0) if scale != 1 else (1.0, 1.0):
            optimizer.zero_grad()
            scaler.scale((model(data) ** 2).mean()).backward()
            model.weight.grad.mul_(factor)
            if unscale:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
        return model.weight.detach()

    torch.testing.assert_close(trained(2.0**10), trained(1.0), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(trained(2.0**10, unscale=False), trained(1.0), rtol=1e-5, atol=1e-7)
