"""Folds, sources, and what is held out of the train files."""

from __future__ import annotations

from pathlib import Path

import pytest

from videosync.data.labelled_sounds import LabelledSound
from videosync.errors import ManifestError
from videosync.recognition.items import Fold, Item, check_fold, floor_share, hold_out, sound_folds, source_of

HERE = Path("esc")


def items(*pairs: tuple[str, str]) -> tuple[Item, ...]:
    return tuple(Item(Path(f"{n}.wav"), label, group) for n, (label, group) in enumerate(pairs))


def test_each_fold_is_tested_on_training_with_the_others() -> None:
    sounds = [LabelledSound(Path(f"{fold}-7{fold}-A-0.wav"), fold, "rain") for fold in (1, 2, 3)]
    folds = sound_folds(sounds, [], where=HERE)
    assert [fold.name for fold in folds] == ["1", "2", "3"]
    assert [[item.group for item in fold.test] for fold in folds] == [["71"], ["72"], ["73"]]
    assert [item.group for item in folds[1].train] == ["71", "73"]
    assert [fold.name for fold in sound_folds(sounds, [2], where=HERE)] == ["2"]
    with pytest.raises(ManifestError, match=r"esc: eval.folds names fold 6, but there are 1, 2 and 3"):
        sound_folds(sounds, [1, 6], where=HERE)
    with pytest.raises(ManifestError, match="all files are in fold 1"):
        sound_folds(sounds[:1], [], where=HERE)


@pytest.mark.parametrize(
    ("name", "source"),
    [("1-100032-A-0.wav", "100032"), ("2-122104-B.ogg", "122104"), ("public/bus01.wav", "public/bus01.wav")],
)
def test_the_source_of_a_sound(name: str, source: str) -> None:
    assert source_of(Path(name)) == source


@pytest.mark.parametrize("shared", [False, True], ids=["groups of one class", "groups of all classes"])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.99])
def test_whole_groups_are_held_out_and_every_class_keeps_some(shared: bool, share: float) -> None:
    pairs = [(label, f"g{group}" if shared else f"{label}{group}") for label in "abc" for group in range(5)] * 2
    found = items(*pairs)
    held = hold_out(found, share=share, seed=1)
    out = {item.group for item, is_out in zip(found, held) if is_out}
    kept = [item for item, is_out in zip(found, held) if not is_out]
    assert out.isdisjoint(item.group for item in kept)
    for label in "abc":
        groups = {item.group for item in found if item.label == label}
        assert len(groups & out) == min(max(1, round(share * 5)), 4)
    assert (hold_out(found, share=share, seed=1) == held).all()
    assert not hold_out(items(("a", "g1"), ("b", "g2")), share=0.5, seed=0).any()


def test_a_class_without_train_files_is_refused_and_shared_sources_are_said() -> None:
    train, test = items(("a", "g1"), ("b", "g2")), items(("a", "g1"), ("b", "g3"), ("c", "g4"))
    with pytest.raises(ManifestError, match=r"esc, fold 2: class 'c' has files to test \(1\) but none to train on"):
        check_fold(Fold("2", train, test), where=HERE)
    (note,) = check_fold(Fold("2", train, test[:2]), where=HERE)
    assert note == "fold 2: 1 of the sources of its test files are in its train files too"
    with pytest.raises(ManifestError, match="all files are of class 'a'"):
        check_fold(Fold("2", train[:1], test[:1]), where=HERE)


def test_the_floor_is_the_commonest_train_class() -> None:
    assert floor_share(items(("a", "1"), ("a", "2"), ("b", "3")), items(("a", "4"), ("b", "5"), ("b", "6"))) == 1 / 3
