"""Cutting: overlapping clips from one pass, frame by frame the source's; damage costs only what needs it."""

import numpy as np
import pytest

from dataset_preparation.clips import cut as cut_module
from dataset_preparation.clips.cut import Cut, Encoding, cut_clips, cut_whole
from tests.video.numbered import number_in, numbered_frames
from videosync.errors import VideoError, VideoWriteError
from videosync.jobs.job import Rejected
from videosync.video.read import probe, read_frames
from videosync.video.write import write_video

ENCODING = Encoding(size=64, crf=12)


def read_numbers(path):
    return [number_in(frame) for frame in read_frames(path)]


def cut(path, cuts, folder, **more):
    return cut_clips(str(path), cuts, folder, fps=25.0, encoding=ENCODING, **more)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """200 numbered frames with B-frames and keyframes far apart."""
    path = tmp_path_factory.mktemp("source") / "long.mp4"
    write_video(path, numbered_frames(200), 25.0, gop=90, b_frames=3)
    return path


def test_overlapping_clips_of_one_pass_hold_the_frames_they_name(source, tmp_path):
    cuts = [Cut("b.mp4", 20, 30), Cut("a.mp4", 0, 25), Cut("x/c.mp4", 20, 5), Cut("d.mp4", 150, 50)]
    outcome = cut(source, cuts, tmp_path)
    assert {(c.clip, c.first, c.num_frames) for c in outcome.clips} == {(c.clip, c.first, c.num_frames) for c in cuts}
    assert outcome.rejected == ()
    assert outcome.frames == 100  # 0 … 49 and 150 … 199, each once
    for each in cuts:
        expected = np.arange(each.first, each.first + each.num_frames)
        np.testing.assert_array_equal(read_numbers(tmp_path / each.clip), expected)
        assert probe(tmp_path / each.clip).fps == 25.0


def test_the_same_cut_gives_the_same_bytes_whatever_is_cut_beside_it(source, tmp_path):
    cut(source, [Cut("a.mp4", 10, 40)], tmp_path / "alone")
    cut(source, [Cut("b.mp4", 0, 60), Cut("a.mp4", 10, 40)], tmp_path / "beside")
    assert (tmp_path / "alone/a.mp4").read_bytes() == (tmp_path / "beside/a.mp4").read_bytes()


class Picky:
    """Rejects clips that hold a bright frame."""

    def __init__(self, clip):
        self.clip, self.seen = clip, []

    def look(self, number, frame):
        self.seen.append(number)
        assert self.seen == list(range(len(self.seen)))
        bright = frame.to_ndarray(format="gray").mean() > 100
        return Rejected(self.clip, "bright", f"frame {number}") if bright else None


def test_a_judge_sees_every_frame_and_rejected_clips_are_not_kept(tmp_path):
    frames = np.full((60, 64, 64, 3), 40, np.uint8)
    frames[30] = 200
    write_video(tmp_path / "s.mp4", frames, 25.0)
    cuts = [Cut("good.mp4", 0, 30), Cut("bad.mp4", 20, 20)]
    outcome = cut(tmp_path / "s.mp4", cuts, tmp_path, judge=lambda c: Picky(c.clip))
    assert [clip.clip for clip in outcome.clips] == ["good.mp4"]
    assert outcome.rejected == (Rejected("bad.mp4", "bright", "frame 10"),)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["good.mp4", "s.mp4"]


def test_what_cannot_be_read_costs_the_clips_that_need_it_and_no_others(source, tmp_path):
    cuts = [Cut("in.mp4", 0, 20), Cut("out.mp4", 190, 20), Cut("beyond.mp4", 300, 5)]
    outcome = cut(source, cuts, tmp_path)
    assert [clip.clip for clip in outcome.clips] == ["in.mp4"]
    assert {r.clip: r.kind for r in outcome.rejected} == {"out.mp4": "too short", "beyond.mp4": "too short"}
    assert "has 200 frames" in outcome.rejected[0].why
    (tmp_path / "junk.mp4").write_bytes(b"no video at all")
    outcome = cut(tmp_path / "junk.mp4", [Cut("a.mp4", 0, 5), Cut("b.mp4", 9, 5)], tmp_path)
    assert outcome.clips == ()
    assert {(r.clip, r.kind) for r in outcome.rejected} == {("a.mp4", "unreadable"), ("b.mp4", "unreadable")}
    assert not (tmp_path / "a.mp4").exists()


def test_damage_in_the_middle_costs_what_lies_there(tmp_path, monkeypatch):
    write_video(tmp_path / "s.mp4", numbered_frames(60), 25.0)
    real = cut_module.scaled_frames

    def damaged(path, numbers, size):
        for number, frame in real(path, numbers, size):
            if number == 30:
                raise VideoError(f"{path}: frame 30 cannot be decoded")
            yield number, frame

    monkeypatch.setattr(cut_module, "scaled_frames", damaged)
    cuts = [Cut("before.mp4", 0, 30), Cut("over.mp4", 25, 20), Cut("at.mp4", 30, 5), Cut("after.mp4", 31, 29)]
    outcome = cut(tmp_path / "s.mp4", cuts, tmp_path)
    assert {clip.clip for clip in outcome.clips} == {"before.mp4", "after.mp4"}
    assert {r.clip for r in outcome.rejected} == {"over.mp4", "at.mp4"}
    assert read_numbers(tmp_path / "after.mp4") == list(range(31, 60))
    assert not list(tmp_path.glob(".*"))


def test_a_whole_file_needs_one_pass_and_no_length(tmp_path):
    write_video(tmp_path / "s.avi", numbered_frames(70), 25.0, codec="mpeg4", crf=None, bit_rate=4_000_000)
    outcome = cut_whole(str(tmp_path / "s.avi"), "whole.mp4", tmp_path, encoding=ENCODING)
    assert [(c.first, c.num_frames, c.fps) for c in outcome.clips] == [(0, 70, 25.0)]
    np.testing.assert_array_equal(read_numbers(tmp_path / "whole.mp4"), np.arange(70))
    later = cut_whole(str(tmp_path / "s.avi"), "later.mp4", tmp_path, encoding=ENCODING, first=12)
    assert [(c.first, c.num_frames) for c in later.clips] == [(12, 58)]
    np.testing.assert_array_equal(read_numbers(tmp_path / "later.mp4"), np.arange(12, 70))
    with pytest.raises(VideoError, match="has 70 frames, none from frame 70 on"):
        cut_whole(str(tmp_path / "s.avi"), "none.mp4", tmp_path, encoding=ENCODING, first=70)
    assert not (tmp_path / "none.mp4").exists()


def test_a_place_that_cannot_be_written_stops_everything(source, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(VideoWriteError, match="cannot be written"):
        cut(source, [Cut("file/a.mp4", 0, 5)], tmp_path)
