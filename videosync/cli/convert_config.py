"""``videosync convert-config``: an upper-case configuration of CARL or the VideoSync research code → one of ours."""

from __future__ import annotations

import shlex
import textwrap
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from videosync.arguments import at_least
from videosync.cli.common import CommandParser, check_writable, command, expanded_path
from videosync.config.carl.table import legacy_table
from videosync.config.load import LoadedConfig, config_to_dict, read_config
from videosync.config.schema import Config
from videosync.errors import ConfigError
from videosync.files import make_folder

STDOUT = Path("-")
_WIDTH = 110


def build_parser() -> CommandParser:
    parser = CommandParser(
        description="Write a configuration of CARL or of the VideoSync research code (TRAIN: {MAX_EPOCHS: 500}, …) as "
        "one of this project: only what differs from our defaults. Keys that have no effect here, or mean something "
        "else, are listed in comments. Commands also read such files as they are."
    )
    add = parser.add_argument
    add("source", type=expanded_path, nargs="?", metavar="OLD", help="a YAML file with upper-case keys")
    add(
        "target",
        type=expanded_path,
        nargs="?",
        metavar="NEW",
        help="the file to write (default: OLD with '_converted' in its name; -: print it)",
    )
    parser.add_opts("options, old or new, that override the file")
    add(
        "--processes",
        type=at_least(1),
        default=1,
        metavar="N",
        help="processes a run will have: TRAIN.BATCH_SIZE counts for each, train.batch_size for all (default: 1)",
    )
    add("--table", action="store_true", help="print what becomes of each old key, as Markdown, and stop")
    return parser


def convert(args: Namespace) -> None:
    if args.table:
        print(legacy_table())
        return
    if args.source is None:
        raise ConfigError("which file? Give its name, or --table. See 'videosync convert-config --help'.")
    source: Path = args.source
    target: Path = args.target or source.with_name(f"{source.stem}_converted{source.suffix}")
    loaded = read_config(source, args.opts, world_size=args.processes)
    if not loaded.legacy:
        raise ConfigError(f"{source}: has no upper-case keys; it is one of ours already.")
    if target == STDOUT:
        print("\n".join(_lines(loaded, source, Path("FILE.yml"))))
        return
    if target.exists():
        raise ConfigError(f"{target}: there already; choose another name.")
    check_writable("NEW", target.parent)
    make_folder(target.parent)
    target.write_text("\n".join(_lines(loaded, source, target)) + "\n", encoding="utf-8")
    count = sum(len(group) for group in _differences(loaded.config).values())
    print(f"{source} → {target}: {count} options differ from the defaults; what has no effect is listed in it")


def _lines(loaded: LoadedConfig, source: Path, target: Path) -> Iterator[str]:
    logdir = Path("runs") / target.stem
    files = f"--cfg_file {shlex.quote(str(target))} --logdir {shlex.quote(str(logdir))}"
    yield f"# python train.py --workdir ~/datasets {files}"
    yield "#"
    yield f"# Converted from {source.name}. evaluate.py takes the same flags. What is different from there:"
    for note in loaded.notes:
        yield from textwrap.wrap(note, _WIDTH, initial_indent="# - ", subsequent_indent="#   ", break_on_hyphens=False)
    for section, group in _differences(loaded.config).items():
        yield f"{section}:"
        for name, value in group.items():
            origin = loaded.origins.get(f"{section}.{name}", "")
            line = f"  {name}: {_written(value)}"
            yield f"{line} # {origin}" if origin and len(line) + len(origin) < _WIDTH else line


def _differences(config: Config) -> dict[str, dict[str, Any]]:
    """What is not as in the defaults, by group."""
    defaults = config_to_dict(Config())
    changed = {
        section: {name: value for name, value in group.items() if value != defaults[section][name]}
        for section, group in config_to_dict(config).items()
    }
    return {section: group for section, group in changed.items() if group}


def _written(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("\n...\n").strip()


main = command(build_parser, convert)
