"""Streamed features are those of the whole video, cut; in memory that does not grow, and errors arrive."""

import threading
import time

import numpy as np
import pytest
import torch

from videosync.errors import VideoError
from videosync.evaluation import embed
from videosync.evaluation.embed import prefetch, video_features
from videosync.models import inference
from videosync.models.encoder import build_encoder
from videosync.models.noise import NoiseEncoder
from videosync.models.options import ModelOptions
from videosync.video.read import read_frames
from videosync.video.write import write_video

SIZE = 32
LENGTH = 41


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A bright square that moves over a textured background, 41 frames."""
    background = np.random.default_rng(0).integers(40, 90, (64, 64, 3), dtype=np.uint8)
    frames = np.repeat(background[None], LENGTH, axis=0)
    for t, frame in enumerate(frames):
        y = int(20 + 18 * np.sin(t / 5))
        frame[y : y + 12, t : t + 12] = 230
    path = tmp_path_factory.mktemp("embed") / "moving.mp4"
    write_video(path, frames, 25)
    return path


def encoder(input, chunk_size=7):
    torch.manual_seed(0)
    options = ModelOptions(
        backbone="small", input=input, layer=0, chunk_size=chunk_size, fc_layers=1, fc_size=16, hidden_size=16,
        positions="rotary", layers=1, heads=2, ff_size=16, embedding_size=8, projection_size=16,
    )  # fmt: skip
    return build_encoder(options, num_frames=20).eval()


def whole(model, path):
    """All frames at once, without any streaming."""
    frames = torch.from_numpy(read_frames(path, size=(SIZE, SIZE))).permute(0, 3, 1, 2)
    with torch.no_grad():
        return model.backbone_features(frames[None])[0]


@pytest.mark.parametrize("input", ["rgb", "motion"])
@pytest.mark.parametrize(
    ("start", "stop", "batch_frames"),
    [(0, None, 1), (0, None, 6), (0, None, 41), (0, None, 100), (0, 9, 8), (2, 30, 8), (4, 5, 8), (17, 41, 8),
     (40, 41, 8), (13, None, 8)],
)  # fmt: skip
def test_a_streamed_window_is_cut_from_the_whole(video, input, start, stop, batch_frames):
    model = encoder(input)
    window = video_features(model, video, start, stop, size=SIZE, batch_frames=batch_frames)
    assert window.dtype == torch.float32
    torch.testing.assert_close(window, whole(model, video)[start:stop], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("small", "expected"), [(10**6, 1), (0, 3)])
def test_a_small_network_computes_on_one_thread(video, monkeypatch, small, expected):
    monkeypatch.setattr(inference, "SMALL", small)
    model, used = encoder("motion"), []
    monkeypatch.setattr(model.backbone, "pool", lambda maps: used.append(torch.get_num_threads()) or maps.mean((2, 3)))
    usual = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        video_features(model, video, size=SIZE)
        assert set(used) == {expected}
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(usual)


def test_noise_encoder_gets_its_features_too_without_decoding(video, tmp_path):
    noise = NoiseEncoder(embedding_size=8).eval()
    assert video_features(noise, tmp_path / "absent.mp4", 3, 20, size=SIZE).shape == (17, 1)
    assert video_features(noise, video, size=SIZE).shape == (41, 1)
    window, other = (video_features(noise, tmp_path / name, 3, 20, size=SIZE) for name in ("a.mp4", "b.mp4"))
    assert not torch.equal(window, other)


def test_what_cannot_be_read_is_said(video, tmp_path, monkeypatch):
    model = encoder("rgb")
    with pytest.raises(VideoError, match="absent.mp4"):
        video_features(model, tmp_path / "absent.mp4", size=SIZE)
    with pytest.raises(ValueError, match="eval"):
        video_features(encoder("rgb").train(), video, size=SIZE)

    def broken(*args, **kwargs):
        yield from [np.zeros((SIZE, SIZE, 3), np.uint8)] * 10
        raise VideoError("frame 10 is damaged")

    monkeypatch.setattr(embed, "iter_frames", broken)
    with pytest.raises(VideoError, match="frame 10"):
        video_features(model, video, size=SIZE, batch_frames=4)


def test_prefetch_keeps_order_works_ahead_and_stays_bounded():
    made = []

    def items():
        for i in range(20):
            made.append(i)
            yield i

    taken = []
    for item in prefetch(items(), depth=3):
        time.sleep(0.002)
        taken.append(item)
        assert len(made) <= len(taken) + 3  # never more than depth ahead of what was handed out
    assert taken == list(range(20))


def test_prefetch_ends_its_thread_when_the_reader_stops():
    before = threading.active_count()
    reader = prefetch(iter(range(1000)), depth=2)
    assert next(reader) == 0
    reader.close()
    assert threading.active_count() == before


def test_frames_held_do_not_grow_with_the_video(video, monkeypatch):
    """A long video: the frames alive at once are those of a few batches."""
    alive, most = [0], [0]

    class Frame(np.ndarray):
        def __del__(self):
            alive[0] -= 1

    def long_video(*args, **kwargs):
        for _ in range(1000):
            frame = np.zeros((SIZE, SIZE, 3), np.uint8).view(Frame)
            alive[0] += 1
            most[0] = max(most[0], alive[0])
            yield frame

    monkeypatch.setattr(embed, "iter_frames", long_video)
    model = encoder("motion")
    shapes, features = [], model.backbone_features
    monkeypatch.setattr(
        model, "backbone_features", lambda clip, **more: shapes.append(clip.shape[1]) or features(clip, **more)
    )
    assert len(video_features(model, video, size=SIZE, batch_frames=50)) == 1000
    assert most[0] < 5
    assert max(shapes) == 50 + model.context
