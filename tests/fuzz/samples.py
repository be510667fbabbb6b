"""The healthy files of a run, made once: where they lie, which of them are damaged, and hashes made to fit again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.fuzz.formats import FORMATS
from tests.fuzz.media import make_media
from videosync.files import file_hash, read_json, write_json

LIST = "samples.json"
Samples = Mapping[str, tuple[Path, list[str]]]  # format → its folder, and the files in it that are damaged
# format → the JSON whose hashes keep damaged files out, and the key of each in it
HASHED = {
    "checkpoint": ("checkpoints/best/checkpoint.json", {"weights_hash": "model.safetensors", "state_hash": "state.pt"}),
    "export": ("model_card.json", {"weights_hash": "model.safetensors"}),
}


def make_samples(folder: Path) -> None:
    """Write every sample into ``folder``, a folder each format, and a list of them."""
    media = folder / "media"
    media.mkdir(parents=True)
    made = {"media": [path.name for path in make_media(media).values()]}
    for name, make in FORMATS.items():
        (folder / name).mkdir()
        made[name] = make(folder / name, media / "h264_aac.mp4")
    write_json(folder / LIST, made)


def read_samples(folder: Path) -> Samples:
    return {kind: (folder / kind, names) for kind, names in read_json(folder / LIST).items()}


def seal(place: Path, kind: str) -> None:
    """Let the hashes fit the damaged files, which are then read; where the JSON is damaged, nothing."""
    name, keys = HASHED[kind]
    path = place / name
    try:
        content = read_json(path)
        facts = content.get("checkpoint", content)
        facts.update({key: file_hash(path.parent / file) for key, file in keys.items()})
        path.write_text(json.dumps(content))
    except (ValueError, AttributeError, OSError):
        return
