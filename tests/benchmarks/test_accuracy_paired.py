"""Two methods on the same windows: paired differences, controls left out, the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy_paired import compare, main
from videosync.errors import ConfigError


def window(group: str, pair: str, true: int, a: float, b: float) -> dict[str, Any]:
    return {"pair": pair, "set": group, "length": "60", "true": true, "said": {"a": [a, 0.5], "b": [b, None]}}


ANSWERS = [
    window("x", "x/0-1/0", 4, 9.0, 4.2),  # put right
    window("x", "x/0-1/1", 4, 4.0, 4.0),
    window("x", "x/0-2/0", -3, -3.0, 6.0),  # put wrong
    window("y", "y/0-1/0", 0, 5.0, 1.4),  # right once rounded
    window("unrelated events", "unrelated events:x/0-1/0", 0, 30.0, 30.0),
]
MORE = [
    row | {"pair": row["pair"].replace("0-", f"{n}-", 1)} for row in ANSWERS for n in (0, 5)
]  # each pair twice


def test_sets_and_pairs_weigh_the_same_and_controls_do_not_count() -> None:
    (row,) = compare(ANSWERS, "a", "b", resamples=300)
    assert (row["fewer_frames_95"], row["more_within_1_95"]) == (
        None,
        None,
    )  # three pairs of views tell too little
    assert row["windows"] == 4
    assert row["mean_error"] == pytest.approx([((2.5 + 0) / 2 + 5) / 2, ((0.1 + 9) / 2 + 1.4) / 2])
    assert row["within_1"] == pytest.approx([((0.5 + 1) / 2 + 0) / 2, ((1 + 0) / 2 + 1) / 2])
    assert (row["put_right"], row["put_wrong"]) == (2, 1)
    assert row["fewer_frames"] == pytest.approx(row["mean_error"][0] - row["mean_error"][1])
    (more,) = compare(MORE, "a", "b", resamples=300)
    assert more["mean_error"] == pytest.approx(row["mean_error"])
    low, high = more["fewer_frames_95"]
    assert low < more["fewer_frames"] < high


def test_swapped_methods_turn_the_difference_round() -> None:
    (one,), (other,) = (compare(MORE, *names, resamples=300) for names in (("a", "b"), ("b", "a")))
    assert one["fewer_frames"] == -other["fewer_frames"]
    assert one["fewer_frames_95"] == pytest.approx([-value for value in other["fewer_frames_95"][::-1]])


def test_a_method_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="method 'c' is not in the file; it holds a, b"):
        compare(ANSWERS, "a", "c")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    path = tmp_path / "accuracy.json"
    path.write_text(json.dumps({"answers": ANSWERS}))
    monkeypatch.setattr("sys.argv", ["accuracy_paired", str(path), "a", "b"])
    assert main() == 0
    assert "| 60 | 4 |" in capsys.readouterr().out
    path.write_text("[]")
    assert main() == 2
    assert "not a file that benchmarks.accuracy wrote" in capsys.readouterr().err
