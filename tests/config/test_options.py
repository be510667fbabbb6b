"""The schema as a flat list, and its documentation."""

from __future__ import annotations

import pytest

from videosync.config.options import nearest_key, options


def test_options_are_keyed_by_group_and_name() -> None:
    assert options()["optim.lr"].default == 1e-4
    assert options()["optim.lr"].expected == "a number"
    assert options()["optim.name"].choices == ("adam", "adamw")
    assert options()["eval.methods"].expected == "a list of names such as [a, b]"


def test_every_option_says_what_it_means() -> None:
    silent = [key for key, option in options().items() if not option.about["meaning"]]
    assert not silent, f"{', '.join(silent)}: no word about what it means"


def test_a_group_of_components_says_which_of_them_read_an_option() -> None:
    about = {key: option.about for key, option in options().items()}
    assert about["loss.temperature"]["read_by"] == ("scl", "tcc")
    assert about["loss.temperature"]["meaning"].startswith("scl, tcc: ")
    assert about["detector.cnn_lr"]["read_by"] == ("cnn",)
    assert "detector.patience" in about
    assert "detector.cnn_patience" not in about


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("optim.lrr", "optim.lr"),
        ("Optim.LR", "optim.lr"),
        ("optimizer.lr", "optim.lr"),
        ("lr", "optim.lr"),
        ("data.batch_size", "train.batch_size"),
        ("batch_size", "train.batch_size"),
        ("modell", "model"),
        ("model.backbones", "model.backbone"),
        ("qqqq.wwww", None),
    ],
)
def test_slips_find_what_was_meant(wrong: str, right: str | None) -> None:
    assert nearest_key(wrong) == right
