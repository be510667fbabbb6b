"""An option that nothing reads is a promise nobody keeps.

Each is read, ``train.epochs`` or ``self.options.epochs``, off its group by the package outside ``config/``, or off its
own options by the component, or a class it derives from.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from videosync.config.options import options
from videosync.config.schema import detector_key
from videosync.losses.named import LOSSES
from videosync.offset.methods import DETECTORS
from videosync.video.transforms import ClipAugment

OWN = ("options", "self")
OWNERS = {"models": ("model", "crisscross"), "checkpoints": ("crisscross",), "audio": ("audio",)}  # folder → groups


def reads(source: str) -> set[tuple[str, str]]:
    """(owner, name) of each ``owner.name`` and ``anything.owner.name`` in ``source`` that is not assigned to."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    owners = [n.value.attr if isinstance(n.value, ast.Attribute) else getattr(n.value, "id", "") for n in nodes]
    return {(owner, n.attr) for owner, n in zip(owners, nodes) if isinstance(n.ctx, ast.Load)}


def own_options(component: type, options: type) -> set[str]:
    """The fields of ``options`` that the modules of ``component`` and of what it derives from read."""
    modules = [inspect.getmodule(cls) for cls in component.__mro__ if cls.__module__.startswith("videosync")]
    found = set().union(*(reads(inspect.getsource(module)) for module in modules if module))
    return {field.name for field in fields(options) for owner in OWN if (owner, field.name) in found}


def test_every_option_is_read(root: Path) -> None:
    files = [path for path in (root / "videosync").glob("**/*.py") if path.parent.name != "config"]
    found = {path: reads(path.read_text(encoding="utf-8")) for path in files}
    read = {f"{owner}.{name}" for pairs in found.values() for owner, name in pairs}
    read |= {f"loss.{name}" for loss in LOSSES.values() for name in own_options(loss, loss)}
    for method, cls in DETECTORS.items():
        read |= {f"detector.{detector_key(method)(name)}" for name in own_options(cls, cls.Options)}
    for folder, groups in OWNERS.items():
        inside = [pairs for path, pairs in found.items() if path.parent.name == folder]
        read |= {f"{group}.{name}" for pairs in inside for owner, name in pairs if owner in OWN for group in groups}
    read |= {f"augment.{name}" for name in inspect.signature(ClipAugment).parameters}  # given as its keywords
    unread = sorted(set(options()) - read)
    assert not unread, f"{', '.join(unread)}: nothing reads it. Read it, or delete it."


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("def f(config): return config.optim.lr", {"lr"}),
        ("def f(optim): return optim.lr, optim.name", {"lr", "name"}),
        ("message = 'set config.optim.lr'", set()),
        ("def f(config): config.optim.lr = 3", set()),
        ("def f(batch): return batch.data.lr", set()),
    ],
)
def test_what_counts_as_read(source: str, read: set[str]) -> None:
    assert {name for owner, name in reads(source) if owner == "optim"} == read
