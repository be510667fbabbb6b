"""Labels of drawn frames, the views that have them, and shares of events."""

import numpy as np
import pytest
import torch

from tests.data.plain_draws import plain_draws
from videosync.data.datasets import TrainingClips, collate
from videosync.data.frame_labels import save_labels
from videosync.data.labelled import FrameLabels, keep_share_of_events, labelled_views
from videosync.data.manifest import Manifest, Sample, View, read_manifest, write_manifest
from videosync.errors import ManifestError


@pytest.fixture(scope="module")
def labelled(dataset, tmp_path_factory):
    """The numbered videos, each frame labelled with the number it carries; those below 8 are unknown."""
    root = tmp_path_factory.mktemp("labelled")
    samples = []
    for sample in dataset.samples:
        views = []
        for view in sample.views:
            (root / view.video).parent.mkdir(exist_ok=True)
            (root / view.video).symlink_to(dataset.path(view))
            name = view.video.replace(".mp4", ".json")
            numbers = view.start_frame + np.arange(view.num_frames)
            save_labels(root / name, np.where(numbers < 8, -3, numbers))
            views.append(View(view.video, view.start_frame, view.num_frames, view.fps, name))
        samples.append(Sample(sample.event, sample.split, tuple(views)))
    write_manifest(root, samples)
    return read_manifest(root)


def draws(manifest, split="train", **options):
    return plain_draws(
        manifest, split, labels=FrameLabels(manifest), **{"views": "cross", "samples_per_video": 3, **options}
    )


@pytest.mark.parametrize("views", ["self", "cross"])
def test_labels_are_those_of_the_very_frames(labelled, read_numbers, views):
    clips = TrainingClips(draws(labelled, views=views), image_size=64, augment=None)
    for index in range(len(clips)):
        item = clips[index]
        shown = torch.from_numpy(read_numbers(item.frames))
        assert torch.equal(item.labels, torch.where(shown < 8, -1, shown))
    assert collate([clips[0], clips[1]]).labels.shape == (2, 2, 12)


def test_padding_is_unknown(labelled):
    item = TrainingClips(draws(labelled, "short", num_frames=30), image_size=32, augment=None)[0]
    assert not item.mask.all()
    assert (item.labels[~item.mask] == -1).all()


def test_without_labels_there_are_none_and_the_draws_are_the_same(labelled):
    with_labels, without = draws(labelled), draws(labelled)
    without.labels = None
    item = TrainingClips(without, image_size=16, augment=None)[0]
    assert item.labels is None
    assert collate([item, item]).to("cpu").labels is None
    for index in range(len(without)):
        assert np.array_equal(with_labels.draw(index).numbers, without.draw(index).numbers)


def view(number, labelled=True):
    return View(f"{number}.mp4", 0, 10, 25.0, f"{number}.json" if labelled else None)


def test_only_labelled_views_are_kept(tmp_path):
    samples = (
        Sample("a", "train", (view(0), view(1, labelled=False))),
        Sample("b", "train", (view(2, labelled=False),)),
        Sample("c", "val", (view(3), view(4))),
    )
    kept = labelled_views(Manifest(tmp_path, samples), "train")
    assert kept.samples == (Sample("a", "train", (view(0),)),)
    with pytest.raises(ManifestError, match="no view of split 'train' has frame_labels.*a loss that needs none"):
        labelled_views(Manifest(tmp_path, (samples[1],)), "train")


def test_a_share_is_one_of_whole_events_and_smaller_ones_lie_in_larger_ones(tmp_path):
    samples = tuple(Sample(f"e{n // 2}", "train", (view(n),)) for n in range(20))  # 10 events of 2 lines
    manifest = Manifest(tmp_path, samples)

    def events(share, seed=0):
        kept = keep_share_of_events(manifest, share, seed=seed).samples
        names = {sample.event for sample in kept}
        assert len(kept) == 2 * len(names)
        return names

    assert [len(events(share)) for share in (0.01, 0.1, 0.5, 1.0)] == [1, 1, 5, 10]
    assert events(0.1) < events(0.5) < events(1.0)
    assert events(0.5) == events(0.5)
    assert len({frozenset(events(0.5, seed)) for seed in range(5)}) > 1


def test_classes_are_the_known_labels(labelled):
    assert FrameLabels(Manifest(labelled.root, labelled.of_split("short"))).classes == []
    classes = FrameLabels(Manifest(labelled.root, labelled.of_split("single"))).classes
    assert classes == list(range(8, 45))
