"""The names of ``import videosync``: all a notebook needs, and that ``help()`` says how each is called."""

from __future__ import annotations

import inspect
import pydoc

import pytest

import videosync

SIGNATURES = {
    "sync": [
        *("videos", "reference", "max_offset", "min_overlap", "cue", "encoder", "detector", "progress"),
        *("audio", "microphone_distance", "accept", "at", "cache", "chapters", "thorough"),
    ],
    "load_encoder": ["source"],
    "similarity_matrix": ["embeddings0", "embeddings1", "metric", "temperature"],
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_help_shows_how_a_name_is_called(name: str) -> None:
    function = getattr(videosync, name)
    assert list(inspect.signature(function).parameters) == SIGNATURES[name]
    shown = pydoc.plain(pydoc.render_doc(function))
    assert f"{name}({SIGNATURES[name][0]}" in shown
    assert "Returns:" in shown or "Args:" in shown


def test_an_encoder_embeds_files() -> None:
    encoder = videosync.load_encoder("crossview")
    assert list(inspect.signature(encoder.embed_video).parameters) == ["path"]
    assert "VideoError" in str(encoder.embed_video.__doc__)


def test_all_names_are_listed_and_there() -> None:
    assert {*SIGNATURES, "OffsetEstimate", "__version__"} == set(videosync.__all__) <= set(dir(videosync))
    assert all(hasattr(videosync, name) for name in videosync.__all__)
    with pytest.raises(AttributeError, match="'synch'"):
        _ = videosync.synch  # type: ignore[attr-defined]
