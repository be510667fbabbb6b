"""Tasks about phases, what they are compared with, and what is told before anything is embedded."""

from pathlib import Path

import numpy as np
import pytest

from videosync.config.schema import FRAME_TASKS
from videosync.errors import ManifestError
from videosync.phases.checks import check_videos
from videosync.phases.embed import PhaseVideo, VideoEmbeddings
from videosync.phases.report import EmbeddedSplit, phase_table, score_phases
from videosync.phases.tasks import CHANCE, TASKS, PhaseOptions, complete, phase_numbers, position_code, track_of

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "phase_metrics.npz")
OPTIONS = PhaseOptions(
    stride=1, distance="sqeuclidean", ks=(5, 10), fractions=(0.1, 1.0), standardize=False, bootstrap=200
)


def videos(count, *, signal, seed=0, views=2, pace=1.0):
    """Videos of ``count`` events with three phases of uneven length; embeddings show the phase and how far it is."""
    rng = np.random.default_rng(seed)
    shown, embedded = [], []
    for number in range(count):
        lengths = 8 + rng.multinomial(60, rng.dirichlet(np.ones(3) / pace))
        labels = np.repeat(np.arange(3), lengths)
        for view in range(views):
            name = f"e{number}/cam{view}.mp4"
            shown.append(PhaseVideo(name, Path(name), f"e{number}", len(labels), 25.0, labels))
            far = np.concatenate([np.linspace(0, 1, n) for n in lengths])
            content = np.concatenate([np.eye(3)[labels], far[:, None] * np.eye(3)[labels]], axis=1)
            noise = rng.normal(size=(len(labels), 6))
            embedded.append(VideoEmbeddings(len(embedded), (signal * content + 0.05 * noise).astype(np.float32), None))
    return EmbeddedSplit(shown, embedded)


@pytest.fixture(scope="module")
def seeing():
    return score_phases(list(TASKS), videos(10, signal=1.0), videos(6, signal=1.0, seed=1), OPTIONS)


@pytest.fixture(scope="module")
def blind():
    return score_phases(list(TASKS), videos(10, signal=0.0), videos(6, signal=0.0, seed=1), OPTIONS)


def test_every_task_has_a_chance_and_a_name_in_the_configuration():
    assert TASKS.keys() == CHANCE.keys()
    assert {"sync_offset", *TASKS} == set(FRAME_TASKS)


def test_an_encoder_that_sees_phases_beats_the_clock(seeing):
    for metric, score in seeing.encoder.items():
        if metric != "kendalls_tau":
            assert score.value > seeing.position_only[metric].value + 0.05, metric
        assert score.value > 0.7, metric
        assert (score.n, score.n_events) == (12, 6)
        assert score.interval[0] <= score.value <= score.interval[1], metric
    assert seeing.position_only["kendalls_tau"].value > 0.95  # the clock cannot be beaten there


def test_an_encoder_that_sees_nothing_is_at_chance(blind):
    assert abs(blind.encoder["kendalls_tau"].value) < 0.05
    assert abs(blind.chance["kendalls_tau"].value) < 0.05
    for metric in blind.encoder:
        assert blind.encoder[metric].value < blind.chance[metric].value + 0.05, metric
        assert blind.position_only[metric].value > blind.encoder[metric].value + 0.1, metric


def test_chance_is_the_commonest_phase_and_the_mean(seeing):
    val = videos(6, signal=1.0, seed=1)
    train = videos(10, signal=1.0)
    commonest = np.bincount(np.concatenate([v.labels for v in val.videos])).argmax()
    share = np.mean([(v.labels == commonest).mean() for v in val.videos])
    assert seeing.chance["retrieval_ap_5"].value == pytest.approx(share)
    learned = np.bincount(np.concatenate([v.labels for v in train.videos])).argmax()
    right = np.concatenate([v.labels for v in val.videos]) == learned
    assert seeing.chance["classification_accuracy_100"].value == pytest.approx(right.mean())
    assert -0.3 < seeing.chance["event_completion_r2"].value <= 0


def test_the_reference_values_come_out_of_the_tasks_too():
    count = int(GOLDEN["num_videos"])
    tracks = [track_of(f"e{i}", GOLDEN[f"embeddings{i}"], GOLDEN[f"labels{i}"]) for i in range(count)]
    options = PhaseOptions(
        int(GOLDEN["stride"]), str(GOLDEN["distance"]), GOLDEN["retrieval_ks"].tolist(), (1.0,), False, 10
    )
    found = {**TASKS["kendalls_tau"]([], tracks, options), **TASKS["retrieval"]([], tracks, options)}
    n = int(GOLDEN["event_completion_train_videos"])
    found |= TASKS["event_completion"](tracks[:n], tracks[n:], options)
    expected = [GOLDEN["kendalls_tau"], *GOLDEN["retrieval_ap"], GOLDEN["event_completion_r2"]]
    np.testing.assert_allclose([score.value for score in found.values()], expected, atol=1e-6)


