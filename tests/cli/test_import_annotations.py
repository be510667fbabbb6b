import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from videosync.carl.annotations import event_of, read_annotations
from videosync.cli.import_annotations import main
from videosync.data.frame_labels import read_frame_labels
from videosync.data.manifest import read_manifest, validate_manifest
from videosync.errors import ManifestError
from videosync.video.write import write_video


def clip(path, frames=20):
    write_video(path, np.full((frames, 16, 16, 3), 90, np.uint8), 30.0)
    return path


def entry(number, name, first, second, labels, folder="processed_videos"):
    return {
        "id": number, "name": name, "video_file_0": f"{folder}/{first}", "video_file_1": f"{folder}/{second}",
        "seq_len_0": 240, "seq_len_1": 240, "label_0": np.int64(labels[0]), "label_1": labels[1],
    }  # fmt: skip


@pytest.fixture
def old(tmp_path):
    """Two NTU events, as the older code leaves them."""
    for event in ("P001R001A007", "P001R002A007"):
        for camera in (1, 2):
            clip(tmp_path / "processed_videos" / f"S001C00{camera}{event}.mp4", 15 + 5 * camera)
    names = {e: [f"S001C00{c}{e}.mp4" for c in (1, 2)] for e in ("P001R001A007", "P001R002A007")}
    train = [entry(0, "S001C001P001R001A007", *names["P001R001A007"], (12, 3))]
    val = [entry(0, "S001C001P001R002A007", *names["P001R002A007"], (0, 5))]
    for split, content in (("train", train), ("val", val)):
        (tmp_path / f"{split}.pkl").write_bytes(pickle.dumps(content))
    return tmp_path


def test_pairs_become_a_manifest_beside_the_files(old, capsys):
    assert main([str(old)]) == 0
    train, val = read_manifest(old).samples
    assert (train.event, train.split) == ("S001P001R001A007", "train")
    assert [(v.video, v.start_frame, v.num_frames, v.fps) for v in train.views] == [
        ("processed_videos/S001C001P001R001A007.mp4", 12, 20, 30.0),
        ("processed_videos/S001C002P001R001A007.mp4", 3, 25, 30.0),
    ]
    assert [v.start_frame for v in val.views] == [0, 5]
    assert validate_manifest(read_manifest(old), deep=True) == []
    assert "train: 1 pairs of 1 events" in capsys.readouterr().out


def test_the_manifest_may_lie_elsewhere_and_the_videos_too(old, tmp_path):
    away, out = tmp_path / "away", tmp_path / "out"
    (old / "processed_videos").rename(away)
    assert main([str(old), "--output_dir", str(out)]) == 2
    assert main([str(old), "--output_dir", str(out), "--video_root", str(away)]) == 0
    manifest = read_manifest(out)
    assert all(manifest.path(view).is_file() for sample in manifest.samples for view in sample.views)
    assert manifest.samples[0].views[0].video.startswith("../away/")


def carl(folder, split, names, *, penn=False, labels=None):
    """What CARL's tfrecords_to_videos.py leaves: a dict a video, with a tensor of the frames' phases."""
    entries = []
    for number, name in enumerate(names):
        clip(folder / "videos" / f"{name}.mp4", 20 + number)
        phases = torch.arange(20 + number) // 5 if labels is None else labels
        entries.append(
            {"id": number, "video_file": f"videos/{name}.mp4", "frame_label": phases, "seq_len": 20, "name": name}
        )
    content = (entries, [[], list(range(len(entries)))]) if penn else entries
    with open(folder / f"{split}.pkl", "wb") as file:
        pickle.dump(content, file)


@pytest.mark.parametrize("penn", [False, True])
def test_videos_with_the_phases_of_their_frames(tmp_path, capsys, penn):
    carl(tmp_path, "train", ["0001_bowl", "0002_squat"], penn=penn)
    carl(tmp_path, "val", ["water2_real_view_0"], penn=penn, labels=torch.tensor([-1.0] * 8 + [3.0] * 12))
    assert main([str(tmp_path), "--output_dir", str(tmp_path / "out")]) == 0
    assert "train: 2 videos of 2 events, 2 with frame labels" in capsys.readouterr().out
    manifest = read_manifest(tmp_path / "out")
    assert validate_manifest(manifest, deep=True) == []
    assert [(s.split, s.event, len(s.views)) for s in manifest.samples] == [
        ("train", "0001_bowl", 1), ("train", "0002_squat", 1), ("val", "water2_real", 1),
    ]  # fmt: skip
    labels = [read_frame_labels(manifest, sample.views[0]).tolist() for sample in manifest.samples]
    assert labels == [[i // 5 for i in range(20)], [i // 5 for i in range(21)], [-1] * 8 + [3] * 12]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (torch.arange(7), "train.pkl entry 0: has 7 frame labels, but"),
        (torch.full((20,), 0.5), "'frame_label' is array([0.5"),
        (torch.zeros(20, 2), "must be a tensor with a whole number for each frame"),
        ("phases", "'frame_label' is 'phases'"),
    ],
)
def test_labels_that_do_not_fit_the_video(tmp_path, capsys, labels, said):
    carl(tmp_path, "train", ["0001_bowl"], labels=labels)
    carl(tmp_path, "val", ["0003_bowl"])
    assert main([str(tmp_path)]) == 0
    assert said in capsys.readouterr().out
    assert [sample.split for sample in read_manifest(tmp_path).samples] == ["val"]


