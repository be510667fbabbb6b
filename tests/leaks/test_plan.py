"""Which pairs and windows the leak test takes."""

import pytest

from videosync.data.manifest import Sample, View, read_manifest, write_manifest
from videosync.errors import ManifestError
from videosync.leaks.plan import Windows, choose_pairs, fit_windows, split_in_two


def manifest_of(tmp_path, samples):
    write_manifest(tmp_path, samples)
    return read_manifest(tmp_path)


def sample(event, split, spans):
    views = tuple(View(f"{event}/{split}{i}.mp4", start, count, 25.0) for i, (start, count) in enumerate(spans))
    return Sample(event, split, views)


def test_windows_fit_the_folder(tmp_path):
    apart = [sample(f"e{n}", "train", [(0, 240), (n % 31, 240)]) for n in range(31)]
    assert fit_windows(manifest_of(tmp_path, apart)) == Windows("start", 240, 30)
    assert Windows("start", 240, 30).noise_frames == 64
    together = [sample(f"e{n}", "train", [(0, 100), (0, 100), (0, 100)]) for n in range(9)]
    windows = fit_windows(manifest_of(tmp_path, together))
    assert windows == Windows("random", 70, 30)
    assert windows.hold(*together[0].views[:2])
    assert not windows.hold(View("a", 0, 80, 25.0), View("b", 0, 60, 25.0))
    with pytest.raises(ManifestError, match="too few for windows"):
        fit_windows(manifest_of(tmp_path, [sample("e", "train", [(0, 2), (0, 2)])]))
    with pytest.raises(ManifestError, match="no sample has two views"):
        fit_windows(manifest_of(tmp_path, [sample("e", "train", [(0, 90)])]))


def test_pairs_of_many_events_before_repeats(tmp_path):
    lines = [sample(f"e{n}", "train", [(0, 100)] * 12) for n in range(10)] + [sample("v", "test", [(0, 100), (0, 100)])]
    manifest = manifest_of(tmp_path, lines)
    pairs, left_out = choose_pairs(manifest, "train", count=15, seed=0, windows=None)
    assert len(pairs) == 15
    assert len({s.event for s in pairs}) == 10
    assert left_out == 0
    assert all(len(s.views) == 2 and s.views[0].video.startswith(str(tmp_path)) for s in pairs)
    assert choose_pairs(manifest, "train", count=15, seed=0, windows=None)[0] == pairs
    assert choose_pairs(manifest, "train", count=15, seed=1, windows=None)[0] != pairs
    assert choose_pairs(manifest, "train", count=9, seed=0, windows=Windows("start", 200, 5)) == ([], 660)
    assert split_in_two(manifest) == (manifest, "train", "test")


def test_one_split_is_divided_by_event(tmp_path):
    manifest = manifest_of(tmp_path, [sample(f"e{n}", "all", [(0, 100), (0, 100)]) for n in range(11)])
    divided, train, val = split_in_two(manifest)
    sizes = {split: len(divided.of_split(split)) for split in (train, val)}
    assert sizes == {"train": 6, "val": 5}
    assert split_in_two(manifest)[0] == divided
