"""Training views: the right frames at the right steps, decided by (seed, epoch, i) alone."""

import pickle

import numpy as np
import pytest
import torch

from tests.data.plain_draws import plain_draws
from videosync.data import decoded
from videosync.data.datasets import TrainingClips, collate, decode_size
from videosync.data.decoded import DecodedFiles
from videosync.data.samples import Manifest, Sample, View
from videosync.errors import ManifestError, VideoError
from videosync.video import filters
from videosync.video.read import probe, read_frames_at
from videosync.video.transforms import ClipAugment


def clips(manifest, split="train", *, image_size=32, augment=None, **options):
    return TrainingClips(plain_draws(manifest, split, **options), image_size=image_size, augment=augment)


def equal(a, b):
    fields = ("frames", "mask", "steps", "lengths")
    return a.name == b.name and all(torch.equal(getattr(a, f), getattr(b, f)) for f in fields)


@pytest.mark.parametrize(
    ("split", "block", "real"),
    [("train", "view", {12}), ("short", "view", {3, 4, 5, 6}), ("short", "video", {3, 4, 5, 6})],
)
def test_self_views_are_two_draws_of_one_video(dataset, read_numbers, split, block, real):
    """Frames drawn beyond the end are masked: however many are real, these come first and show what their steps say."""
    data = clips(dataset, split, samples_per_video=12, sampling_block=block)
    views = {view.video: view for sample in data.draws.samples for view in sample.views}
    assert len(data) == 12 * len(data.draws.samples)
    seen, counts = set(), set()
    for i in range(len(data)):
        item = data[i]
        assert item.frames.shape == (2, 12, 3, 32, 32)
        assert item.frames.dtype == torch.uint8
        assert item.frames.min() < item.frames.max()
        view = views[f"{item.name}.mp4"]
        numbers = read_numbers(item.frames) - view.start_frame
        np.testing.assert_array_equal(numbers[item.mask], item.steps[item.mask])
        assert not item.frames[~item.mask].any()
        assert item.lengths.tolist() == [view.num_frames] * 2
        assert split == "short" or not torch.equal(item.steps[0], item.steps[1])
        seen.add(view.video)
        counts.update(item.mask.sum(1).tolist())
    assert seen == set(views)  # any camera of a line may be drawn
    assert counts <= real
    assert len(counts) > 1 or len(real) == 1


def test_cross_views_show_the_moments_their_steps_say(dataset, read_numbers):
    data = clips(dataset, views="cross", samples_per_video=12)
    names = set()
    for i in range(len(data)):
        item = data[i]
        event, cameras = item.name.split("/")
        views = {v.name: v for s in dataset.samples if s.event == event for v in s.views}
        view0, view1 = (views[name] for name in cameras.split("-"))
        assert view0 != view1
        origin = min(view0.start_frame, view1.start_frame)
        np.testing.assert_array_equal(read_numbers(item.frames)[item.mask], (item.steps + origin)[item.mask])
        length = max(view0.end_frame, view1.end_frame) - origin
        assert item.lengths.tolist() == [length, length]
        names.add(item.name)
    assert {"a/cam0-cam1", "a/cam1-cam0"} <= names  # both orders
    assert len({name for name in names if name.startswith("b/")}) >= 4


def test_cross_views_of_unlike_rates_go_by_time(tmp_path):
    """Steps count at the rate of the first of both; at the end of five minutes frame numbers are 9 apart."""
    views = tuple(View(f"{i}.mp4", 5 * i, 8700, fps) for i, fps in enumerate((30.0, 30000 / 1001)))
    manifest = Manifest(tmp_path, (Sample("e", "train", views),))
    draws = plain_draws(manifest, num_frames=20, views="cross", consistent_offset=0.9, samples_per_video=200)
    latest = 0.0
    for index in range(len(draws)):
        draw = draws.draw(index)
        moments = [(v.start_frame + numbers) / v.fps for v, numbers in zip(draw.views, draw.numbers)]
        steps = draw.steps / draw.views[0].fps  # seconds, from a moment that both share
        late = (moments - steps)[draw.mask]
        assert np.ptp(late) <= 1 / 29.97  # every frame is within half a frame of its step
        assert draw.numbers.min() >= 0
        assert draw.numbers.max() < 8700
        latest = max(latest, moments[0].max())
    assert latest > 280


def test_mix_has_the_share_asked_for(dataset):
    data = clips(dataset, views="mix", cross_share=0.3, samples_per_video=200)
    share = np.mean(["-" in data.draws.draw(i).name for i in range(len(data))])
    assert abs(share - 0.3) < 0.09  # 4 standard deviations of a share of 400
    alone = clips(dataset, "single", views="self")
    assert len(alone) == 2


def test_an_item_depends_on_seed_epoch_and_number_alone(dataset):
    augment = ClipAugment(32, crop_scale=0.4)
    data = clips(dataset, views="mix", augment=augment, samples_per_video=3)
    forward = [data[i] for i in range(6)]
    again = clips(dataset, views="mix", augment=augment, samples_per_video=3)
    torch.manual_seed(5)
    np.random.seed(5)
    for i in reversed(range(6)):
        assert equal(again[i], forward[i])
    data.set_epoch(1)
    assert not any(equal(data[i], forward[i]) for i in range(6))
    data.set_epoch(0)
    assert equal(data[4], forward[4])
    other = clips(dataset, views="mix", augment=augment, samples_per_video=3, seed=1)
    assert not any(equal(other[i], forward[i]) for i in range(6))


