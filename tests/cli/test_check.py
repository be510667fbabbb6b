"""``videosync check``: a summary, every problem on a line, a picture, and the exit code."""

import json
import random

import av
import numpy as np
import pytest

from videosync.cli.check import choose_samples, main
from videosync.data.contact_sheet import aligned_moments, write_contact_sheet
from videosync.data.manifest import Sample, View, read_manifest, write_manifest
from videosync.errors import ManifestError
from videosync.video.read import read_frames
from videosync.video.write import write_video


@pytest.fixture
def dataset(tmp_path):
    """Two events; each frame's grey is its place on the timeline, so that aligned pictures are equal."""
    samples = []
    for event, split, starts in (("a", "train", (0, 5)), ("b", "val", (3, 0, 1))):
        views = []
        for i, start in enumerate(starts):
            grey = (4 * (start + np.arange(40))).astype(np.uint8)
            frames = np.broadcast_to(grey[:, None, None, None], (40, 32, 48, 3))
            write_video(tmp_path / event / f"cam{i}.mp4", frames, 25.0, crf=1)
            views.append(View(f"{event}/cam{i}.mp4", start, 40, 25.0))
        samples.append(Sample(event, split, tuple(views)))
    write_manifest(tmp_path, samples)
    return tmp_path


def test_a_sound_dataset(dataset, capsys):
    assert main([str(dataset)]) == 0
    out = capsys.readouterr().out
    header, train, val, *rest = out.splitlines()
    columns = "split  events  samples  views  clips  hours  frames/s   size  frames  offset k"
    assert header.split() == columns.split()
    assert train.split() == ["train", "1", "1", "2", "2", "0.001", "25", "48x32", "40", "-5", "…", "5"]
    assert val.split() == ["val", "1", "1", "3", "3", "0.001", "25", "48x32", "40", "-3", "…", "3"]
    assert "no problems found" in rest
    assert (dataset / "contact_sheet.png").read_bytes().startswith(b"\x89PNG")


def test_each_problem_is_a_line_and_the_code_is_2(dataset, capsys):
    manifest = read_manifest(dataset)
    first, second = manifest.samples
    wrong = View("a/cam0.mp4", 0, 41, 30.0)
    third = Sample("a", "val", (View("c/cam0.mp4", 0, 40, 25.0),))
    write_manifest(dataset, [Sample("a", "train", (wrong, first.views[1])), second, third])
    assert main([str(dataset), "--max_offset", "2", "--sheet", str(dataset / "x.png")]) == 2
    problems = [line for line in capsys.readouterr().out.splitlines() if line.startswith("problem: ")]
    expected = [
        "event 'a' is in splits 'train' and 'val'",
        "30 frames/s and cam1 25",
        "start -5 frames apart",
        "start 3 frames apart",
        "c/cam0.mp4: the file is missing",
        "says 41 frames, the file has 40",
        "says 30 frames/s, the file has 25",
    ]
    for text in expected:
        assert sum(text in problem for problem in problems) == 1, text
    assert len(problems) == len(expected)
    assert (dataset / "x.png").is_file()


def test_damage_that_only_decoding_finds(dataset, capsys):
    path = dataset / "b" / "cam1.mp4"
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    middle = packets[len(packets) // 2]
    data[middle.pos : middle.pos + middle.size] = b"\x00" * middle.size
    path.write_bytes(bytes(data))
    assert main([str(dataset), "--sheet", str(dataset / "x.png")]) == 2
    assert "cam1.mp4: frame" in capsys.readouterr().out
    assert (dataset / "x.png").is_file()  # the sheet shows what can be shown
    assert main([str(dataset), "--decode", "0", "--samples", "0"]) == 0  # packets alone look sound


def test_bad_folders_are_one_sentence(dataset, tmp_path, capsys):
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err
    (dataset / "manifest.jsonl").write_text(json.dumps({"evnt": 1}))
    assert main([str(dataset)]) == 2
    assert "Did you mean 'event'?" in capsys.readouterr().err


def test_a_sheet_that_cannot_be_written(dataset, capsys):
    assert main([str(dataset), "--sheet", str(dataset / "no" / "such" / "place.png")]) == 2
    assert "name another place" in capsys.readouterr().err
    manifest = read_manifest(dataset)
    with pytest.raises(ManifestError, match="cannot be written"):
        write_contact_sheet(manifest, manifest.samples, dataset / "no" / "x.png")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--decode", "-3"], "--decode -3: must be 0 or more"),
        (["--samples", "-1"], "--samples -1"),
        (["--max_offset", "-1"], "--max_offset -1"),
        (["--sheet", "sheet.foo"], "expected a name that ends in .png"),
    ],
)
def test_wrong_flags_are_one_sentence(dataset, capsys, flags, said):
    with pytest.raises(SystemExit) as stopped:
        main([str(dataset), *flags])
    captured = capsys.readouterr()
    assert stopped.value.code == 2
    assert said in captured.err
    assert (captured.out, captured.err.count("\n")) == ("", 1)


def test_pictures_above_each_other_show_the_same_moment(dataset):
    manifest = read_manifest(dataset)
    sample = manifest.of_split("val")[0]
    moments = aligned_moments(sample, 5)
    assert len(moments) == 5
    grey = [
        read_frames(manifest.path(view))[moments - view.start_frame].mean((1, 2, 3)) for view in sample.views
    ]
    np.testing.assert_allclose(grey[0], 4 * moments, atol=3)  # a wrong moment would be 4 or more away
    np.testing.assert_allclose(grey[1], grey[0], atol=2)
    np.testing.assert_allclose(grey[2], grey[0], atol=2)


def test_the_sheet_takes_all_splits_and_events_before_repeats():
    def line(event, split):
        return Sample(event, split, (View(f"{event}/l.mp4", 0, 9, 25.0), View(f"{event}/r.mp4", 0, 9, 25.0)))

    samples = [line(f"t{i // 3}", "train") for i in range(30)] + [line("v", "val")]
    chosen = choose_samples(samples, 4, random.Random(0))
    assert len({sample.event for sample in chosen}) == 4
    assert {sample.split for sample in chosen} == {"train", "val"}
    assert len(choose_samples(samples, 100, random.Random(0))) == 31
