import threading
import time

import numpy as np
import pytest
import torch

from videosync.errors import VideoError
from videosync.evaluation import embed
from videosync.evaluation.embed import prefetch, video_features
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
    rng = np.random.default_rng(0)
    background = rng.integers(40, 90, (64, 64, 3), dtype=np.uint8)
    frames = []
    for t in range(LENGTH):
        frame = background.copy()
        x = int(20 + 18 * np.sin(t / 5))
        frame[x : x + 12, t : t + 12] = 230
        frames.append(frame)
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
@pytest.mark.parametrize("batch_frames", [1, 6, 16, 41, 100])
def test_streaming_equals_the_whole_video(video, input, batch_frames):
    model = encoder(input)
    streamed = video_features(model, video, size=SIZE, batch_frames=batch_frames)
    assert streamed.shape == (LENGTH, model.feature_size)
    assert streamed.dtype == torch.float32
    torch.testing.assert_close(streamed, whole(model, video), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("input", ["rgb", "motion"])
@pytest.mark.parametrize(("start", "stop"), [(0, 9), (2, 30), (4, 5), (17, 41), (40, 41), (13, None)])
def test_a_window_is_cut_from_the_whole(video, input, start, stop):
    model = encoder(input)
    window = video_features(model, video, start, stop, size=SIZE, batch_frames=8)
    torch.testing.assert_close(window, whole(model, video)[start:stop], atol=1e-5, rtol=1e-5)


def test_noise_encoder_gets_its_features_too_without_decoding(video, tmp_path):
    noise = NoiseEncoder(embedding_size=8).eval()
    assert video_features(noise, tmp_path / "absent.mp4", 3, 20, size=SIZE).shape == (17, 1)
    assert video_features(noise, video, size=SIZE).shape == (41, 1)
    window, other = (video_features(noise, tmp_path / name, 3, 20, size=SIZE) for name in ("a.mp4", "b.mp4"))
    assert not torch.equal(window, other)


def test_what_cannot_be_read_is_said(video, tmp_path):
    model = encoder("rgb")
    with pytest.raises(VideoError, match="absent.mp4"):
        video_features(model, tmp_path / "absent.mp4", size=SIZE)
    with pytest.raises(VideoError, match="41 frames"):
        video_features(model, video, 10, 60, size=SIZE)
    with pytest.raises(ValueError, match="eval"):
        video_features(encoder("rgb").train(), video, size=SIZE)


def test_damage_found_while_decoding_reaches_the_caller(video, monkeypatch):
    def broken(*args, **kwargs):
        yield from [np.zeros((SIZE, SIZE, 3), np.uint8)] * 10
        raise VideoError("frame 10 is damaged")

    monkeypatch.setattr(embed, "iter_frames", broken)
    with pytest.raises(VideoError, match="frame 10"):
        video_features(encoder("rgb"), video, size=SIZE, batch_frames=4)


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

    batches, shapes = embed._batches, []

    def counted(*args, **kwargs):
        for batch in batches(*args, **kwargs):
            shapes.append(len(batch))
            yield batch

    monkeypatch.setattr(embed, "iter_frames", long_video)
    monkeypatch.setattr(embed, "_batches", counted)
    assert len(video_features(encoder("motion"), video, size=SIZE, batch_frames=50)) == 1000
    assert most[0] < 5
    assert max(shapes) == 50
