"""A configuration file, overrides, and everything that can be wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from videosync.config.load import (
    config_differences,
    config_from_dict,
    config_to_dict,
    load_config,
    parse_overrides,
    save_config,
)
from videosync.config.schema import Config
from videosync.errors import ConfigError


def loaded(tmp_path: Path, text: str, overrides: tuple[str, ...] = ()) -> Config:
    path = tmp_path / "x.yml"
    path.write_text(text)
    return load_config(path, overrides)


def failure(tmp_path: Path, text: str, overrides: tuple[str, ...] = ()) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, overrides)
    return str(caught.value).replace(str(tmp_path / "x.yml"), "x.yml")


def test_without_a_file_the_defaults_hold() -> None:
    assert load_config() == Config()


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "optim:\n  # lr: 3\n", "optim: {}"])
def test_an_empty_file_or_group_changes_nothing(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text) == Config()


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    config = loaded(tmp_path, "optim: {lr: 3e-4, name: adamw}\neval: {methods: [dtw]}\ndata: {dataset: '007'}\n")
    assert config.optim.lr == 3e-4
    assert config.eval.methods == ["dtw"]
    assert config.data.dataset == "007"  # without quotes it is 7 to YAML, and refused
    assert [line.partition(":")[0] for line in config_differences(Config(), config)] == [
        "data.dataset",
        "optim.name",
        "optim.lr",
        "eval.methods",
    ]


def test_overrides_mix_both_forms_and_win(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        "optim: {lr: 3}",
        ("optim.lr", "1e-3", "data.dataset=a=b", "eval.methods", "[a,b]", "train.channels_last=false"),
    )
    assert config.optim.lr == 1e-3
    assert config.data.dataset == "a=b"
    assert config.eval.methods == ["a", "b"]
    assert config.train.channels_last is False


@pytest.mark.parametrize("text", ["007", "null", "1e3", "", "[a]", "on: off", "${x"])
def test_text_given_on_the_command_line_stays_as_typed(text: str) -> None:
    assert parse_overrides(["data.dataset", text]) == ([("data.dataset", text)], [])


def test_the_last_override_of_a_key_wins() -> None:
    assert load_config(None, ["optim.lr=1", "optim.lr", "2"]).optim.lr == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optim: {lrr: 1}", "optim.lrr in x.yml: unknown key. Did you mean 'optim.lr'?"),
        ("TRAIN: {EPOCHS: 3}", "TRAIN.EPOCHS in x.yml: unknown key. Did you mean 'train.epochs'?"),
        ("zzz: {qqq: 3}", "zzz.qqq in x.yml: unknown key. 'videosync config --explain' lists every option."),
        ("optim: {lr: abc}", "optim.lr in x.yml: expected a number, got 'abc'."),
        ("optim: {lr: true}", "optim.lr in x.yml: expected a number, got true."),
        ("optim: {lr: }", "optim.lr in x.yml: expected a number, got nothing."),
        ("train: {epochs: 2.5}", "train.epochs in x.yml: expected a whole number, got 2.5."),
        ("train: {channels_last: maybe}", "train.channels_last in x.yml: expected true or false, got 'maybe'."),
        ("train: {channels_last: 3}", "train.channels_last in x.yml: expected true or false, got 3."),
        (
            "optim: {name: adamm}",
            "optim.name in x.yml: expected one of 'adam', 'adamw', got 'adamm'. Did you mean 'adam'?",
        ),
        ("data: {dataset: [a]}", "data.dataset in x.yml: expected text, got ['a']."),
        ("eval: {methods: dtw}", "eval.methods in x.yml: expected a list of names such as [a, b], got 'dtw'."),
        (
            "detector: {mlp_hidden: [a]}",
            "detector.mlp_hidden in x.yml: expected a list of whole numbers such as [1, 2], got ['a'].",
        ),
        ("log: 3", "log in x.yml: expected a group of options (every, tensorboard, wandb), got 3."),
        ("- a\n- b", "x.yml: expected groups of options such as 'optim: {lr: 1e-4}', got a list."),
        ("3", "x.yml: expected groups of options such as 'optim: {lr: 1e-4}'."),
        ("a: 1\nb: [1", "x.yml, line 3: not valid YAML (did not find expected ',' or ']')."),
        ("a: 1\n\tb: 2", "x.yml, line 2: not valid YAML (found a tab character that violates indentation)."),
        ("optim: {lr: '${data.x}'}", "optim.lr: Interpolation key 'data.x' not found"),
    ],
)
def test_a_wrong_file_is_answered_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    assert failure(tmp_path, text) == message


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("optim.lr",), "optim.lr in --opts: no value follows. Write 'optim.lr VALUE' or 'optim.lr=VALUE'."),
        (
            ("optim.lr", "train.epochs=3"),
            "optim.lr in --opts: no value follows. Write 'optim.lr VALUE' or 'optim.lr=VALUE'.",
        ),
        (("optim.lr=",), "optim.lr in --opts: expected a number, got nothing."),
        (
            ("model.backbone=resnet5",),
            "model.backbone in --opts: expected one of 'resnet50', 'resnet34', 'resnet18', 'small', "
            "got 'resnet5'. Did you mean 'resnet50'?",
        ),
        (
            ("eval.methods", "[a,"),
            "eval.methods in --opts: cannot read '[a,'. Write lists without spaces, [a,b], or in quotes, '[a, b]'.",
        ),
    ],
)
def test_a_wrong_override_is_answered_in_one_sentence(tmp_path: Path, overrides: tuple[str, ...], message: str) -> None:
    assert failure(tmp_path, "", overrides) == message


def test_all_problems_are_named_together(tmp_path: Path) -> None:
    answer = failure(tmp_path, "optim: {lrr: 1, name: x}", ("train.epochs=a",))
    assert answer.startswith("3 problems in the configuration:\n")
    assert all(key in answer for key in ("optim.lrr in x.yml", "optim.name in x.yml", "train.epochs in --opts"))


def test_rules_across_options_name_the_file(tmp_path: Path) -> None:
    assert failure(tmp_path, "model: {heads: 7}").startswith("x.yml: model.hidden_size (256) is not divisible")


def test_a_missing_file_is_answered_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "pouring_config.yml").write_text("")
    for asked in ("configs/pouring_confg.yml", "pouring_config.yaml", "elsewhere/Pouring_config.yml"):
        with pytest.raises(ConfigError) as caught:
            load_config(asked)
        assert str(caught.value) == (f"{asked}: no such configuration file. Did you mean 'configs/pouring_config.yml'?")
    with pytest.raises(ConfigError, match="zzz: no such configuration file. 'videosync config --list' names"):
        load_config("zzz")
    with pytest.raises(ConfigError, match="configs: is a folder"):
        load_config("configs")


def test_saved_configurations_come_back_unchanged(tmp_path: Path) -> None:
    config = load_config(
        None, ["optim.lr=1.2345678901234567e-5", "data.dataset", "a: b # c", "eval.detectors", "[p/cnn]"]
    )
    save_config(config, tmp_path / "config.yml")
    assert load_config(tmp_path / "config.yml") == config
    assert config_from_dict(config_to_dict(config)) == config
    assert list(tmp_path.iterdir()) == [tmp_path / "config.yml"]


@pytest.mark.parametrize("text", ["null", "true", "1e3", "007", "", "${data.x}", "???", "a, b", "ü"])
def test_text_that_looks_like_something_else_survives_saving(tmp_path: Path, text: str) -> None:
    config = config_from_dict({})
    config = Config(data=type(config.data)(dataset=text))
    save_config(config, tmp_path / "config.yml")
    if text in ("${data.x}", "???"):  # YAML has no way to say these to OmegaConf: refused, never misread
        with pytest.raises(ConfigError):
            load_config(tmp_path / "config.yml")
    else:
        assert load_config(tmp_path / "config.yml") == config


def test_saved_values_of_another_version_are_named() -> None:
    with pytest.raises(ConfigError, match=r"optim\.old in checkpoint\.json: unknown key"):
        config_from_dict({"optim": {"old": 1}}, source="checkpoint.json")


def test_differences_show_both_values() -> None:
    changed = load_config(None, ["optim.lr=1e-3", "train.channels_last=false"])
    assert config_differences(Config(), changed) == ["optim.lr: 0.0001 → 0.001", "train.channels_last: true → false"]
    assert config_differences(changed, changed) == []


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(AttributeError):
        load_config().optim.lr = 3  # type: ignore[misc]