def window(sequence, camera, first):
    return f"{sequence}_hd_00_{camera:02d}_{first:06d}_{first + 20:06d}.mp4"


def test_windows_of_one_sequence_keep_their_place_on_its_timeline(tmp_path, capsys):
    pairs = [(100, 107), (100, 90)]  # camera 3 at frame 100 in both
    entries = []
    for number, (first, second) in enumerate(pairs):
        names = window("pose1", 3, first), window("pose1", 11, second)
        for name in names:
            clip(tmp_path / name)
        entries.append(entry(number, "pose1", *names, (first - second, 0), folder="."))
    (tmp_path / "val.pkl").write_bytes(pickle.dumps(entries))
    assert main([str(tmp_path)]) == 0
    starts = [[v.start_frame for v in s.views] for s in read_manifest(tmp_path).samples]
    assert sorted(starts) == [[100, 90], [100, 107]]
    assert validate_manifest(read_manifest(tmp_path)) == []


def test_negative_labels_are_moved_up_together(tmp_path):
    entries = [entry(0, "a", "x.mp4", "y.mp4", (-7, 0), folder=str(tmp_path))]
    clip(tmp_path / "x.mp4")
    clip(tmp_path / "y.mp4")
    (tmp_path / "train.pkl").write_bytes(pickle.dumps(entries))
    assert main([str(tmp_path)]) == 0
    assert [v.start_frame for v in read_manifest(tmp_path).samples[0].views] == [0, 7]


def test_sets_that_were_split_by_pair_are_refused_or_split_by_event(old, capsys):
    content = pickle.loads((old / "train.pkl").read_bytes())
    (old / "val.pkl").write_bytes(pickle.dumps(content + pickle.loads((old / "val.pkl").read_bytes())))
    assert main([str(old)]) == 2
    assert "1 events are in both train.pkl and val.pkl" in capsys.readouterr().err
    assert not (old / "manifest.jsonl").exists()
    assert main([str(old), "--resplit", "0.5"]) == 0
    samples = read_manifest(old).samples
    assert sorted(sample.split for sample in samples) == ["train", "val"]  # the repeated pair is there once


def test_entries_that_cannot_be_used_are_named(old, capsys):
    content = pickle.loads((old / "train.pkl").read_bytes())
    content += [{"name": "x"}, {**content[0], "label_0": "seven"}, {**content[0], "label_0": float("nan")}]
    content += [{**content[0], "video_file_1": "none.mp4"}]
    (old / "train.pkl").write_bytes(pickle.dumps(content))
    assert main([str(old)]) == 0
    out = capsys.readouterr().out
    assert "train.pkl entry 1: 'video_file_0' is None, but must be text" in out
    assert "train.pkl entry 2: 'label_0' is 'seven', but must be a whole number" in out
    assert "train.pkl entry 3: 'label_0' is nan, but must be a whole number" in out
    assert "train.pkl entry 4: none.mp4 is not there" in out


def test_folders_and_files_that_are_something_else(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "neither train.pkl nor val.pkl" in capsys.readouterr().err
    (tmp_path / "val.pkl").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ManifestError, match="expected a list with a dict for each pair or video, got dict"):
        read_annotations(Path(tmp_path))
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), "--resplit", "2"])


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("S001C002P001R002A007", "S001P001R002A007"),
        ("creamsoda_to_clear5_real_view_", "creamsoda_to_clear5_real"),
        ("creamsoda_to_clear5_real_view_1", "creamsoda_to_clear5_real"),
        ("171204_pose1", "171204_pose1"),
    ],
)
def test_names_of_events(name, event):
    assert event_of(name) == event
