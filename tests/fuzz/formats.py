"""One healthy sample of every other format that VideoSync reads from outside, small, in a folder each.

A function fills the folder and says which files in it are to be damaged; ``video`` is a small one that it may copy.
"""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.fuzz.media import FPS, FRAMES
from tests.fuzz.research import archive, data_set
from videosync.data.manifest import Sample, View, write_manifest
from videosync.models.card import FOLDER

MODEL = {
    "backbone": "small", "hidden_size": 16, "layers": 1, "heads": 4, "ff_size": 24, "embedding_size": 8,
    "projection_size": 12, "random_backbone": True,
}  # fmt: skip
PLAYLISTS = {  # they name other files, which nobody named: none may be opened
    "list.m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile {other}\nduration 1\nfile {other}\n",
    "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="0" '
    'bandwidth="1"><BaseURL>{other}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
}  # fmt: skip


def manifest(folder: Path, video: Path) -> list[str]:
    for name in ("cam0.mp4", "cam1.mp4"):
        shutil.copy(video, folder / name)
    views = tuple(View(name, start, FRAMES, float(FPS)) for name, start in (("cam0.mp4", 0), ("cam1.mp4", 4)))
    write_manifest(folder, [Sample("run_1", "val", views), Sample("run_2", "train", views[:1])])
    return ["manifest.jsonl"]


def config(folder: Path, video: Path) -> list[str]:
    text = "# a training\noptim: {lr: 1e-4, schedule: cosine}\ntrain:\n  epochs: 3\n  batch_size: 4\n"
    more = "data:\n  dataset: ntu\n  num_frames: &n 20\n  image_size: 64\nloss: {name: scl}\n"
    (folder / "config.yml").write_text(text + more)
    merged = "optim: &o {lr: 1e-4, schedule: cosine}\nloss: &l {name: scl}\n"
    (folder / "merged.yml").write_text(
        f"{merged}train: {{<<: [*o, *l], epochs: 3}}\neval: {{methods: &m [median, *n]}}\n"
    )
    return ["config.yml", "merged.yml"]


def old_config(folder: Path, video: Path) -> list[str]:
    (folder / "old.yml").write_text(
        "DATASETS:\n- ntu\nIMAGE_SIZE: 224\nMODEL:\n  BASE_MODEL: {LAYER: 3, NETWORK: Resnet50_byol}\n"
        "  EMBEDDER_MODEL:\n    FC_LAYERS:\n    - &id001 [256, true]\n    - *id001\n    NUM_HEADS: 8\n"
        "TRAIN: {NUM_FRAMES: 80, MAX_EPOCHS: 3}\n"
        "OPTIMIZER:\n  LR: {DECAY_TYPE: cosine, INITIAL_LR: 0.0001}\n"
    )
    return ["old.yml"]


def answer(folder: Path, video: Path) -> list[str]:
    files = []
    for name, start in (("cam0.mp4", 0.0), ("cam1.mp4", 0.16)):
        shutil.copy(video, folder / name)
        files.append({
            "path": name, "placed": True, "start_seconds": start, "interval_seconds": [start, start], "fps": FPS,
            "start_frame": start * FPS, "duration_seconds": FRAMES / FPS, "confidence": 0.99, "timecode": None,
            "first_frame_seconds": 0.0, "container_start_seconds": 0.0, "drift_ppm": 0.0, "speed": None, "breaks": [],
            "warnings": [{"code": "start", "text": "its picture begins late"}], "camera": "fixed",
        })  # fmt: skip
    content = {"schema": 2, "reference": "cam0.mp4", "common_seconds": [0.16, 0.96], "files": files, "pairs": []}
    (folder / "answer.json").write_text(json.dumps(content, indent=1))
    return ["answer.json"]


def checkpoint(folder: Path, video: Path) -> list[str]:
    """A run's checkpoint, with the hashes that keep exchanged files out."""
    from videosync.checkpoints.checkpoint import save_checkpoint
    from videosync.config.load import config_from_dict, config_to_dict
    from videosync.models.encoder import build_encoder

    made = config_from_dict({"model": MODEL, "data": {"num_frames": 10, "image_size": 32}})
    state = build_encoder(made.model, num_frames=10).state_dict()
    saved = save_checkpoint(
        folder, "best", weights=state, state={"loop": {}}, epoch=1, step=2, metrics={}, config=config_to_dict(made)
    )
    return [str(path.relative_to(folder)) for path in sorted(saved.folder.iterdir())]


