from pathlib import Path

import numpy as np
import pytest

from videosync.phases.metrics import classified_frames, completion_predictions, kendalls_tau, retrieval_precision
from videosync.phases.scores import EventDraws, r_squared_score

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "phase_metrics.npz")


@pytest.fixture(scope="module")
def golden():
    count = int(GOLDEN["num_videos"])
    return [GOLDEN[f"embeddings{i}"] for i in range(count)], [GOLDEN[f"labels{i}"] for i in range(count)]


def completion(*args, **options):
    """R² of the regressions."""
    videos = np.repeat(range(len(args[2])), [len(video) for video in args[2]])
    draws = EventDraws.of([str(n) for n in range(len(args[2]))], bootstrap=0, seed=0)
    return r_squared_score(*completion_predictions(*args, **options), draws, videos).value


def line(count, offset=0.0):
    return np.linspace(0, 1, count)[:, None] * np.ones(4) + offset


def test_order_kept_reversed_and_lost():
    assert np.nanmean(kendalls_tau([line(20), line(30)])) == pytest.approx(1, abs=0.03)  # ties cost a little
    assert kendalls_tau([line(20), line(20)])[0, 1] == 1.0
    assert kendalls_tau([line(20), line(20)[::-1]])[0, 1] == -1.0
    rng = np.random.default_rng(0)
    assert abs(np.nanmean(kendalls_tau([rng.normal(size=(300, 8)) for _ in range(4)]))) < 0.05
    constant = np.zeros((9, 4))
    assert np.isnan(kendalls_tau([constant, constant])).all()  # every neighbour is the same frame
    matrix = kendalls_tau([line(20), line(20), np.zeros((20, 4)) + 100])
    assert np.nanmean(matrix) == 1.0
    assert np.isnan(matrix[0, 2])


def test_retrieval_counts_the_phases_of_the_nearest():
    videos = [line(10), line(10)]
    labels = [np.repeat([0, 1], 5)] * 2
    assert retrieval_precision(videos, labels, ks=(1,)).mean() == 1.0
    assert retrieval_precision(videos, labels, ks=(10,)).mean() == 0.5
    assert retrieval_precision(videos, [labels[0], 1 - labels[0]], ks=(1,)).mean() == 0.0


def test_a_line_predicts_completion_and_phase_and_noise_does_not():
    rng = np.random.default_rng(1)
    labels = [np.repeat([0, 1, 2], 30) for _ in range(6)]
    lines = [line(90) + rng.normal(size=(90, 4)) * 1e-3 for _ in labels]
    noise = [rng.normal(size=(90, 4)) for _ in labels]
    assert completion(lines[:4], labels[:4], lines[4:], labels[4:], num_phases=3) > 0.99
    assert completion(noise[:4], labels[:4], noise[4:], labels[4:], num_phases=3) < 0.05
    assert classified_frames(lines[:4], labels[:4], lines[4:], labels[4:]).mean() > 0.9
    assert classified_frames(noise[:4], labels[:4], noise[4:], labels[4:]).mean() < 0.5
    one = classified_frames(lines[:4], labels[:4], lines[4:], labels[4:], fraction=0.1)
    assert one.mean() > 0.9  # of four videos a tenth is none, and one is used
    single = [np.zeros(90, np.int64)] * 4
    assert classified_frames(lines[:4], single, lines[4:], labels[4:]).mean() == pytest.approx(1 / 3)


def test_wrong_input_says_what():
    with pytest.raises(ValueError, match="2 videos or more"):
        kendalls_tau([line(5)])
    with pytest.raises(ValueError, match="5 embeddings and 4 labels"):
        retrieval_precision([line(5), line(5)], [np.zeros(4), np.zeros(5)])
    with pytest.raises(ValueError, match="no frame of phase 1"):
        completion([line(4)], [np.array([0, 0, 2, 2])], [line(4)], [np.array([0, 1, 2, 2])], num_phases=3)
    with pytest.raises(ValueError, match="fraction"):
        classified_frames([line(4)], [np.zeros(4)], [line(4)], [np.zeros(4)], fraction=0)


def test_classification_depends_on_the_scale_of_embeddings_unless_standardised():
    rng = np.random.default_rng(2)
    labels = [np.repeat([0, 1, 2], 20) for _ in range(4)]
    videos = [np.eye(3)[phase] + rng.normal(size=(60, 3)) for phase in labels]
    found = {
        (standardize, scale): classified_frames(
            [scale * video for video in videos[:2]],
            labels[:2],
            [scale * video for video in videos[2:]],
            labels[2:],
            standardize=standardize,
        ).mean()
        for standardize in (False, True)
        for scale in (1, 2**-13)  # a power of 2: standardised, the very same numbers
    }
    assert found[True, 1] == found[True, 2**-13] > 0.5
    assert found[False, 1] > 0.5
    assert found[False, 1] != found[False, 2**-13]


def test_retrieval_is_the_same_in_small_portions(monkeypatch, golden):
    videos, labels = golden
    whole = retrieval_precision(videos, labels)
    monkeypatch.setattr("videosync.phases.metrics.DISTANCES", 300)
    np.testing.assert_array_equal(retrieval_precision(videos, labels), whole)
    assert retrieval_precision(videos, labels, ks=(10**6,)).mean() < 0.5  # more than there are: all of them
