"""Published CrissCross weights in all their wrappings, and one sentence for each file that does not fit."""

import zipfile

import pytest
import torch
from safetensors.torch import save_file

from videosync.checkpoints.checkpoint import save_checkpoint
from videosync.checkpoints.crisscross import find_published, load_backbone, load_published, start_from_published
from videosync.errors import CheckpointError
from videosync.models.audio_resnet import AudioBackbone
from videosync.models.crisscross import CrissCrossModel
from videosync.models.options import CrissCrossOptions
from videosync.models.r2plus1d import VideoBackbone

SMALL = CrissCrossOptions(width=2, projection_size=8, prediction_size=4)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return CrissCrossModel(SMALL)


def under(prefix, backbone):
    return {f"{prefix}{name}": tensor for name, tensor in backbone.state_dict().items()}


def same(weights, backbone):
    own = backbone.state_dict()
    return weights.keys() == own.keys() and all(torch.equal(weights[name], own[name]) for name in own)


WRAPPINGS = {
    "bare": lambda m: m.video.state_dict(),
    "state_dict of DDP": lambda m: {"epoch": 3, "state_dict": under("module.", m.video)},
    "training checkpoint": lambda m: {
        "model": {f"module.{name}": tensor for name, tensor in m.state_dict().items()},
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": []},
    },
    "both side by side": lambda m: {"video": m.video.state_dict(), "audio": m.audio.state_dict()},
    "backbone and classifier": lambda m: {**under("encoder.", m.video), "classifier.weight": torch.zeros(3, 16)},
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_the_backbone_is_found_in_every_wrapping(wrapping, model, tmp_path):
    path = tmp_path / "weights.pth.tar"
    torch.save(WRAPPINGS[wrapping](model), path)
    kind, weights = load_published(path, "video")
    assert kind == "video"
    assert same(weights, model.video)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_zip_a_safetensors_file_and_a_run_are_read_as_well(model, tmp_path, legacy):
    torch.save(model.video.state_dict(), tmp_path / "vid.pth.tar", _use_new_zipfile_serialization=not legacy)
    torch.save(model.audio.state_dict(), tmp_path / "aud.pth.tar", _use_new_zipfile_serialization=not legacy)
    with zipfile.ZipFile(tmp_path / "both.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "vid.pth.tar", "weights/vid.pth.tar")
        archive.write(tmp_path / "aud.pth.tar", "weights/aud.pth.tar")
        archive.writestr("__MACOSX/weights/._aud.pth.tar", b"finder")
        archive.writestr("README.md", "two backbones")
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    options = {"state": {}, "epoch": 1, "step": 1, "metrics": {}, "config": {}}
    save_checkpoint(tmp_path / "run", "best", weights=model.state_dict(), **options)
    for name in ("both.zip", "model.safetensors", "run"):
        assert same(load_published(tmp_path / name, "video")[1], model.video), name
        assert same(load_published(tmp_path / name, "audio")[1], model.audio), name
    kind, weights = load_published(tmp_path / "aud.pth.tar")
    assert kind == "audio"
    assert same(weights, model.audio)


def damaged(folder, model):
    """File name → what it holds, and words of the answer."""
    video, audio = model.video.state_dict(), model.audio.state_dict()
    torch.save(audio, folder / "audio.pth")
    yield "audio.pth", "holds the audio backbone, not a video backbone.*crisscross.audio_weights"
    torch.save({n: t for n, t in video.items() if "conv3x.1" not in n}, folder / "missing.pth")
    yield "missing.pth", "does not fit the video backbone.*missing: conv3x.1.spt_conv1.weight.* and 19 more"
    torch.save({**video, "fc.weight": torch.zeros(2, 2)}, folder / "more.pth")
    yield "more.pth", "unexpected: fc.weight"
    torch.save({**video, "conv1.1.weight": torch.zeros(7)}, folder / "shape.pth")
    yield "shape.pth", r"shape: conv1.1.weight \[7\] instead of \[2\]"
    torch.save({"a": video, "ema": video}, folder / "twice.pth")
    yield "twice.pth", r"more than one backbone \(in a, ema\)"
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, folder / "resnet.pth")
    yield "resnet.pth", r"no backbone of CrissCross \(it has 1 tensors: conv1.weight"
    torch.save([1, 2], folder / "list.pth")
    yield "list.pth", "it has no tensors"
    (folder / "noise.pth.tar").write_bytes(bytes(range(256)) * 40)
    yield "noise.pth.tar", "cannot be read as a file of tensors"
    whole = (folder / "audio.pth").read_bytes()
    (folder / "cut.pth").write_bytes(whole[: len(whole) // 2])
    yield "cut.pth", "cannot be read as a file of tensors"
    with zipfile.ZipFile(folder / "noise.zip", "w") as archive:
        archive.writestr("vid.pth.tar", b"noise" * 50)
    yield "noise.zip", "noise.zip/vid.pth.tar: cannot be read as a file of tensors"
    yield "absent.pth", "there is no such file"


def test_what_does_not_fit_is_answered_in_one_sentence(model, tmp_path):
    for name, words in damaged(tmp_path, model):
        with pytest.raises(CheckpointError, match=words) as error:
            load_published(tmp_path / name, "video")
        assert str(error.value).startswith(str(tmp_path / name)), name
        assert "\n" not in str(error.value)
        assert "weights_only" not in str(error.value)


def test_which_of_two_is_wanted_has_to_be_said(model, tmp_path):
    torch.save(model.state_dict(), tmp_path / "both.pth")
    with pytest.raises(CheckpointError, match=r"both backbones, so say which is wanted \(in video, audio\)"):
        load_published(tmp_path / "both.pth")


def test_code_in_a_file_is_not_run(tmp_path):
    torch.save({"video": CrissCrossOptions()}, tmp_path / "code.pth")
    with pytest.raises(CheckpointError, match="class videosync.models.options.CrissCrossOptions, which is not loaded"):
        load_published(tmp_path / "code.pth")


def test_training_starts_from_named_weights(model, tmp_path):
    folder = tmp_path / "pretrained_models"
    folder.mkdir()
    torch.save(model.video.state_dict(), folder / "vid_crisscross_kinetics400.pth.tar")
    torch.save(model.audio.state_dict(), tmp_path / "audio.pth")
    with zipfile.ZipFile(folder / "aud_crisscross_audioset.zip", "w") as archive:
        archive.write(tmp_path / "audio.pth", "aud_crisscross_audioset.pth.tar")
    fresh = CrissCrossModel(SMALL)
    options = CrissCrossOptions(width=2, video_weights="kinetics400", audio_weights="audioset")
    said = start_from_published(fresh, options, tmp_path)
    assert same(fresh.video.state_dict(), model.video)
    assert same(fresh.audio.state_dict(), model.audio)
    assert [sentence.split(" in ")[0] for sentence in said] == [
        f"starting from the {kind} backbone" for kind in ("video", "audio")
    ]
    before = fresh.state_dict()
    assert start_from_published(fresh, SMALL, tmp_path) == []
    assert all(torch.equal(before[name], tensor) for name, tensor in fresh.state_dict().items())


def test_another_width_says_which_option_to_set(model, tmp_path):
    torch.save(model.audio.state_dict(), tmp_path / "aud.pth")
    with pytest.raises(CheckpointError, match="width of 2, but that of this model is 4; set crisscross.width=2"):
        load_backbone(AudioBackbone(width=4), tmp_path / "aud.pth")
    with pytest.raises(CheckpointError, match="holds the audio backbone, not a video backbone"):
        load_backbone(VideoBackbone(width=2), tmp_path / "aud.pth")


@pytest.mark.parametrize(("name", "words"), [("audioset", "project page"), ("mine.pth", "kinetics_sound, kinetics400")])
def test_missing_weights_say_where_from_and_how_to_do_without(tmp_path, name, words):
    with pytest.raises(CheckpointError, match=words) as error:
        find_published(name, "video", tmp_path)
    assert "crisscross.video_weights=''" in str(error.value)
    assert str(tmp_path) in str(error.value)
