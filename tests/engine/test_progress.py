from __future__ import annotations

from itertools import product

import pytest

from videosync.engine.progress import LoopState, Plan


def trained(plan: Plan) -> list[LoopState]:
    """The states of a whole training, one a step, as the loop makes them."""
    state, states = LoopState(), []
    while not plan.finished(state):
        states.append(LoopState(**vars(state)))
        state.samples += min(plan.accumulate, plan.batches_left(state)) * plan.batch_size
        state.step += 1
        if plan.batches_left(state) == 0:
            state.epoch, state.samples = state.epoch + 1, 0
    return states


@pytest.mark.parametrize(
    ("samples", "batch_size", "accumulate", "max_steps"), list(product([8, 11, 16], [1, 3, 8], [1, 2, 5], [0, 1, 7]))
)
def test_an_unchanged_plan_counts_in_its_own_steps(
    samples: int, batch_size: int, accumulate: int, max_steps: int
) -> None:
    plan = Plan(3, max_steps, samples, batch_size, accumulate)
    states = trained(plan)
    total = len(states)
    assert total == min(max_steps or 999, 3 * plan.steps_per_epoch)
    for step, state in enumerate(states):
        assert plan.steps_left(state) == total - step
        assert (plan.position(state), plan.end(state)) == (step, total)  # exactly: resumed runs depend on it
        assert plan.span(state) == min(3, total / plan.steps_per_epoch)


def test_position_depends_on_samples_not_on_the_steps_they_took() -> None:
    state = LoopState(epoch=1, samples=8, step=6)
    plans = [Plan(3, 0, 16, size, 1) for size in (2, 4, 8)]
    assert [plan.position(state) / plan.end(state) for plan in plans] == [0.5, 0.5, 0.5]
    assert [plan.steps_left(state) for plan in plans] == [12, 6, 3]
