"""Offsets read from lengths, keyframes and packets."""

import numpy as np

from videosync.leaks.metadata import keyframe_scores, offsets_from_lengths, packet_size_offsets
from videosync.types import SyncPair, Window
from videosync.video.packet_sizes import PacketTable


def test_offsets_read_from_lengths():
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 30, (100, 2))
    offsets, events = starts[:, 0] - starts[:, 1], [f"e{n}" for n in range(100)]
    np.testing.assert_allclose(offsets_from_lengths(offsets, 200 - starts, events), offsets)
    assert not offsets_from_lengths(offsets, np.full((100, 2), 200), events).any()


def test_keyframe_scores_peak_where_keyframes_fall_together():
    keys = np.zeros((2, 80), bool)
    keys[0, [3, 20, 31, 52]] = True
    keys[1, [8, 25, 36, 57]] = True
    table = {name: PacketTable(np.ones(80, np.int64), row) for name, row in zip("ab", keys)}
    pair = SyncPair("x", "e", Window("a", 0, 80, 25.0), Window("b", 0, 80, 25.0), 5)
    (scores,) = keyframe_scores([pair], table.__getitem__, 9)
    assert scores.argmax() == 9 + 5
    assert scores[9 + 5] == 1
    assert scores[9 - 5] < 0.5


def test_packet_sizes_that_follow_one_motion_tell_the_offset():
    rng = np.random.default_rng(0)
    motion = np.exp(rng.normal(6, 1, 300))
    sizes = {}
    for name, start in (("a", 20), ("b", 13)):
        keys = rng.random(200) < 0.1
        sizes[name] = PacketTable(np.where(keys, 20_000, motion[start : start + 200]).astype(np.int64), keys)
    pair = SyncPair("x", "e", Window("a", 0, 200, 25.0), Window("b", 0, 200, 25.0), 7)
    assert packet_size_offsets([pair], sizes.__getitem__, 30).tolist() == [7.0]
