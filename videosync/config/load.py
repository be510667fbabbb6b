"""From a YAML file and ``--opts`` to a checked, frozen configuration, and back to a file.

Defaults come first (:mod:`videosync.config.schema`), the YAML file changes what differs, overrides come last.
Every problem is collected, so that one run of a command names them all. Upper-case keys are those of CARL and the
VideoSync research code (:mod:`videosync.config.carl.translate`).
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from videosync.config.carl import translate as legacy
from videosync.config.carl.keys import LEGACY_KEYS
from videosync.config.options import Option, nearest_key, options, quoted, section_classes, value_of
from videosync.config.rules import check_config
from videosync.config.schema import Config
from videosync.config.shipped import find_config
from videosync.config.yaml_text import Scalars, read_yaml, scalars
from videosync.errors import ConfigError, did_you_mean
from videosync.files import shown, write_text

Setting = tuple[str, Any, str]  # dotted key, value, where it was written
_PATHS = ("data.dataset", "model.weights", "train.start_from", "paths.sets", "paths.detectors", "paths.decoded")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class LoadedConfig:
    """A configuration, and what there is to say about old keys in it."""

    config: Config
    legacy: bool = False  # whether the file has old keys
    notes: tuple[str, ...] = ()  # what has no effect here, or means something else
    origins: Mapping[str, str] = field(default_factory=dict)  # option → the old keys that set it


def load_config(
    path: str | Path | None = None, overrides: Sequence[str] = (), *, world_size: int = 1, training: bool = False
) -> Config:
    """Defaults, then the YAML file at ``path`` (None: no file), then ``overrides``.

    Where there is no file ``configs/NAME``, the one of that name that comes with VideoSync is read.

    ``overrides`` mixes ``["optim.lr", "1e-3"]`` and ``["optim.lr=1e-3"]`` freely. With ``training`` the rules
    that matter to a training run alone (pretrained weights, batch size against ``world_size`` processes) are
    checked too. Old keys (``TRAIN.MAX_EPOCHS``) are translated, in a file and in ``overrides``.

    Raises ConfigError with file, key, what was expected and the nearest match, for every problem.
    """
    return read_config(path, overrides, world_size=world_size, training=training).config


def read_config(
    path: str | Path | None = None, overrides: Sequence[str] = (), *, world_size: int = 1, training: bool = False
) -> LoadedConfig:
    """As :func:`load_config`, with what there is to say about old keys."""
    path = find_config(Path(path)) if path is not None else None
    values, written = read_yaml(path) if path is not None else ({}, {})
    where = str(path) if path is not None else "the configuration"
    whole = legacy.is_legacy_file(values, where)
    pairs, problems = parse_overrides(overrides)
    wrong = misread(written, where)
    problems = [*wrong.values(), *problems]
    old = [given for given in legacy.flatten(values, where) if given[0] not in wrong] if whole else []
    old += [(key, value, "--opts") for key, value in pairs if legacy.is_legacy_key(key)]
    settings = [] if whole else [one for one in _flatten(values, where) if one[0] not in wrong]
    new = [(key, value, "--opts") for key, value in pairs if not legacy.is_legacy_key(key)]
    losses = [str(value) for key, value, _ in [*settings, *new] if key == "loss.name"]
    found = legacy.translate(old, whole=whole, world_size=world_size, loss=losses[-1] if losses else None)
    settings += [
        (key, value, f"{where if whole else '--opts'} ({found.origins[key]})") for key, value in found.settings.items()
    ]
    config = _build([*settings, *new], [*problems, *found.problems])
    overridden = {key for key, _, _ in new}
    origins = {key: keys for key, keys in found.origins.items() if key not in overridden}
    rules = check_config(config, world_size=world_size, training=training)
    _raise(f"{where}: {rule}{_from_old(rule, origins)}" for rule in rules)
    alone = [] if whole else [f"{keys} is {key} here, {quoted(found.settings[key])}" for key, keys in origins.items()]
    return LoadedConfig(config, whole, (*alone, *found.notes), origins)


def config_from_dict(values: Mapping[str, Any], *, source: str = "the saved configuration") -> Config:
    """The inverse of :func:`config_to_dict`; options that ``values`` leaves out take their defaults.

    Raises ConfigError for unknown keys and wrong types; ``source`` says in the message where they were found.
    """
    return _build(_flatten(values, source), [])


def config_to_dict(config: Config) -> dict[str, dict[str, Any]]:
    """Plain nested dicts and lists, ready for JSON: ``{"optim": {"lr": 0.0001, …}, …}``."""
    return dataclasses.asdict(config)


def config_to_yaml(config: Config) -> str:
    """Every option with its value, as YAML that :func:`load_config` reads back unchanged."""
    return OmegaConf.to_yaml(OmegaConf.create(config_to_dict(config)))


def save_config(config: Config, path: str | Path) -> None:
    """Write every option to ``path`` (atomically), as YAML that :func:`load_config` reads back unchanged."""
    write_text(path, config_to_yaml(config))


def config_differences(old: Config, new: Config) -> list[str]:
    """One line for each option that differs, e.g. ``"optim.lr: 0.0001 → 0.001"``; empty if nothing does."""
    values = ((key, value_of(old, key), value_of(new, key)) for key in options())
    return [f"{key}: {quoted(before)} → {quoted(after)}" for key, before, after in values if before != after]


def parse_overrides(tokens: Sequence[str]) -> tuple[list[tuple[str, Any]], list[str]]:
    """Split ``KEY VALUE`` and ``key=value`` tokens into typed (key, value) pairs and a list of problems."""
    pairs: list[tuple[str, Any]] = []
    problems: list[str] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if match := _ASSIGNMENT.fullmatch(token):
            key, text = match.groups()
        else:
            following = tokens[position] if position < len(tokens) else None
            behind = _ASSIGNMENT.fullmatch(following) if following is not None else None
            if following is None or (behind and (behind[1] in options() or behind[1] in LEGACY_KEYS)):
                problems.append(f"{token} in --opts: no value follows. Write '{token} VALUE' or '{token}=VALUE'.")
                continue
            key, text = token, following
            position += 1
        option = options().get(key)
        if legacy.is_legacy_key(key):
            while text.startswith("[") and "]" not in text and position < len(tokens):  # [a b] without quotes
                text, position = f"{text} {tokens[position]}", position + 1
            pairs.append((key, text))
            continue
        if option is not None and (option.type is str or option.choices):
            pairs.append((key, text))  # text stays as typed: a folder may be called 007 or null
            continue
        try:
            if wrong := misread({key: scalars(text).get("", [])}, "--opts"):
                problems += wrong.values()
                continue
            pairs.append((key, OmegaConf.from_dotlist([f"value={text}"])["value"]))
        except (yaml.YAMLError, OmegaConfBaseException):
            problems.append(
                f"{key} in --opts: cannot read {shown(text)}. "
                "Write lists without spaces, [a,b], or in quotes, '[a, b]'."
            )
    return pairs, problems


def _from_old(rule: str, origins: Mapping[str, str]) -> str:
    """Which old keys set the options that a rule names."""
    named = [old for option, old in origins.items() if old and f"{option} " in rule]
    return f" It comes from {' and '.join(dict.fromkeys(named))}." if named else ""


def misread(written: Scalars, source: str) -> dict[str, str]:
    """Key → a sentence, of each value that YAML takes for something else than it looks like."""
    problems = {}
    for key, values in written.items():
        known = options().get(key) or LEGACY_KEYS.get(key)
        if known is None:
            continue  # said elsewhere
        for value in values:
            if problem := value.problem(known.value_kind):
                line = f", line {value.line}" if source != "--opts" else ""
                problems[key] = f"{key} in {source}{line}: {problem}."
    return problems


def _flatten(values: Mapping[Any, Any], source: str, prefix: str = "") -> list[Setting]:
    settings: list[Setting] = []
    for name, value in values.items():
        key = f"{prefix}{name}"
        if value in (None, {}) and key in section_classes():
            continue  # "optim:" with every line under it commented out
        if value and isinstance(value, Mapping) and key not in options():
            settings += _flatten(value, source, f"{key}.")
        else:
            settings.append((key, value, source))
    return settings


def _build(settings: Iterable[Setting], problems: list[str]) -> Config:
    config = copy.deepcopy(_defaults(tuple(section_classes().values())))
    problems = list(problems)
    for key, value, source in settings:
        option = options().get(key)
        if option is None:
            problems.append(_unknown(key, value, source))
        elif not _fits(option, value):
            problems.append(_wrong_value(option, value, source))
        else:
            try:
                value = os.path.expanduser(value) if key in _PATHS and isinstance(value, str) else value
                OmegaConf.update(config, key, value, merge=False)
            except (OmegaConfBaseException, OverflowError):  # a whole number that no float can be
                problems.append(_wrong_value(option, value, source))
    _raise(problems)
    try:
        return cast("Config", OmegaConf.to_object(config))
    except OmegaConfBaseException as error:  # a ${reference} to something that does not exist, or a "???"
        key = getattr(error, "full_key", None) or "the configuration"
        raise ConfigError(f"{key}: {str(error).splitlines()[0]}") from error


@functools.cache
def _defaults(sections: tuple[type, ...]) -> DictConfig:
    """Every option at its default; made once, since that takes OmegaConf five times as long as a copy."""
    config: DictConfig = OmegaConf.structured(Config)
    for section in config:  # frozen dataclasses start read-only
        OmegaConf.set_readonly(config[section], False)
    return config


def _fits(option: Option, value: Any) -> bool:
    """False for what OmegaConf would take though it is surely a mistake: true for a number, a 3 for yes."""
    if value == "???":  # OmegaConf's mark for "to be filled in"
        return False
    if isinstance(value, str) and any(unicodedata.category(c) in ("Cc", "Cs") for c in value):
        return False  # no name of a file, and nothing to print
    if option.type in (int, float) and isinstance(value, bool):
        return False
    if option.choices and value not in option.choices:
        return False
    return not (option.type is bool and isinstance(value, int | float) and not isinstance(value, bool))


def _unknown(key: str, value: Any, source: str) -> str:
    if key in section_classes():
        names = [known.partition(".")[2] for known in options() if known.startswith(f"{key}.")]
        return f"{key} in {source}: expected a group of options ({', '.join(names)}), got {quoted(value)}."
    match = nearest_key(key)
    hint = f"Did you mean '{match}'?" if match else "'videosync config --explain' lists every option."
    return f"{key} in {source}: unknown key. {hint}"


def _wrong_value(option: Option, value: Any, source: str) -> str:
    message = f"{option.key} in {source}: expected {option.expected}, got {quoted(value)}."
    return message + did_you_mean(str(value), [str(choice) for choice in option.choices])


def _raise(problems: Iterable[str]) -> None:
    found = list(dict.fromkeys(problems))
    if len(found) == 1:
        raise ConfigError(found[0])
    if found:
        raise ConfigError(f"{len(found)} problems in the configuration:\n  " + "\n  ".join(found))
