"""Cached features: what the backbone would have given, complete or absent, in the same items."""

import numpy as np
import pytest
import torch

from tests.data.plain_draws import plain_draws
from videosync.data.backbone_cache import CHUNK, CachedClips, FeatureCache, _FixedAugment, feature_key
from videosync.data.datasets import TrainingClips
from videosync.data.manifest import Manifest, Sample, View
from videosync.errors import ManifestError
from videosync.video.transforms import ClipAugment
from videosync.video.write import write_video

MIXED = {"views": "mix", "samples_per_video": 4}


def encode(frames, context):
    """A stand-in for a frozen backbone: 8 x 8 averages of the grey picture, in [n, 64]."""
    grey = torch.nn.functional.adaptive_avg_pool2d(frames.mean(1), 8)
    return grey.flatten(1)[context:]


def all_views(manifest, split="train"):
    return [view for sample in manifest.of_split(split) for view in sample.views]


def built(folder, manifest, *, copies=1, augment=None, **options):
    cache = FeatureCache(folder, feature_key(copies=copies), copies=copies)
    views = all_views(manifest)
    cache.build(manifest, views, encode, image_size=32, augment=augment, **options)
    cache.finish(manifest, views, {"backbone": "averages"})
    return cache


@pytest.mark.parametrize("num_frames", [12, 70])  # 70: more than the videos have
def test_cached_items_are_the_items_of_the_files_encoded(dataset, tmp_path, num_frames):
    draws = plain_draws(dataset, num_frames=num_frames, **MIXED)
    cached = CachedClips(built(tmp_path, dataset), draws)
    direct = TrainingClips(draws, image_size=32, augment=None)
    assert len(cached) == len(direct) == 8
    for epoch in (0, 3):
        cached.set_epoch(epoch)
        direct.set_epoch(epoch)
        for i in range(len(cached)):
            ours, theirs = cached[i], direct[i]
            assert ours.name == theirs.name
            for field in ("mask", "steps", "lengths"):
                assert torch.equal(getattr(ours, field), getattr(theirs, field))
            expected = torch.stack([encode(view / 255, 0) for view in theirs.frames])  # [2, T, 64]
            assert ours.mask.all() == (num_frames == 12)
            assert ours.frames.dtype == torch.float32
            torch.testing.assert_close(ours.frames, expected, atol=1e-3, rtol=0)  # float16 on disk


def test_each_view_comes_from_another_copy(dataset, tmp_path):
    augment = ClipAugment(32, crop_scale=0.4)
    cache = built(tmp_path, dataset, copies=3, augment=augment)
    view = all_views(dataset)[0]
    stored = cache.features(dataset, view)
    assert stored.shape == (3, view.num_frames, 64)
    assert stored.dtype == np.float16
    assert len({stored[copy].tobytes() for copy in range(3)}) == 3
    cached = CachedClips(cache, plain_draws(dataset, samples_per_video=30))
    chosen = set()
    for i in range(len(cached)):
        item = cached[i]
        event, name = item.name.split("/")
        view = next(v for v in all_views(dataset) if v.video == f"{event}/{name}.mp4")
        stored = cache.features(dataset, view).astype(np.float32)
        copies = tuple(
            next(c for c in range(3) if np.array_equal(stored[c, steps][mask], frames[mask]))
            for steps, mask, frames in zip(item.steps.numpy(), item.mask.numpy(), item.frames.numpy())
        )
        assert copies[0] != copies[1]
        chosen.add(copies)
    assert len(chosen) == 6


def test_a_long_video_has_one_draw_over_all_chunks_and_its_context(tmp_path):
    """Half of the picture is still while the other half brightens: what is still must stay still."""
    count = CHUNK + 20
    frames = np.full((count, 32, 32, 3), 90, np.uint8)
    frames[:, :, 16:] = np.linspace(0, 255, count).astype(np.uint8)[:, None, None, None]
    write_video(tmp_path / "half.mp4", frames, 25.0, crf=4)
    view = View("half.mp4", 0, count, 25.0)
    manifest = Manifest(tmp_path, (Sample("half", "train", (view,)),))
    asked = []

    def recording(frames, context):
        asked.append((len(frames), context))
        return encode(frames, context)

    cache = FeatureCache(tmp_path, "key", copies=4)
    augment = ClipAugment(32, crop_scale=0.8, color_prob=1.0, blur_prob=0.0)
    cache.build(manifest, [view], recording, image_size=32, augment=augment, context=5)
    assert asked == [(CHUNK, 0), (25, 5)] * 4
    features = cache.features(manifest, view).astype(np.float32)
    assert features.shape == (4, count, 64)
    spread = np.ptp(features, axis=1).min(axis=1)  # [copies] of the stillest cell
    assert spread.max() < 0.02  # a mean colour of its own for each chunk would move it by up to 0.3
    assert len({copy.tobytes() for copy in features}) == 4


def test_chunks_are_augmented_as_the_whole_clip_is(tmp_path):
    rng = np.random.default_rng(0)
    clip = np.repeat(np.repeat(rng.integers(0, 256, (40, 4, 6, 3), dtype=np.uint8), 10, 1), 10, 2)
    for seed in range(8):
        augment = ClipAugment(24, crop_scale=0.4, reference=seed % 2 == 0)
        whole = augment(torch.from_numpy(clip), torch.Generator().manual_seed(seed))
        fixed = _FixedAugment(augment, clip, seed)
        chunks = torch.cat([fixed(clip[:15]), fixed(clip[15:])])
        torch.testing.assert_close(chunks, whole, atol=0.02, rtol=0)  # the whole clip's mean is estimated


def test_a_build_goes_on_where_it_stopped_and_is_shared_by_ranks(dataset, tmp_path):
    views = all_views(dataset)
    cache = FeatureCache(tmp_path, "key", copies=1)
    calls = []

    def counting(frames, context):
        calls.append(len(frames))
        return encode(frames, context)

    def build(rank):
        cache.build(dataset, views, counting, image_size=32, augment=None, rank=rank, world_size=2)

    build(0)
    assert 0 < len(calls) < len(views)
    assert not cache.has(dataset, views)
    with pytest.raises(ManifestError, match="features of 2 videos are missing"):
        cache.finish(dataset, views, {})
    with pytest.raises(ManifestError, match="not a complete feature cache"):
        CachedClips(cache, plain_draws(dataset, **MIXED))
    build(1)
    build(0)
    assert len(calls) == len(views)
    cache.finish(dataset, views, {})
    assert cache.has(dataset, views)
    assert len(CachedClips(cache, plain_draws(dataset, **MIXED))) == 8
    assert not cache.has(dataset, all_views(dataset, "single"))


def test_a_cache_is_of_files_as_they_were_wherever_the_data_set_lies(tmp_path):
    view = View("x.mp4", 0, 10, 25.0)
    samples = (Sample("x", "train", (view,)),)
    write_video(tmp_path / "here" / "x.mp4", np.zeros((10, 32, 32, 3), np.uint8), 25.0)
    cache = built(tmp_path / "cache", Manifest(tmp_path / "here", samples))
    manifest = Manifest((tmp_path / "here").rename(tmp_path / "there"), samples)
    assert cache.has(manifest, [view])
    write_video(tmp_path / "there" / "x.mp4", np.full((10, 32, 32, 3), 99, np.uint8), 25.0)
    assert not cache.has(manifest, [view])
    with pytest.raises(ManifestError, match="build the cache again"):
        cache.features(manifest, view)


def test_keys():
    key = feature_key(weights="abc", image_size=32)
    assert key == feature_key(image_size=32, weights="abc")
    assert key != feature_key(weights="abc", image_size=33)
