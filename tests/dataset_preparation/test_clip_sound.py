"""Clips keep the stretch of sound that belongs to their frames; what is wrong with it is counted, and costs no clip."""

import json
from fractions import Fraction

import av
import numpy as np
import pytest

from dataset_preparation import kinetics400_process, multiview_process
from dataset_preparation.clips.cut import Cut, Encoding, cut_clips, cut_whole
from tests.audio.sounded import FLASHES, clicks_after_flashes, damage_sound, delayed, write_flashes
from tests.dataset_preparation.reports import report_of
from tests.video.numbered import numbered_frames, write_raw
from videosync.audio.read import decoder_version, probe_sound, read_sound
from videosync.errors import NoSoundError
from videosync.video.sound_track import Sound
from videosync.video.write import write_video

ENCODING = Encoding(size=32, crf=12, sound=True)
HUM = Sound(0.3 * np.sin(np.arange(5 * 16000)), 16000)


def test_a_cut_clip_has_the_sound_of_its_frames(tmp_path):
    write_flashes(tmp_path / "s.mp4", 25, 44100)
    cuts = [Cut("a.mp4", 0, 130), Cut("b.mp4", 50, 70), Cut("c.mp4", 70, 30)]
    outcome = cut_clips(str(tmp_path / "s.mp4"), cuts, tmp_path, fps=25.0, encoding=ENCODING)
    assert [(clip.clip, clip.sound_kind) for clip in outcome.clips] == [
        ("c.mp4", "silent"), ("b.mp4", ""), ("a.mp4", "")
    ]  # fmt: skip
    for name, first, count, flashes in (("a.mp4", 0, 130, 3), ("b.mp4", 50, 70, 2), ("c.mp4", 70, 30, 0)):
        found = clicks_after_flashes(tmp_path / name)
        assert len(found) == flashes == sum(first <= flash < first + count for flash in FLASHES)
        np.testing.assert_allclose(found, 0, atol=0.001)
        info = probe_sound(tmp_path / name)
        assert (info.rate, info.channels, info.codec) == (16000, 1, "aac")
        assert (info.start, info.seconds) == (pytest.approx(0), pytest.approx(count / 25, abs=0.065))


def test_a_whole_clip_has_the_whole_sound_also_late_and_of_any_rate(tmp_path):
    write_flashes(tmp_path / "s.mkv", Fraction(30000, 1001), 48000, b_frames=0)
    delayed(tmp_path / "s.mkv", tmp_path / "late.mkv", 0.3)
    for name, late in (("s.mkv", 0.0), ("late.mkv", 0.3)):
        outcome = cut_whole(str(tmp_path / name), "clip.mp4", tmp_path, encoding=ENCODING)
        assert (outcome.clips[0].num_frames, outcome.clips[0].sound_kind) == (130, "")
        np.testing.assert_allclose(clicks_after_flashes(tmp_path / "clip.mp4", late), late, atol=0.0015)


def test_a_clip_is_as_long_in_sound_as_its_source(tmp_path):
    short = Sound(HUM.samples[:16000], 16000)
    write_video(tmp_path / "s.mp4", numbered_frames(50), 25, sound=short)
    cuts = [Cut("a.mp4", 10, 40), Cut("b.mp4", 30, 20)]
    outcome = cut_clips(str(tmp_path / "s.mp4"), cuts, tmp_path, fps=25.0, encoding=ENCODING)
    assert probe_sound(tmp_path / "a.mp4").seconds == pytest.approx(0.6, abs=0.065)
    with pytest.raises(NoSoundError):
        probe_sound(tmp_path / "b.mp4")
    (clip,) = (clip for clip in outcome.clips if clip.clip == "b.mp4")
    assert clip.sound_kind == "no sound"
    assert "s.mp4: its sound, from 0.000 s to 1.0" in clip.sound_why


