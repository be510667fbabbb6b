"""What a message says of a name that is not known, and how it shows one that a terminal would obey."""

from __future__ import annotations

import pytest

from videosync.errors import ConfigError, did_you_mean, nearest, printable, require_known


@pytest.mark.parametrize(
    ("word", "known", "match"),
    [
        ("trian", ["val", "train"], "train"),
        ("Kendalls_Tau", ["kendalls_tau"], "kendalls_tau"),
        ("train.epochz", ["TRAIN.EPOCHS", "x"], "TRAIN.EPOCHS"),
        ("zzz", ["adam"], None),
        ("a", [], None),
    ],
)
def test_the_nearest_name_is_told_whatever_its_case(word: str, known: list[str], match: str | None) -> None:
    assert nearest(word, known) == match
    assert did_you_mean(word, known) == ("" if match is None else f" Did you mean '{match}'?")
    assert did_you_mean(word, known, "See --help.") == (did_you_mean(word, known) or " See --help.")


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    require_known("optim.name", "adam", ["adam", "adamw"])
    with pytest.raises(
        ConfigError, match=r"^optim.name 'adma' is unknown: expected one of adam, sgd\. Did you mean 'adam'\?$"
    ):
        require_known("optim.name", "adma", ["adam", "sgd"])
    with pytest.raises(ConfigError, match=r"^audio 'None' is unknown: expected one of auto, off\.$"):
        require_known("audio", None, ["auto", "off"])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[31m\x07.mp4", "a\\x1b[31m\\x07.mp4"),
        ("a\nerror: b", "a\\nerror: b"),
        ("a\r\t\x9b", "a\\r\\t\\x9b"),
        ("a\u202egpj\udcff", "a\\u202egpj\\udcff"),
        ("é 日本\n  an indented line of a list", "é 日本\n  an indented line of a list"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(name: str, shown: str) -> None:
    assert printable(name) == shown
