"""The configurations that come with VideoSync, in a checkout and in an installed package."""

from __future__ import annotations

import re
import textwrap
from importlib.resources import files
from pathlib import Path

from videosync.errors import ConfigError, require_known
from videosync.files import make_folder

CONFIGS = Path(str(files("videosync"))) / "configs"


def shipped_configs() -> dict[str, Path]:
    """The files by name, as in ``demo_config.yml`` or ``slurm/train.sbatch``."""
    return {path.relative_to(CONFIGS).as_posix(): path for path in sorted(CONFIGS.rglob("*.*"))}


def find_config(path: Path) -> Path:
    """``path``, or the shipped file that ``NAME`` or ``configs/NAME`` stands for where there is no such file here."""
    shipped = CONFIGS / path.name
    named = path.parent in (Path(), Path("configs")) and not path.exists()
    return shipped if named and shipped.is_file() else path


def about(path: Path) -> str:
    """What a shipped file is for: the first sentence below its command, shortened."""
    text = path.read_text(encoding="utf-8")
    comment = re.search(r"^#\n# (.+?)(?=\.\s|\n(?!# ))", text, re.MULTILINE | re.DOTALL)
    said = re.sub(r"\n# *", " ", comment[1]) if comment else ""
    return textwrap.shorten(said, 80, placeholder=" …")


def copy_config(name: str, target: Path) -> Path:
    """Copy the shipped file ``name`` to ``target``, a new file or an existing folder; returns the new file.

    Raises:
        ConfigError: no such file comes with VideoSync, or ``target`` is there already.
    """
    name = name.removeprefix("configs/")
    require_known("configuration", name, shipped_configs())
    path = target / Path(name).name if target.is_dir() else target
    make_folder(path.parent)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(shipped_configs()[name].read_text(encoding="utf-8"))
    except FileExistsError:
        raise ConfigError(f"{path}: there already, and is not overwritten; give another name.") from None
    return path
