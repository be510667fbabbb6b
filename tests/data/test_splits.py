"""Splits take whole events, and depend on the events and the seed alone."""

from videosync.data.splits import split_by_hash


def test_a_share_of_the_events_whatever_their_order():
    events = [f"e{i}" for i in range(20)]
    splits = split_by_hash(events, val_share=0.3, seed=0)
    assert sorted(splits.values()).count("val") == 6
    assert split_by_hash([*events[::-1], "e3"], val_share=0.3, seed=0) == splits
    assert any(split_by_hash(events, val_share=0.3, seed=seed) != splits for seed in (1, 2, 3))


def test_of_two_events_or_more_neither_split_is_empty():
    for share in (0.0, 0.01, 0.99, 1.0):
        assert sorted(split_by_hash(["a", "b"], val_share=share, seed=0).values()) == ["train", "val"]
    assert split_by_hash(["a"], val_share=0.3, seed=0) == {"a": "train"}
    assert split_by_hash([], val_share=0.3, seed=0) == {}
