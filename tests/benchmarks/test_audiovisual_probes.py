"""What the probes ask of synthetic events with sound, and that neither still pictures nor mean spectra answer."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.audiovisual_probes import collect, command, probe, questions, statistics
from dataset_preparation.synthetic.sound_event import SoundSettings


def test_statistics_are_those_that_they_are_named_after() -> None:
    frames = np.zeros((3, 32, 32, 3), np.uint8)
    frames[1, :2, :2] = 90  # one cell lights up in one frame of three
    mel = np.repeat(np.arange(80.0)[:, None], 7, axis=1)
    mel[:5, 3] += 6.0
    found = statistics(frames, mel)
    assert np.argmax(found["mean of the pixels"]) < 3
    assert found["mean of the pixels"][:3] == pytest.approx(30)
    assert found["map of motion energy"].tolist() == [90.0] + [0.0] * 255
    assert found["mean log-mel"][10:].tolist() == list(range(10, 80))
    assert found["five statistics of bands"].reshape(5, 16)[3].tolist() == [6.0] + [0.0] * 15


@pytest.mark.slow
def test_the_command_prints_a_row_for_each_statistic(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["--events", "50", "--frames", "12"]) == 0
    out = capsys.readouterr().out
    assert "50 events" in out
    assert all(
        name in out for name in ("mean of the pixels", "map of motion energy", "mean log-mel", "five statistics")
    )


@pytest.mark.slow
def test_means_tell_little_and_motion_and_rhythm_tell_more() -> None:
    found, labels = collect(SoundSettings(), 450)
    right = {name: {q: probe(x, y).mean() for q, y in questions(labels).items()} for name, x in found.items()}
    # 30 % is promised of ten classes
    assert right["mean of the pixels"]["class of 10"] < 0.3
    assert right["mean log-mel"]["class of 10"] < 0.3
    assert right["map of motion energy"]["motion of 5"] > 0.3  # chance is 20 %
    assert right["five statistics of bands"]["material of 2"] > 0.75
    assert right["map of motion energy"]["material of 2"] < 0.65  # not to be seen
