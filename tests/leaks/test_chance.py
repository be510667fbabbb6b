"""Better than chance or not: a test that must neither cry wolf nor sleep."""

import numpy as np
import pytest

from videosync.leaks import chance
from videosync.leaks.chance import answer_gains, chance_test, label_groups


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


def test_p_values_of_blind_answers_are_uniform_also_for_few_groups_of_many_pairs(monkeypatch):
    """Pairs of a group share one sign: counted as if they were independent, luck would look like a leak."""
    monkeypatch.setattr(chance, "FLIPS", 2000)  # of 160 groups; enough to tell 0.05
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(8), 20)
    found = []
    for _ in range(300):
        offsets = rng.choice([-1, 1], 8)[groups] * rng.integers(1, 31, 160)
        answers = rng.choice([-1, 1], 8)[groups] * rng.integers(1, 31, 160)
        gains, largest = answer_gains(answers, offsets), np.abs(offsets)
        tests = (chance_test(gains, g, largest=largest, level=0.05) for g in (groups, np.arange(160)))
        found.append([test.p_value for test in tests])
    p_values, careless = np.array(found).T
    assert 0.02 < np.mean(p_values <= 0.05) < 0.085
    assert 0.42 < np.mean(p_values) < 0.60
    assert np.mean(careless <= 0.05) > 0.2


@pytest.mark.parametrize("count", [5, 12, 40])
def test_exact_and_drawn_flips(count):
    ones, groups = np.ones(count), np.arange(count)
    test = chance_test(ones, groups, largest=ones, level=0.001)
    assert test.gain == 1
    if count <= 14:
        assert test.p_value == 2.0**-count
    assert test.better == (count >= 10)
    assert (test.smallest is None) == (count < 10)
    if test.smallest is not None:
        assert 0 < test.smallest <= 1
    assert not chance_test(0 * ones, groups, largest=ones, level=0.001).better


def test_offsets_of_0_tell_nothing():
    gains, largest = np.array([3.0, 0, 0, 0]), np.array([3.0, 0, 0, 0])
    test = chance_test(gains, np.arange(4), largest=largest, level=0.01)
    assert (test.n, test.n_groups, test.p_value) == (4, 1, 0.5)
    nothing = chance_test(np.zeros(4), np.arange(4), largest=np.zeros(4), level=0.01)
    assert (nothing.n_groups, nothing.p_value, nothing.smallest) == (0, 1.0, None)


def test_pairs_whose_offsets_hang_together_are_one_group():
    events = ["a"] * 6 + ["b"] * 3
    offsets = np.array([5, -5, 7, 0, 0, 2, 5, 5, -3])
    assert groups_of(label_groups(events, offsets)) == [[0, 1], [2], [3], [4], [5], [6, 7], [8]]
    clips = [("c0", "c1"), ("d0", "d1"), ("c1", "c2"), ("e0", "e1"), ("f0", "f1"), ("c0", "c2")]
    clips += [("c0", "x"), ("y", "z"), ("v", "w")]  # of another event: names are those of other files
    assert groups_of(label_groups(events, offsets, clips)) == [[0, 1, 2, 5], [3], [4], [6, 7], [8]]


def groups_of(numbers):
    return sorted([np.flatnonzero(numbers == group).tolist() for group in set(numbers.tolist())])
