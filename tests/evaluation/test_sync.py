"""Every pair exactly once, every video frame through the backbone once, whatever the number of ranks."""

import numpy as np
import pytest
import torch
from torch import nn

import videosync.evaluation.sync as sync
from videosync.evaluation.embed import merged
from videosync.evaluation.sync import PairResult, deal_events, embed_windows, evaluate_encoder, window_features
from videosync.types import SyncPair, Window


class FrameNumberEncoder(nn.Module):
    """Embeds a frame by its moment, which its one feature holds: a perfect encoder."""

    def embed(self, features, mask):
        angle = features[..., 0] * 0.05
        return torch.stack([angle.cos(), angle.sin()], dim=-1)


STARTS = {"a": 0, "b": 7, "c": -4}  # each camera's start on the common timeline


@pytest.fixture
def asked(monkeypatch):
    """Stands in for decoding: the feature of a frame is its moment. Records what was asked for."""
    calls = []

    def video_features(encoder, path, start, stop, *, size, device):
        calls.append((path, start, stop))
        moments = torch.arange(start, stop, dtype=torch.float32) + STARTS[path[0]]
        return moments[:, None]

    monkeypatch.setattr(sync, "video_features", video_features)
    return calls


def pair(event, view0, view1, start0, start1, number=0, length=20):
    window0, window1 = (Window(f"{v}{event}", s, length, 25.0) for v, s in ((view0, start0), (view1, start1)))
    offset = (STARTS[view0] + start0) - (STARTS[view1] + start1)
    return SyncPair(f"{event}/{view0}-{view1}/{number}", event, window0, window1, offset)


def best_lag(forward, backward, max_offset):
    """Reads the offset from the forward matrices: the diagonal with the largest mean."""
    lags = range(-max_offset, max_offset + 1)
    means = np.stack([np.trace(forward, k, 1, 2) / (forward.shape[1] - abs(k)) for k in lags], axis=1)
    return np.array(lags)[means.argmax(1)].astype(float)


PAIRS = [
    pair("e0", "a", "b", 5, 3),
    pair("e0", "a", "c", 5, 9),
    pair("e0", "b", "c", 3, 9),
    pair("e0", "a", "b", 40, 30, number=1),
    pair("e1", "a", "b", 0, 0),
    pair("e2", "c", "a", 10, 6),
]
OPTIONS = {"image_size": 8, "device": "cpu", "metric": "sqeuclidean", "temperature": 0.001}


def results_of(rank, world_size):
    ranks = {"rank": rank, "world_size": world_size}
    return evaluate_encoder(FrameNumberEncoder(), PAIRS, {"lag": best_lag}, max_offset=12, **ranks, **OPTIONS)


@pytest.mark.parametrize("world_size", [1, 2, 3, 5, 64])
def test_each_pair_once_and_right_and_no_frame_encoded_twice_whatever_the_number_of_ranks(asked, world_size):
    results = merged([results_of(rank, world_size) for rank in range(world_size)], len(PAIRS))
    assert [r.predicted["lag"] for r in results] == [p.offset for p in PAIRS]
    frames = [(path, frame) for path, start, stop in asked for frame in range(start, stop)]
    assert len(frames) == len(set(frames))


def test_windows_far_apart_do_not_decode_what_lies_between(asked):
    windows = [Window("a", 0, 10, 25.0), Window("a", 5, 10, 25.0), Window("a", 9000, 10, 25.0)]
    encoder = FrameNumberEncoder()
    embedded = embed_windows(encoder, window_features(encoder, windows, image_size=8, device="cpu"), device="cpu")
    assert asked == [("a", 0, 15), ("a", 9000, 9010)]
    assert set(embedded) == set(windows)
    torch.testing.assert_close(embedded[windows[1]][0], embedded[windows[0]][5])


def test_pairs_of_one_event_may_have_different_lengths(asked):
    pairs = [pair("e0", "a", "b", 5, 3), pair("e0", "a", "b", 5, 0, 1, length=17), pair("e1", "b", "c", 0, 9)]
    parts = list(sync.iter_pair_matrices(FrameNumberEncoder(), pairs, **OPTIONS))
    assert [part.indices for part in parts] == [[0], [1], [2]]
    assert [part.forward.shape for part in parts] == [(1, 20, 20), (1, 17, 17), (1, 20, 20)]
    results = evaluate_encoder(FrameNumberEncoder(), pairs, {"lag": best_lag}, max_offset=12, **OPTIONS)
    assert [r.predicted["lag"] for r in results] == [p.offset for p in pairs]
    assert ("ae0", 5, 25) in asked  # the windows' common stretch goes through the backbone once


def test_many_pairs_of_few_videos_are_embedded_once_and_given_a_few_at_a_time(asked, monkeypatch):
    embedded = []
    embed = sync.embed_windows

    def counted(encoder, features, **options):
        embedded.extend(features)
        return embed(encoder, features, **options)

    monkeypatch.setattr(sync, "embed_windows", counted)
    pairs = [pair("e0", "a", "b", n, n % 5, number=n) for n in range(40)] + [pair("e0", "a", "c", 0, 1)]
    parts = list(sync.iter_pair_matrices(FrameNumberEncoder(), pairs, **OPTIONS))
    assert [index for part in parts for index in part.indices] == list(range(41))
    assert max(len(part.forward) for part in parts) <= sync.BATCH
    assert sorted(asked) == [("ae0", 0, 59), ("be0", 0, 24), ("ce0", 1, 21)]
    assert len(embedded) == len(set(embedded)) == 46  # those of b and the first of a, which many share, as well


def test_events_stay_whole_and_are_balanced():
    shares = deal_events(PAIRS, 2)
    assert sorted(index for share in shares for index in share) == list(range(len(PAIRS)))
    events = [{PAIRS[index].event for index in share} for share in shares]
    assert not events[0] & events[1]
    assert sorted(map(len, shares)) == [2, 4]


def test_a_lost_or_doubled_result_is_noticed():
    result = PairResult(0, {"lag": 3.0})
    for second in ([result], []):
        with pytest.raises(RuntimeError, match="2 results were expected"):
            merged([[result], second], 2)
