"""Better than chance or not: a test that must neither cry wolf nor sleep."""

import numpy as np
import pytest

from videosync.evaluation.chance import answer_gains, chance_test


def test_gains_are_chance_minus_error_and_never_favour_a_blind_answer():
    rng = np.random.default_rng(0)
    offsets = rng.integers(-30, 31, 1000)
    answers = rng.uniform(-40, 40, 1000)
    gains = answer_gains(answers, offsets)
    error, mirrored = np.abs(answers - offsets), np.abs(answers + offsets)
    np.testing.assert_allclose(gains, (error + mirrored) / 2 - error)
    assert ((error + mirrored) / 2 >= np.abs(offsets) - 1e-9).all()  # chance is never below always 0
    np.testing.assert_allclose(answer_gains(offsets, offsets), np.abs(offsets))
    np.testing.assert_array_equal(answer_gains(-answers, offsets), -gains)


def test_p_values_of_blind_answers_are_uniform_also_for_few_events_of_many_pairs():
    """Pairs of an event share one sign: counted as if they were independent, luck would look like a leak."""
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(300):
        signs = np.repeat(rng.choice([-1, 1], 8), 20)
        offsets = signs * rng.integers(1, 31, 160)
        answers = np.repeat(rng.choice([-1, 1], 8), 20) * rng.integers(1, 31, 160)
        events = np.repeat(np.arange(8), 20).astype(str)
        test = chance_test(
            answer_gains(answers, offsets), events.tolist(), largest=np.abs(offsets), level=0.05
        )
        p_values.append(test.p_value)
    assert 0.02 < np.mean(np.array(p_values) <= 0.05) < 0.085
    assert 0.42 < np.mean(p_values) < 0.60


@pytest.mark.parametrize("events", [5, 12, 40])
def test_exact_and_drawn_flips(events):
    names = [f"e{n}" for n in range(events)]
    ones = np.ones(events)
    test = chance_test(ones, names, largest=ones, level=0.001)
    assert test.gain == 1
    if events <= 14:
        assert test.p_value == 2.0**-events
    assert test.better == (events >= 10)
    assert (test.smallest is None) == (events < 10)
    if test.smallest is not None:
        assert 0 < test.smallest <= 1
    assert not chance_test(0 * ones, names, largest=ones, level=0.001).better
