"""Answers are asked once and kept; results go from files into pages."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from benchmarks import docs, pipeline
from benchmarks.docs import BLOCKS, pages, rendered
from benchmarks.pipeline import Answer, asked, benchmark, keep_result, load_result, read_answers, run
from videosync.errors import ConfigError

ANSWERS = [Answer("60", "a", "u", "c", "m", 25.0, 5.0, 4.5, 0.3, True, more={"search": 9}),
           Answer("60", "a", "u", "d", "m", 25.0, None, None)]  # fmt: skip


def arguments(tmp_path: Path, *typed: str) -> argparse.Namespace:
    args = benchmark("", "benchmarks.x").parse_args(["--output", str(tmp_path), *typed])
    args.command = "python -m benchmarks.x"
    return args


def test_what_was_asked_once_is_read_again(tmp_path: Path) -> None:
    assert asked(arguments(tmp_path), lambda: ANSWERS) == ANSWERS
    path = tmp_path / "answers.jsonl"
    head = json.loads(path.read_text().splitlines()[0])
    assert head["command"] == "python -m benchmarks.x"
    assert head["machine"]

    def never() -> list[Answer]:
        raise AssertionError("it was asked again")

    assert asked(arguments(tmp_path, "--answers", str(path)), never) == ANSWERS
    path.write_text('{}\n{"row": 1}\n')
    with pytest.raises(ConfigError, match="answers.jsonl: not answers.jsonl of a benchmark"):
        read_answers(path)
    nothing = arguments(tmp_path)
    nothing.data = []
    with pytest.raises(ConfigError, match="--data: no dataset was given"):
        asked(nothing, never)
    with pytest.raises(ConfigError, match="nothing to answer"):
        asked(arguments(tmp_path), list)


def test_a_mistake_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(args: argparse.Namespace) -> None:
        raise ConfigError(f"{args.command}: no")

    assert run(fails, lambda: benchmark("", "benchmarks.x"), ["--seed", "3"]) == 2
    assert capsys.readouterr().err == "error: python -m benchmarks.x --seed 3: no\n"


def test_a_result_is_kept_with_what_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "RESULTS", tmp_path)
    rows = [{"name": "a", "within_1": 1 / 3, "within_1_95": (0.0, 1.0)}, {"name": "b", "within_1": None}]
    keep_result(arguments(tmp_path, "--result", "mine"), rows, cue="motion")
    assert len((tmp_path / "mine.json").read_text().splitlines()) == 13  # a line for each row
    found = load_result("mine")
    assert found["rows"][0] == {"name": "a", "within_1": 0.33333, "within_1_95": [0.0, 1.0]}
    assert (found["cue"], found["command"]) == ("motion", "python -m benchmarks.x")
    with pytest.raises(ConfigError, match=r"benchmarks/results/other.json"):
        load_result("other")


@pytest.mark.parametrize("path", sorted(pipeline.RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_result_says_where_it_comes_from(path: Path) -> None:
    found = load_result(path.stem)
    assert {"command", "date", "machine"} <= set(found)
    assert found["rows"]


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_is_a_table(name: str) -> None:
    assert BLOCKS[name]().splitlines()[-1].startswith("| ")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_pages_hold_the_numbers_of_the_results(page: Path) -> None:
    assert rendered(page) == page.read_text(encoding="utf-8"), f"{page.name}: run 'python -m benchmarks.docs'"


def test_blocks_are_written_between_their_markers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setitem(BLOCKS, "demo", lambda: "| a   | b |\n|-----|---|\n| 1   | 2 |")
    page.write_text("before\n<!-- demo:start -->\nold\n<!-- demo:end -->\nafter\n")
    new = "before\n<!-- demo:start -->\n| a | b |\n|---|---|\n| 1 | 2 |\n<!-- demo:end -->\nafter\n"
    assert rendered(page) == new
    page.write_text("<!-- demo:start -->\n")
    with pytest.raises(ConfigError, match="lacks its other end"):
        rendered(page)
    page.write_text("<!-- demmo:start -->\n<!-- demmo:end -->\n")
    with pytest.raises(ConfigError, match="Did you mean 'demo'"):
        rendered(page)


def test_the_demo_is_kept_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"mae_frames": 1.0, "moe_frames": 0.5, "mae_interval": [0.5, 1.5], "median_frames": 1.0, "within_1": 0.9,
           "within_1_interval": [0.8, 1.0], "n": 8, "n_events": 4}  # fmt: skip
    for name, prefix in (("cross_demo", "demo"), ("cross_noise", "noise")):
        (tmp_path / name).mkdir()
        report = {"floor": one, "methods": {"diagonal": one, f"{prefix}/mlp": one | {"mae_frames": 2.0}}}
        (tmp_path / name / "metrics.json").write_text(json.dumps(report))
    monkeypatch.setattr(pipeline, "RESULTS", tmp_path)
    docs.keep_demo(tmp_path)
    rows = load_result("demo")["rows"]
    assert [row["name"] for row in rows] == ["always 0", "diagonal", "mlp"]
    assert (rows[2]["mean_error"], rows[2]["noise_mean_error"]) == (2.0, 2.0)
    with pytest.raises(ConfigError, match="not the folder of a finished"):
        docs.keep_demo(tmp_path / "none")
