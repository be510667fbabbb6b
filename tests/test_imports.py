"""Who may import whom (docs/architecture.md), read from the source of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

BASE = {"types", "errors", "version", "files", "foreign", "option", "threads"}
FRAMES = BASE | {"video", "audio", "data"}
ALLOWED: dict[str, set[str]] = {  # folder or module of videosync/ → what it may import beside itself
    "version": set(),
    "errors": set(),
    "arguments": {"errors"},
    "files": {"errors"},
    "foreign": {"errors", "files"},
    "types": set(),
    "option": set(),
    "threads": set(),
    "config": {"errors", "files", "option", "audio", "models", "losses", "offset", "recognition"},
    "video": BASE,
    "audio": BASE | {"video"},
    "data": BASE | {"video", "audio"},
    "signals": BASE | {"video", "audio"},
    "models": BASE | {"video", "audio", "signals"},
    "jobs": BASE | {"video", "data"},
    "lags": BASE,
    "sound": BASE | {"lags"},
    "losses": BASE | {"lags"},
    "similarity": BASE,
    "offset": BASE | {"similarity", "lags"},
    "cues": BASE | {"lags", "signals", "models"},
    "edit": FRAMES,
    "timeline": BASE | {"video", "audio", "data", "lags", "signals", "models", "cues", "engine", "sound", "edit"},
    "batch": BASE | {"edit", "timeline", "engine", "jobs"},
    "evaluation": FRAMES | {"models", "losses", "similarity", "offset", "lags"},
    "checkpoints": BASE | {"models"},
}
ALLOWED["phases"] = ALLOWED["evaluation"] | {"evaluation"}
ALLOWED["recognition"] = ALLOWED["phases"]
ALLOWED["engine"] = ALLOWED["phases"] | {"phases", "recognition", "checkpoints", "config"}
ALLOWED["leaks"] = ALLOWED["engine"] | {"engine"}
ALLOWED["export"] = ALLOWED["engine"] | {"engine"}
ALLOWED["carl"] = FRAMES | {"config", "models", "checkpoints", "similarity"}
ALLOWED["cli"] = ALLOWED["engine"] | {
    "engine",
    "leaks",
    "export",
    "carl",
    "arguments",
    "signals",
    "cues",
    "timeline",
    "sound",
    "edit",
    "jobs",
    "batch",
}
ALLOWED["__init__"] = set(ALLOWED) | {"cli"}
ALLOWED["__main__"] = {"cli"}
OUTSIDE: dict[str, set[str]] = {  # folders beside videosync/; scripts at the root count as "."
    "dataset_preparation": FRAMES | {"audio", "arguments", "jobs"},
    "benchmarks": ALLOWED["cli"],
    ".": {"cli"},
}
ONLY_IN = {  # library → how the names of files end that may import it
    "matplotlib": {"plots.py", "contact_sheet.py"},
    "wandb": {"loggers.py"},
    "tensorboard": {"loggers.py"},
    "torch.utils.tensorboard": {"loggers.py"},
}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def violations(path: str, source: str) -> list[str]:
    """One sentence for each import that ``path`` (relative to the checkout) may not have."""
    parts = PurePosixPath(path).with_suffix("").parts
    if parts[0] == "videosync":
        place, allowed = parts[1], ALLOWED.get(parts[1])
        if allowed is None:
            return [f"{path}: docs/architecture.md and tests/test_imports.py do not know the folder '{place}'."]
        allowed = allowed | {place}
    else:
        place = parts[0] if len(parts) > 1 else "."
        allowed = OUTSIDE[place]
    found = []
    for line, name in imported(source):
        where = f"{path}, line {line}"
        if name.startswith("."):
            found.append(f"{where}: imports '{name}' relatively; write the full name.")
        package, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if package == "videosync" and target not in allowed:
            names = ", ".join(sorted(allowed)) or "nothing of videosync"
            found.append(f"{where}: imports videosync.{target}; {place} may import {names} only.")
        for library, files in ONLY_IN.items():
            if (name == library or name.startswith(f"{library}.")) and not path.endswith(tuple(files)):
                found.append(f"{where}: imports {library}; only {', '.join(sorted(files))} may.")
    return found


def sources(root: Path) -> list[Path]:
    folders = ("videosync/**/", "dataset_preparation/**/", "benchmarks/**/", "")
    return sorted(path for folder in folders for path in root.glob(f"{folder}*.py"))


def test_imports_follow_the_data_flow(root: Path) -> None:
    found = [
        problem
        for path in sources(root)
        for problem in violations(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n" + "\n".join(found)


def test_no_file_is_called_utils_or_helpers(root: Path) -> None:
    vague = [p.relative_to(root).as_posix() for p in sources(root) if p.stem in ("utils", "util", "helpers", "misc")]
    assert not vague, f"{', '.join(vague)}: name the file after what is in it"


def test_modules_stay_small(root: Path) -> None:
    """A module over about 300 lines is two modules."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources(root)}
    long = [f"{path.relative_to(root).as_posix()} ({count})" for path, count in lines.items() if count > 320]
    assert not long, f"{', '.join(long)}: split into files of at most about 300 lines, one idea each"


@pytest.mark.parametrize(
    ("path", "source", "sentence"),
    [
        ("videosync/offset/a.py", "import videosync.config.schema", "offset may import"),
        ("videosync/models/a.py", "def f():\n    from videosync.engine import x", "line 2: imports videosync.engine"),
        (
            "videosync/config/a.py",
            "from videosync.types import SyncPair",
            "config may import audio, config, errors, files, losses, models, offset, option, recognition only",
        ),
        ("videosync/data/a.py", "from . import b", "write the full name"),
        ("videosync/newfolder/a.py", "", "do not know the folder 'newfolder'"),
        ("dataset_preparation/a.py", "import videosync.models", "dataset_preparation may import"),
        ("benchmarks/accuracy/report.py", "import matplotlib.pyplot", "only contact_sheet.py, plots.py may"),
        ("train.py", "from videosync.engine.trainer import train", ". may import cli only"),
        ("videosync/engine/a.py", "from torch.utils.tensorboard import SummaryWriter", "only loggers.py may"),
    ],
)
def test_a_forbidden_import_is_named(path: str, source: str, sentence: str) -> None:
    found = violations(path, source)
    assert len(found) == 1
    assert sentence in found[0]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("videosync/offset/a.py", "from videosync.similarity.matrix import x\nfrom videosync.offset.diagonal import y"),
        ("videosync/engine/loggers.py", "import wandb\nfrom torch.utils.tensorboard import SummaryWriter"),
        ("videosync/evaluation/detector_plots.py", "import matplotlib"),
        ("evaluate.py", "from videosync.cli.evaluate import main"),
        ("videosync/data/a.py", "import torch.utils.data"),
    ],
)
def test_an_allowed_import_is_not(path: str, source: str) -> None:
    assert violations(path, source) == []
