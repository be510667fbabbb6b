"""``videosync leaks``: sound folders are at chance, planted leaks are found, small folders are told so."""

import json
import random
import zlib

import numpy as np
import pytest
import torch

from videosync.cli.leaks import main
from videosync.data.manifest import Sample, View, read_manifest, write_manifest
from videosync.models.noise import NoiseEncoder
from videosync.video.write import write_video

LENGTH, REACH = 60, 10  # frames of a clip, largest offset


def write_clip(path, first, frames, *, keys):
    """``frames`` frames of noise, keyframes at the numbers ``keys``."""
    rng = np.random.default_rng(zlib.crc32(f"{path.parent.name}/{path.name}".encode()))
    pictures = rng.integers(0, 255, (frames, 16, 16, 3), dtype=np.uint8)
    write_video(path, pictures, 25.0, gop=250, b_frames=0, keyframes=keys, preset="ultrafast", threads=1)


def make_set(root, events, *, starts, frames, keys, views=2, splits=("train", "val")):
    """``starts(rng)`` and ``frames(start)`` say how each clip is cut, ``keys(rng, start, n)`` where keyframes lie."""
    samples = []
    for n in range(events):
        shown = []
        for i in range(views):
            rng = random.Random(f"{n}/{i}")
            start = starts(rng)
            count = frames(start)
            video = f"e{n:02d}/cam{i}.mp4"
            write_clip(root / video, start, count, keys=keys(rng, start, count))
            shown.append(View(video, start, count, 25.0))
        samples.append(Sample(f"e{n:02d}", splits[n % len(splits)], tuple(shown)))
    write_manifest(root, samples)
    return root


def irregular(rng, start, count):
    return np.cumsum([0, *(rng.randint(3, 9) for _ in range(count))]).tolist()


def of_the_source(rng, start, count):
    return [i for i in range(count) if (start + i) % 12 == 0]


def any_start(rng):
    return rng.randint(0, REACH)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    root = tmp_path_factory.mktemp("clean")
    return make_set(root, 64, starts=any_start, frames=lambda start: LENGTH, keys=irregular)


def rows_of(out):
    """Method → its line, without the name."""
    lines = out.split("verdict\n")[1].split("luck:")[0].splitlines()
    return {line.split("  ")[0]: line for line in lines if line.strip()}