def test_a_varying_frame_rate_has_no_sound_in_step(tmp_path):
    ticks = [number + (number > 20) * 30 for number in range(60)]
    write_raw(tmp_path / "silent.mp4", 60, ticks=ticks)
    plain = cut_whole(str(tmp_path / "silent.mp4"), "clip.mp4", tmp_path, encoding=ENCODING).clips[0]
    assert plain.sound_kind == "no sound"
    write_video(tmp_path / "s.mp4", numbered_frames(60), 30, sound=HUM)
    uneven = tmp_path / "uneven.mp4"
    merge(tmp_path / "silent.mp4", tmp_path / "s.mp4", uneven)
    clip = cut_whole(str(uneven), "clip.mp4", tmp_path, encoding=ENCODING).clips[0]
    assert (clip.num_frames, clip.sound_kind) == (60, "frame times")
    assert "its frame rate varies" in clip.sound_why


def merge(pictures, sound, path):
    """The pictures of one file and the sound of another."""
    with av.open(str(pictures)) as one, av.open(str(sound)) as other, av.open(str(path), "w") as new:
        streams = (
            new.add_stream_from_template(one.streams.video[0]),
            new.add_stream_from_template(other.streams.audio[0]),
        )
        for packets, stream in ((one.demux(video=0), streams[0]), (other.demux(audio=0), streams[1])):
            for packet in packets:
                if packet.dts is not None:
                    packet.stream = stream
                    new.mux(packet)


def write_recordings(root):
    """Four cameras of one event: with sound, without, with damaged and with silent sound."""
    frames = numbered_frames(50)
    (root / "event").mkdir(parents=True)
    write_video(root / "event/a.mp4", frames, 25, sound=HUM)
    write_video(root / "event/b.mp4", frames, 25)
    write_video(root / "event/c.mp4", frames, 25, sound=HUM)
    damage_sound(root / "event/c.mp4", 0.5, 1.5)
    write_video(root / "event/d.mp4", frames, 25, sound=Sound(np.zeros(32000), 16000))


def has_sound(path):
    try:
        return bool(read_sound(path).any())
    except NoSoundError:
        return False


def multiview(root, out):
    return multiview_process.main([str(root), str(out), "--size", "32", "--workers", "1", "--val_events", "event"])


def kinetics(root, out):
    return kinetics400_process.main([str(root), str(out), "--size", "32", "--workers", "1"])


def as_kinetics(root):
    (root / "event").rename(root / "train")
    for path in list((root / "train").iterdir()):
        path.rename(path.with_name(f"abcdefghij{path.stem}_000001_000011.mp4"))


@pytest.mark.parametrize("prepare", [multiview, kinetics], ids=["multiview", "kinetics400"])
def test_prepared_folders_keep_sound_and_say_what_is_wrong_with_it(prepare, tmp_path, capsys):
    root, out = tmp_path / "raw", tmp_path / "out"
    write_recordings(root)
    if prepare is kinetics:
        as_kinetics(root)
    assert prepare(root, out) == 0
    clips = sorted(out.glob("**/*.mp4"), key=lambda path: path.stem)
    assert [has_sound(clip) for clip in clips] == [True, False, False, False]
    report = report_of(out)
    assert report["settings"]["sound_rate"] == 16000
    assert report["decoder"] == decoder_version()
    assert report["sound_kinds"] == {"no sound": 1, "silent": 1, "sound damaged": 1}
    assert report["dropped_kinds"] == {}
    assert len(report["sound"]) == 3
    whys = {entry["kind"]: entry["why"] for entry in report["sound"]}
    assert "has no sound" in whys["no sound"]
    assert "cannot be decoded" in whys["sound damaged"]
    assert "kept, with a note on its sound:  1 × sound damaged" in capsys.readouterr().out

    # what was made without sound is made anew, and nothing else is
    made = {clip: clip.stat().st_mtime_ns for clip in clips}
    (record,) = (path for path in (out / ".done").iterdir() if clips[0].name in path.read_text())
    older = json.loads(record.read_text())
    del older["settings"]["sound_rate"]
    record.write_text(json.dumps(older))
    assert prepare(root, out) == 0
    assert [clip for clip in clips if clip.stat().st_mtime_ns != made[clip]] == clips[:1]
    assert report_of(out) == report