def test_frames_below_0_do_not_count():
    labels = np.array([-1, 0, 0, 1, -1])
    track = track_of("e", np.arange(10.0).reshape(5, 2), labels)
    np.testing.assert_array_equal(track.embeddings[:, 0], [2, 4, 6])
    np.testing.assert_array_equal(track.labels, [0, 0, 1])
    assert len(track_of("e", np.zeros((5, 2)), None).embeddings) == 5


def test_phases_may_have_any_numbers():
    """0, 1, 2 or 3, 7, 20: the same completion."""
    train, val = videos(6, signal=1.0), videos(3, signal=1.0, seed=1)
    scores = []
    for names in ([0, 1, 2], [3, 7, 20]):
        renamed = [
            [track_of(t.event, t.embeddings, np.array(names)[t.labels]) for t in split.tracks()]
            for split in (train, val)
        ]
        scores.append(TASKS["event_completion"](*renamed, OPTIONS)["event_completion_r2"])
    assert scores[0] == scores[1]


def test_videos_that_lack_a_phase_are_not_in_event_completion():
    whole = track_of("a", np.zeros((4, 2)), np.array([0, 1, 2, 2]))
    without_the_last = track_of("b", np.zeros((2, 2)), np.array([0, 1]))
    without_the_first = track_of("c", np.zeros((2, 2)), np.array([1, 2]))
    phases = phase_numbers([whole, without_the_last, without_the_first])
    assert complete([whole, without_the_last, without_the_first], phases) == [whole, without_the_last]


def test_the_code_of_positions_is_the_time():
    code = position_code(50)
    assert code.shape[0] == 50
    np.testing.assert_allclose(code[:, 0], np.linspace(0, 1, 50))
    assert position_code(1).shape == (1, code.shape[1])


def test_the_table_says_it_all(seeing):
    text = phase_table(seeing, ["A note."])
    lines = text.splitlines()
    assert "without positions" not in lines[0]
    assert [line.split("  ")[0] for line in lines[2:8]] == [
        "Kendall's tau",
        "AP@5",
        "AP@10",
        "event completion R²",
        "accuracy, 10 % of labels",
        "accuracy, 100 % of labels",
    ]
    assert lines[8:] == ["12 videos of 6 events", "A note."]
    assert seeing.to_json()["without_positions"] is None


def labelled_video(labels, event="e0", name="a.mp4"):
    labels = None if labels is None else np.array(labels)
    return PhaseVideo(name, Path(name), event, 4, 25.0, labels)


FULL = labelled_video([0, 1, 2, 2])
BARE = labelled_video(None)


@pytest.mark.parametrize(
    ("tasks", "train", "val", "message"),
    [
        (["kendalls_tau"], [], [BARE], "has 1 video; kendalls_tau compares two or more"),
        (["kendalls_tau"], [], [FULL, labelled_video([-1] * 4)], "has 1 video; kendalls_tau"),
        (["retrieval"], [], [BARE, BARE], "no view of split 'val' has frame_labels .*'kendalls_tau' can do without"),
        (["retrieval"], [], [FULL, BARE], "one video of split 'val' has frame_labels"),
        (["classification"], [BARE], [FULL], "no view of split 'train' has frame_labels"),
        (["classification"], [labelled_video([-1] * 4)], [FULL], "no view of split 'train' has frame_labels"),
        (
            ["event_completion"],
            [labelled_video([0, 0, 2, 2])],
            [FULL],
            "no video of split 'train' has a frame of each of the phases 0, 1",
        ),
        (["event_completion"], [labelled_video([3] * 4)], [labelled_video([3] * 4)], r"one phase \(3\)"),
    ],
)
def test_what_cannot_be_done_is_told_before_the_work(tasks, train, val, message):
    with pytest.raises(ManifestError, match=message):
        check_videos(tasks, train, val, dataset="data/x", split="val")


def test_what_is_left_out_is_said():
    tasks = ["kendalls_tau", "retrieval", "event_completion"]
    notes = check_videos(tasks, [FULL], [FULL, FULL, BARE, labelled_video([1] * 4)], dataset="x", split="val")
    assert notes == [
        "1 of 4 videos of split 'val' have no labels: not in 'retrieval', 'event_completion'.",
        "1 of 3 videos of split 'val' lack a phase: not in event completion.",
    ]
    assert check_videos(["kendalls_tau"], [], [BARE, BARE], dataset="x", split="val") == []
