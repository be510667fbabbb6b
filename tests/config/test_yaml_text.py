"""What YAML takes for something else than it looks like, and files that are no YAML: one sentence each."""

from __future__ import annotations

from pathlib import Path

import pytest

from videosync.config.load import load_config
from videosync.errors import ConfigError


def refused(tmp_path: Path, content: str | bytes) -> str:
    path = tmp_path / "c.yml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("data: {num_frames: 010}", "data.num_frames in"),
        ("data: {num_frames: 010}", "line 1: 010 is 8 to YAML; write the number that is meant in plain decimal digits"),
        ("data: {num_frames: 1:30}", "1:30 is 90 to YAML"),
        ("data: {num_frames: 0x1F}", "0x1F is 31 to YAML"),
        ("data: {num_frames: 1_000}", "1_000 is 1000 to YAML"),
        ("optim: {lr: 1:30.5}", "1:30.5 is 90.5 to YAML"),
        ("data: {num_frames: no}", "no is false to YAML; expected a number"),
        ("data: {num_frames: 0o10}", "expected a whole number, got '0o10'"),
        ("eval: {retrieval_ks: [5, 010]}", "eval.retrieval_ks in"),
        ("data: {dataset: no}", "no is false to YAML; write it in quotes, 'no'"),
        ("data: {dataset: 010}", "010 is 8 to YAML; write it in quotes, '010'"),
        ("data: {dataset: 1e5}", "1e5 is 100000.0 to YAML"),
        ("data: {dataset: true}", "true is true to YAML"),
        ("data: {views: on}", "on is true to YAML"),
        ("eval: {tasks: [off]}", "off is false to YAML"),
        ("TRAIN: {MAX_EPOCHS: 010}", "TRAIN.MAX_EPOCHS in"),
        ("PATH_TO_DATASET: no", "no is false to YAML"),
        ("pairs: {<<: {seed: 010}}", "pairs.seed in"),
        ("on: 3", "expected the name of an option before the colon, got on"),
        ("~: 1", "expected the name of an option before the colon"),
        ("{? [a, b] : 1}", "expected the name of an option before the colon"),
        ("data: {num_frames: 80}\ndata: {views: self}", "line 2: not valid YAML (found duplicate key data)"),
        ("optim: {lr: !!set {a}}", "the tag !!set has no place"),
        ("a: &a [*a]", "an alias stands inside of what it repeats"),
        ("[" * 50_000, "more than 20 levels"),
        ("optim:\n  a\tb: " + "[" * 50_000, "more than 20 levels"),  # PyYAML stops at the tab, libyaml does not
        ("optim: " + "{a: " * 3000 + "1" + "}" * 3000, "more than 20 levels"),
        ("train: {epochs: " + "9" * 5000 + "}", "a whole number of 5000 digits"),
        ("optim: {lr: " + "9" * 400 + "}", "a whole number of 400 digits"),
        ("train: {seed: " + "9" * 200 + "}", "expected at most 9223372036854775807"),
        ("pairs: {seed: 9223372036854775808}", "expected at most 9223372036854775807"),
        ("detector: {seed: 4294967296}", "expected at most 4294967295"),
        ("detector: {mlp_hidden: [99999999999]}", "expected at most 2147483647"),
        ('data: {dataset: "a\\0b"}', "expected text, got 'a\\x00b'"),
    ],
)
def test_what_is_not_what_it_looks_like_is_refused(tmp_path: Path, line: str, said: str) -> None:
    assert said in refused(tmp_path, line)


def test_aliases_that_grow_beyond_measure(tmp_path: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]" for before, one in zip("abcdefg", "bcdefgh")]
    assert "more than 100000 values" in refused(tmp_path, "\n".join(lines))
    for empty in ("[]", "{}"):  # no value at all, 10^7 times
        assert "more than 100000 values" in refused(tmp_path, "\n".join([f"a: &a {empty}", *lines[1:]]))
    assert "text of more than 1 MB" in refused(tmp_path, "# a comment\n" * 100_000)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("data: {dataset: é}".encode("latin-1"), "not UTF-8: the byte 0xe9 in line 1 is Latin-1 or Windows-1252"),
        ("data: {dataset: x}".encode("utf-16"), "not UTF-8, but UTF-16; save it as UTF-8"),
        ("data: {dataset: x}".encode("utf-16-le"), "not UTF-8 text: it holds bytes of 0, as UTF-16 without a mark"),
        ("data: {dataset: x}".encode("utf-32"), "not UTF-8, but UTF-32; save it as UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not UTF-8 text"),
    ],
)
def test_other_encodings_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in refused(tmp_path, content)


def test_what_looks_like_what_it_is_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text(
        "\ufeffdata: {num_frames: +80, dataset: 2024}\nmodel: {clip_norm: no, random_backbone: True}\n"
        "optim: &o {lr: 1e-3, weight_decay: .5}\neval: {split: 2020-01-01, label_fractions: [1.e-1, 0.5]}\n"
        "pairs: {<<: {seed: 010}, seed: 3}\n",
        encoding="utf-8",
    )
    config = load_config(path)
    assert (config.data.num_frames, config.data.dataset, config.eval.split) == (80, "2024", "2020-01-01")
    assert (config.model.clip_norm, config.model.random_backbone) == (False, True)
    assert (config.optim.lr, config.optim.weight_decay, config.pairs.seed) == (1e-3, 0.5, 3)
    assert config.eval.label_fractions == [0.1, 0.5]


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["data.num_frames", "010"], "data.num_frames in --opts: 010 is 8 to YAML"),
        (["data.num_frames=1:30"], "1:30 is 90 to YAML"),
        (["data.num_frames=no"], "no is false to YAML"),
        (["eval.retrieval_ks", "[5,010]"], "010 is 8 to YAML"),
        (["data.num_frames", "9" * 5000], "cannot read '999"),
        (["data.num_frames", "[" * 5000], "cannot read '[[["),
        (["data.dataset", "\x1b[31m"], "expected text, got '\\x1b[31m'"),
    ],
)
def test_overrides_too(tokens: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(None, tokens)
    assert said in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("key", ["data.dataset", "model.weights", "train.start_from", "paths.sets", "paths.detectors"])
def test_home_is_expanded_in_every_path(key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    section, _, name = key.partition(".")
    path = tmp_path / "c.yml"
    path.write_text(f"{section}: {{{name}: ~/there}}\n")
    for config in (load_config(None, [key, "~/there"]), load_config(path)):
        assert getattr(getattr(config, section), name) == "/home/me/there"