def test_a_clean_set_is_at_chance(clean, tmp_path, capsys):
    options = ["--methods", "log_reg", "--output", str(tmp_path / "out")]
    assert main([str(clean), *options]) == 0
    out = capsys.readouterr().out
    assert "placement start" in out
    assert f"±{REACH}" in out
    assert "train: 32 pairs of views of 32 events" in out
    assert out.endswith(f"no leak found\nsets, detectors, all answers and leaks.json are in {tmp_path / 'out'}\n")
    rows = rows_of(out)
    assert "at chance" in rows["noise → log_reg"]
    assert "clips of a pair are of equal length" in rows["clip lengths"]
    assert "at chance" in rows["keyframes"]
    assert "for comparison only" in rows["packet sizes"]
    report = json.loads((tmp_path / "out" / "leaks.json").read_text())
    assert report["leaks"] == []
    noise = report["rows"][0]
    assert 25 <= noise["test"]["n_groups"] <= 32  # offsets of 0 do not count
    assert noise["chance"] >= noise["floor"]
    assert noise["interval"][0] <= noise["error"] <= noise["interval"][1]
    assert main([str(clean), *options]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_keyframes_on_the_grid_of_the_source_are_a_leak(tmp_path, capsys):
    make_set(tmp_path, 24, starts=any_start, frames=lambda start: LENGTH, keys=of_the_source)
    assert main([str(tmp_path), "--methods"]) == 2
    out = capsys.readouterr().out
    assert "LEAK" in rows_of(out)["keyframes"]
    assert "at the true offset" in rows_of(out)["keyframes"]
    assert "LEAK: offsets can be told without looking, from keyframes" in out


def test_a_common_grid_of_clips_that_start_together_is_a_leak(tmp_path, capsys):
    """Windows at random places: their offset shows in the phases of a regular grid of keyframes."""
    grid = lambda rng, start, count: list(range(0, count, 8))  # noqa: E731
    make_set(tmp_path, 24, starts=lambda rng: 0, frames=lambda start: LENGTH, keys=grid)
    assert main([str(tmp_path), "--methods"]) == 2
    out = capsys.readouterr().out
    assert "placement random" in out
    assert "LEAK" in rows_of(out)["keyframes"]
    assert "all clips of an event start together" in rows_of(out)["clip lengths"]


def test_lengths_that_give_the_start_away_are_a_leak(tmp_path, capsys):
    """Recordings that end together and of which only the starts were cut."""
    make_set(tmp_path, 24, starts=any_start, frames=lambda start: LENGTH - start, keys=irregular)
    assert main([str(tmp_path), "--methods"]) == 2
    out = capsys.readouterr().out
    assert "LEAK: better than chance by" in rows_of(out)["clip lengths"]
    assert rows_of(out)["clip lengths"].split()[2] == "0.00"
    assert "at chance" in rows_of(out)["keyframes"]
    assert main([str(tmp_path), "--methods", "--opts", "pairs.placement=random", "pairs.num_frames=30"]) == 0
    assert "which windows at random places do not show: no leak" in capsys.readouterr().out


def test_a_leak_in_the_chain_is_found_by_the_noise(clean, capsys, monkeypatch):
    """An encoder that knows the moment of each frame instead of noise: the detector learns from it."""
    starts = {str(clean / v.video): v.start_frame for s in read_manifest(clean).samples for v in s.views}
    codes = torch.nn.functional.normalize(torch.randn(200, 32, generator=torch.Generator().manual_seed(0)), dim=1)

    def moments(self, video, start, stop):
        return torch.arange(start, stop, dtype=torch.float32)[:, None] + starts[str(video)]

    monkeypatch.setattr(NoiseEncoder, "features_of", moments)
    monkeypatch.setattr(NoiseEncoder, "embed", lambda self, features, mask: codes[features[..., 0].long()])
    # shorter windows and fewer cells: 16 events are few to learn from
    assert main([str(clean), "--methods", "cnn", "--opts", "pairs.num_frames=24", "detector.cnn_lr=3e-3"]) == 2
    row = rows_of(capsys.readouterr().out)["noise → cnn"]
    assert "LEAK: better than chance by" in row


@pytest.mark.parametrize(("keys", "code"), [(irregular, 0), (of_the_source, 2)])
def test_few_events_with_many_offsets_of_their_own(tmp_path, capsys, keys, code):
    """As in CMU Panoptic: each pair of clips got its own offset, so each of them counts."""
    made = make_set(tmp_path, 36, starts=any_start, frames=lambda start: LENGTH, keys=keys)
    samples = read_manifest(made).samples
    write_manifest(made, [Sample(f"sequence{n % 4}", s.split, s.views) for n, s in enumerate(samples)])
    assert main([str(tmp_path), "--methods"]) == code
    out = capsys.readouterr().out
    assert "train: 18 pairs of views of 2 events" in out
    assert ("LEAK" if code else "at chance") in rows_of(out)["keyframes"]


def test_small_folders_are_told_that_nothing_can_be_told(tmp_path, capsys):
    make_set(tmp_path / "one", 1, starts=any_start, frames=lambda start: LENGTH, keys=of_the_source, views=3)
    assert main([str(tmp_path / "one")]) == 0
    out = capsys.readouterr().out
    assert "events were divided into two halves" in out
    assert "noise was not run through the detectors: they need 2 events or more" in out
    assert "cannot be told: 1 independent offset, too few for any leak" in rows_of(out)["keyframes"]
    assert out.endswith("no leak found; too few offsets to tell: keyframes\n")
    single = [Sample("e", "train", (View("one.mp4", 0, 9, 25.0),))]
    write_clip(tmp_path / "alone" / "one.mp4", 0, 9, keys=[0])
    write_manifest(tmp_path / "alone", single)
    assert main([str(tmp_path / "alone")]) == 0
    assert "all samples have one view" in capsys.readouterr().out


def test_wrong_input_is_one_sentence(clean, capsys):
    assert main([str(clean), "--methods", "log_rg"]) == 2
    assert "Did you mean 'log_reg'?" in capsys.readouterr().err
    assert main([str(clean), "--opts", "pairs.max_ofset=3"]) == 2
    with pytest.raises(SystemExit):
        main([str(clean), "--pairs", "0"])


@pytest.mark.slow
@pytest.mark.parametrize("views", [2, 4])
@pytest.mark.parametrize("together", [False, True])
def test_all_detectors_on_more_events(tmp_path, capsys, views, together):
    starts = (lambda rng: 0) if together else any_start
    make_set(tmp_path, 120, starts=starts, frames=lambda start: 2 * LENGTH, keys=irregular, views=views)
    assert main([str(tmp_path)]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert sum("at chance" in row for row in rows.values()) == 7 - together
    for name in ("log_reg", "svm", "mlp", "cnn", "equivariant"):
        assert "at chance" in rows[f"noise → {name}"]