def weights(folder: Path, video: Path) -> list[str]:
    """Tensors as torch and as safetensors write them, and a checkpoint of CARL's kind."""
    import torch
    from safetensors.torch import save_file

    state = {f"conv{n}.weight": torch.arange(12.0).reshape(3, 4) for n in range(3)}
    torch.save({"state_dict": state, "epoch": 3}, folder / "new.pth")
    torch.save({"model_state": state, "epoch": 3}, folder / "old.pth", _use_new_zipfile_serialization=False)
    save_file(state, folder / "plain.safetensors")
    with (
        zipfile.ZipFile(folder / "new.pth") as plain,
        zipfile.ZipFile(folder / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in plain.infolist():
            packed.writestr(entry.filename, plain.read(entry))
    again: object = state
    for _ in range(3):
        again = {"a": again, "b": [again, again]}
    torch.save({"model_state": again, "wide": torch.zeros(1).expand(50, 40)}, folder / "shared.pth")
    return ["new.pth", "old.pth", "packed.pth", "shared.pth", "plain.safetensors"]


def export(folder: Path, video: Path) -> list[str]:
    """The encoder that comes with the package, as another's export."""
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    return ["model_card.json", "config.yaml", "model.safetensors"]


def detector(folder: Path, video: Path) -> list[str]:
    from videosync.offset.methods import DETECTORS
    from videosync.offset.saving import save_detector
    from videosync.types import MatrixPairs

    offsets, rng = np.arange(12) % 5 - 2, np.random.default_rng(0)
    matrices = rng.random((12, 8, 8)).astype(np.float32)
    names = tuple(f"event{n}" for n in range(12))
    pairs = MatrixPairs(
        forward=matrices, backward=matrices.transpose(0, 2, 1), lengths=np.full(12, 8), offsets=offsets, events=names,
        pair_ids=names, fps=np.full(12, 25.0), max_offset=2,
    )  # fmt: skip
    built = DETECTORS["log_reg"]()
    built.fit(pairs)
    save_detector(built, folder / "set" / "log_reg", {"metric": "cosine", "temperature": 0.1})
    return ["set/log_reg/detector.json", "set/log_reg/detector.safetensors"]


def similarity(folder: Path, video: Path) -> list[str]:
    from videosync.similarity.store import REQUIRED_HEADER, SimilaritySetWriter

    header = dict.fromkeys(REQUIRED_HEADER, "x")
    writer = SimilaritySetWriter(
        folder, "small", "val", size=8, lengths=[8, 6], pair_ids=["a", "b"], events=["a", "b"], offsets=[1, -2],
        fps=[25.0, 25.0], max_offset=3, header=header,
    )  # fmt: skip
    for index, length in enumerate((8, 6)):
        writer.write(index, np.eye(length), np.eye(length))
    writer.finish()
    return ["small_val.json", "small_val_labels.npy", "small_val_matrices.npy"]


def old_sets(folder: Path, video: Path) -> list[str]:
    matrices = np.empty(2, object)
    for place in range(2):
        matrices[place] = np.full((20 + place, 20 + place), 0.05, np.float32)
    np.save(folder / "ntu_val_softmaxed_sim_12.npy", matrices)
    np.save(folder / "ntu_val_softmaxed_sim_12_labels.npy", np.array([[1], [-2]]))
    return ["ntu_val_softmaxed_sim_12.npy", "ntu_val_softmaxed_sim_12_labels.npy"]


def old_annotations(folder: Path, video: Path) -> list[str]:
    for name in ("S001C001P001R001A007.mp4", "S001C002P001R001A007.mp4"):
        shutil.copy(video, folder / name)
    entry = {
        "id": 0, "name": "S001C001P001R001A007", "video_file_0": "S001C001P001R001A007.mp4",
        "video_file_1": "S001C002P001R001A007.mp4", "seq_len_0": FRAMES, "seq_len_1": FRAMES, "label_0": np.int64(12),
        "label_1": 3, "frame_label": np.arange(FRAMES),
    }  # fmt: skip
    (folder / "val.pkl").write_bytes(pickle.dumps([entry]))
    return ["val.pkl"]


def labels(folder: Path, video: Path) -> list[str]:
    """Labels of frames, and a table of sounds with folds and classes."""
    from videosync.data.frame_labels import save_labels

    save_labels(folder / "labels.json", range(FRAMES))
    for name in ("meta", "audio"):
        (folder / name).mkdir()
    (folder / "meta" / "sounds.csv").write_text("filename,fold,category\na.wav,1,dog\nb.wav,2,rain\n")
    for name in ("a.wav", "b.wav"):
        (folder / "audio" / name).touch()
    return ["labels.json", "meta/sounds.csv"]


def playlist(folder: Path, video: Path) -> list[str]:
    """``other`` stands for a file that nobody named: it is watched."""
    for name, text in PLAYLISTS.items():
        (folder / name).write_text(text.format(other="CANARY"))
    return list(PLAYLISTS)


FORMATS: dict[str, Callable[[Path, Path], list[str]]] = {
    "manifest": manifest, "config": config, "old_config": old_config, "answer": answer, "checkpoint": checkpoint,
    "weights": weights, "export": export, "detector": detector, "similarity": similarity, "old_sets": old_sets,
    "old_annotations": old_annotations, "labels": labels, "playlist": playlist, "data_set": data_set,
    "archive": archive,
}  # fmt: skip
