"""Configurations of CARL and of the VideoSync research code (upper-case keys) as options of this project.

All values of a file are translated at once, as some mean something together only; keys that it leaves out have the
defaults of the old code. Old keys in ``--opts`` join such a file; without one each is translated by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from videosync.config.carl.keys import LEGACY_KEYS, RENAMED, WITHOUT_KEY
from videosync.config.carl.rules import COMBINED, Old, Refused
from videosync.config.carl.values import BadValue, read_value
from videosync.config.options import nearest_key, options, quoted
from videosync.errors import ConfigError, did_you_mean, nearest

_OLD_KEY = re.compile(r"[A-Z][A-Z0-9_]*(\..*)?")
Given = tuple[str, Any, str]  # dotted old key, value (text from --opts), where it was written


@dataclass
class Translation:
    """What became of old keys."""

    settings: dict[str, Any] = field(default_factory=dict)  # our option → value
    origins: dict[str, str] = field(default_factory=dict)  # our option → the old keys it comes from
    notes: list[str] = field(default_factory=list)  # what has no effect, and what means something else here
    problems: list[str] = field(default_factory=list)

    def put(self, settings: Mapping[str, Any], origin: str) -> None:
        self.settings.update(settings)
        self.origins.update(dict.fromkeys(settings, origin))


def is_legacy_key(key: str) -> bool:
    """Whether a key is written as those of the old code: ``TRAIN.BATCH_SIZE``, ``SSL``."""
    return _OLD_KEY.fullmatch(key) is not None


def is_legacy_file(values: Mapping[Any, Any], source: str) -> bool:
    """Whether the top-level keys of a file are upper-case ones. Raises ConfigError when only some are."""
    old = [str(key) for key in values if is_legacy_key(str(key))]
    new = [str(key) for key in values if not is_legacy_key(str(key))]
    if old and new:
        raise ConfigError(
            f"{source}: mixes upper-case keys ({', '.join(old[:3])}) with lower-case ones ({', '.join(new[:3])}). "
            "A file is either one of CARL's or one of ours; 'videosync convert-config' makes one of ours of the former."
        )
    return bool(old)


def flatten(values: Mapping[Any, Any], source: str, prefix: str = "") -> list[Given]:
    """The keys of a file, dotted. Groups with nothing in them change nothing."""
    given: list[Given] = []
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key not in LEGACY_KEYS:
            given += flatten(value, source, f"{key}.")
        elif value is not None or key in LEGACY_KEYS:
            given.append((key, value, source))
    return given


def translate(given: list[Given], *, whole: bool, world_size: int = 1, loss: str | None = None) -> Translation:
    """Old keys as options of this project.

    ``whole``: they are a file, to be completed with the old defaults; else nothing but what they name is set.
    ``loss``: the ``loss.name`` that was set under its own name, which then counts instead of ``TRAINING_ALGO``.
    """
    result = Translation()
    values, sources = _read(given, result)
    old = Old(values, whole=whole, world_size=world_size, loss=loss)
    _take_unknown_values(old, values, sources, result)
    for key, about in LEGACY_KEYS.items():
        if key in COMBINED or not old.wants(key) or old.unread(key):
            continue
        if about.ours:
            result.put({about.ours: about.translated(old[key])}, key)
        if about.note and old[key] not in about.quiet:
            result.notes.append(about.note.format(value=old[key], remark=about.remark))
    for rule in dict.fromkeys(COMBINED.values()):
        keys = [key for key, own in COMBINED.items() if own is rule and not old.unread(key)]
        if not any(map(old.wants, keys)):
            continue
        try:
            settings, notes = rule(old)
        except Refused as problem:
            source = sources.get(problem.key, "the defaults of the old code")
            result.problems.append(f"{problem.key} in {source}: {problem}")
            continue
        result.put(settings, _listed([key for key in keys if key in old.given]))
        result.notes += notes
    if whole:
        kept = {o: v for o, (v, _) in WITHOUT_KEY.items() if o != "loss.log_epsilon" or old.loss == "scl"}
        result.put(kept, "")
        why = "; ".join(f"{option} {value} ({WITHOUT_KEY[option][1]})" for option, value in kept.items())
        result.notes.append(f"as the old code does without a key: {why}")
    without_effect: dict[str, list[str]] = {}  # reason → keys
    for key in values:
        if reason := old.unread(key):
            without_effect.setdefault(reason, []).append(key)
    result.notes += [f"no effect: {', '.join(keys)} ({reason})" for reason, keys in without_effect.items()]
    return result


def _listed(keys: list[str]) -> str:
    """Keys in few words: of many, their groups."""
    if len(keys) <= 3:
        return ", ".join(keys)
    parts = [key.partition(".") for key in keys]
    return ", ".join(dict.fromkeys(f"{group}.*" if dot else group for group, dot, _ in parts))


def _read(given: list[Given], result: Translation) -> tuple[dict[str, Any], dict[str, str]]:
    """Values by key, the last one of each, and where each was written; problems go into ``result``."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for written, value, source in given:
        group, dot, rest = written.partition(".")
        key = f"{RENAMED.get(group, group)}{dot}{rest}"
        if key not in LEGACY_KEYS:
            result.problems.append(_unknown(written, source))
            continue
        try:
            values[key], sources[key] = read_value(LEGACY_KEYS[key].kind, value), source
        except BadValue as problem:
            result.problems.append(f"{written} in {source}: {problem}")
    return values, sources


def _take_unknown_values(old: Old, values: dict[str, Any], sources: Mapping[str, str], result: Translation) -> None:
    """Each value that would count and cannot be translated becomes a problem, and is taken out."""
    for key, value in list(values.items()):
        known = LEGACY_KEYS[key].values
        if not known or old.unread(key):
            continue
        strange = [v for v in (value if isinstance(value, list) else [value]) if v not in known]
        if not strange:
            continue
        del values[key]
        message = f"{key} in {sources[key]}: expected {' or '.join(map(quoted, known))}, got {quoted(strange[0])}"
        remark = f"; {LEGACY_KEYS[key].remark}." if LEGACY_KEYS[key].remark else "."
        result.problems.append(message + remark + did_you_mean(str(strange[0]), map(str, known)))


def _unknown(key: str, source: str) -> str:
    if inside := [known.removeprefix(f"{key}.") for known in LEGACY_KEYS if known.startswith(f"{key}.")]:
        return f"{key} in {source}: expected a group of keys ({', '.join(inside[:4])}, …)."
    match = nearest(key, LEGACY_KEYS) or nearest_key(key)
    if key.lower() in options():
        match = key.lower()
    hint = f"Did you mean '{match}'?" if match else "'videosync convert-config --table' lists every key."
    return f"{key} in {source}: unknown key. {hint}"