def test_the_two_views_are_augmented_differently(dataset):
    data = clips(dataset, augment=ClipAugment(32, crop_scale=0.4), num_frames=6)
    plain = clips(dataset, num_frames=6)
    item = data[0]
    assert torch.equal(item.steps, plain[0].steps)  # augmentation changes pictures, not times
    means = item.frames.float().div(255).mean((1, 3, 4))  # [2, 3]
    assert not torch.allclose(means[0], means[1], atol=1e-3)


@pytest.mark.parametrize("views", ["self", "cross"])
def test_frames_are_the_clip_augmented_as_a_whole_and_the_same_from_a_folder(dataset, tmp_path, monkeypatch, views):
    """Parts of a clip are cropped as they come, few at a time; files kept in a folder are decoded once."""
    augment = ClipAugment(24, crop_scale=0.5, cutout=5)
    monkeypatch.setitem(filters.VALUES_AT_ONCE, "cpu", 5 * 64 * 64 * 3)
    data = clips(dataset, augment=augment, image_size=24, views=views, samples_per_video=3)
    items = [data[i] for i in range(len(data))]
    for i, item in enumerate(items):
        draw = data.draws.draw(i)
        for frames, view, numbers, seed in zip(item.frames, draw.views, draw.numbers, draw.seeds):
            path = dataset.path(view)
            clip = read_frames_at(path, numbers, size=decode_size(probe(path), 24, augment))
            whole = augment(torch.from_numpy(clip), torch.Generator().manual_seed(seed))
            torch.testing.assert_close(frames.float(), 255 * whole, atol=0.51, rtol=0)
    kept = clips(dataset, augment=augment, image_size=24, views=views, samples_per_video=3)
    kept.files = DecodedFiles(tmp_path / "kept")
    assert all(equal(kept[i], item) for i, item in enumerate(items))
    monkeypatch.setattr(decoded, "iter_frames", None)
    monkeypatch.setattr(decoded, "iter_frames_at", None)
    kept.files = DecodedFiles(tmp_path / "kept")  # of another run
    monkeypatch.setattr(decoded, "FILES_MAPPED", 1)
    assert all(equal(kept[i], item) for i, item in enumerate(items))
    assert sum(isinstance(value, np.memmap) for value in kept.files._known.values()) == 1


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("keep", [False, True])
def test_a_batch_is_its_items_however_many_are_read_at_once(dataset, tmp_path, monkeypatch, threads, keep):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(decoded, "FILES_MAPPED", 1)
    data = clips(dataset, "short", views="mix", augment=ClipAugment(24), image_size=24, samples_per_video=5)
    data.files = pickle.loads(pickle.dumps(DecodedFiles(tmp_path if keep else None)))  # as in a worker
    batch, items = data.__getitems__([4, 0, 2, 3]), [data[i] for i in (4, 0, 2, 3)]
    assert collate(batch) is batch
    assert batch.names == tuple(item.name for item in items)
    for field in ("frames", "mask", "steps", "lengths"):
        assert torch.equal(getattr(batch, field), torch.stack([getattr(item, field) for item in items]))
    with pytest.raises(VideoError, match="cannot be read"):
        clips(Manifest(tmp_path, dataset.samples)).__getitems__([0, 1])


@pytest.mark.parametrize("views", ["self", "cross"])
def test_short_videos_are_padded_with_zeros_and_masked(dataset, views):
    for augment in (None, ClipAugment(32)):
        item = clips(dataset, "short", views=views, augment=augment, sampling_region=1.0)[0]
        assert item.mask.sum(1).tolist() == [6, 6]
        assert item.frames[~item.mask].abs().max() == 0


def test_samples_whose_views_are_always_the_same_are_named(dataset):
    def said(split, **options):
        return plain_draws(dataset, split, **options).warnings()

    assert said("short") == []  # the two views differ, as the block is longer than the video
    (sentence,) = said("short", sampling_region=1.0)
    assert "the two views of 1 of 1 samples are always the same frames" in sentence
    assert "num_frames (12)" in sentence
    assert said("short", sampling_region=1.0, views="cross") == []  # its cameras began 2 frames apart
    assert said("short", sampling_region=1.0, num_frames=5) == []
    assert said("train", sampling_region=1.0) == []


def test_frames_are_decoded_no_larger_than_a_crop_needs(dataset):
    info = probe(dataset.path(dataset.samples[0].views[0]))  # 64 x 32 pixels
    assert decode_size(info, 16, None) == (16, 16)
    height, width = decode_size(info, 16, ClipAugment(16, crop_scale=0.5))
    assert (height, width) == (23, 46)  # 16 / sqrt(0.5) = 22.6
    assert decode_size(info, 32, ClipAugment(32, crop_scale=0.5)) == (32, 64)  # never larger than the file


def test_bad_input(dataset, tmp_path):
    with pytest.raises(ManifestError, match="2 of 2 samples of split 'single'.*use data.views 'self'"):
        clips(dataset, "single", views="cross")
    with pytest.raises(ManifestError, match="no sample has split 'trian'.*Did you mean 'train'"):
        clips(dataset, "trian")
    with pytest.raises(IndexError):
        clips(dataset)[2]
    with pytest.raises(VideoError, match="cam"):
        clips(Manifest(tmp_path, dataset.samples))[0]
