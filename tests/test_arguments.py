"""Command lines: both spellings of a flag, and one sentence for a wrong one."""

from __future__ import annotations

import pytest

from videosync.arguments import SentenceParser, at_least


def parser(*, intermixed: bool = False) -> SentenceParser:
    made = SentenceParser(prog="tool", description="What it does.")
    made.intermixed = intermixed
    made.add_argument("--max_offset", type=at_least(0))
    made.add_argument("--dry-run", action="store_true")
    made.add_argument("--opts", nargs="*", default=[])
    made.add_argument("files", nargs="*")
    return made


@pytest.mark.parametrize("intermixed", [False, True])
@pytest.mark.parametrize("words", [["--max_offset", "3", "--dry_run"], ["--max-offset=3", "--dry-run"]], ids=["_", "-"])
def test_a_flag_has_both_spellings(words: list[str], intermixed: bool) -> None:
    args = parser(intermixed=intermixed).parse_args(words)
    assert (args.max_offset, args.dry_run) == (3, True)


def test_only_flags_are_respelled() -> None:
    args = parser().parse_args(["--opts", "a_b=c-d", "max-offset", "--", "--dry_run", "--max-offset"])
    assert args.opts == ["a_b=c-d", "max-offset"]
    assert args.files == ["--dry_run", "--max-offset"]


def test_help_shows_one_spelling() -> None:
    text = parser().format_help()
    assert "--max_offset" in text
    assert "--dry-run" in text
    assert "--max-offset" not in text
    assert "--dry_run" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-ofset", "3"], "unknown argument '--max-ofset'. Did you mean '--max_offset'?"),
        (["--zzz"], "unknown argument '--zzz'. See 'tool --help'."),
        (["--dry"], "unknown argument '--dry'."),
        (["--max-offset", "-1"], "argument --max_offset: -1: must be 0 or more"),
        (["--max-offset", "x"], "argument --max_offset: invalid int value: 'x'"),
    ],
)
def test_a_wrong_flag_is_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args(words)
    error = capsys.readouterr().err
    assert error.startswith(f"error: {said}")
    assert error.count("\n") == 1
