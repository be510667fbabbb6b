"""``videosync config``: the resolved configuration, what every option means, and the configurations there are."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from videosync.cli.common import CommandParser, command, command_parser, expanded_path, load_command_config
from videosync.config.load import config_to_yaml
from videosync.config.options import Option, in_a_line, options, section_classes, value_of
from videosync.config.schema import Config
from videosync.config.shipped import about, copy_config, shipped_configs
from videosync.errors import ConfigError

_INTRODUCTION = """# Configuration

Every option, its default and its meaning. A YAML file holds only what differs; `--opts` wins over the file.
`make docs` writes this page."""


def build_parser() -> CommandParser:
    parser = command_parser("Print the configuration a run would use, as YAML, or what every option means.")
    add = parser.add_argument
    add("--explain", action="store_true", help="print each option with its value and its meaning")
    add("--markdown", action="store_true", help="print the explanation as a Markdown page")
    add("--list", action="store_true", help="list the configurations that come with VideoSync, and stop")
    add(
        "--copy",
        nargs="+",
        metavar=("NAME", "DEST"),
        help="copy the configuration NAME to DEST, a file or folder (default: here), and stop; nothing is overwritten",
    )
    return parser


def show(args: Namespace) -> None:
    if args.copy:
        if len(args.copy) > 2:
            raise ConfigError(f"--copy {' '.join(args.copy)}: expected a name, and perhaps where to.")
        name, target = [*args.copy, "."][:2]
        print(f"wrote {copy_config(name, expanded_path(target))}")
        return
    if args.list:
        width = max(map(len, shipped_configs()))
        print("\n".join(f"{name:<{width}}  {about(path)}" for name, path in shipped_configs().items()))
        return
    config = load_command_config(args)
    if args.markdown:
        print("\n".join(_markdown(config)))
    elif args.explain:
        print("\n".join(_explained(config)))
    else:
        print(config_to_yaml(config), end="")


def _rows(config: Config, section: str) -> Iterator[tuple[Option, str, str]]:
    """Each option of a group, its value and its meaning."""
    for key, option in options().items():
        if key.startswith(f"{section}."):
            yield option, in_a_line(value_of(config, key)) or "''", option.about["meaning"]


def _explained(config: Config) -> Iterator[str]:
    for section in section_classes():
        yield f"{section}:"
        for option, value, comment in _rows(config, section):
            setting = f"  {option.key.partition('.')[2]}: {value}"
            choices = f" ({' | '.join(map(str, option.choices))})" if option.choices else ""
            yield f"{setting:<40} # {comment}{choices}"
        yield ""


def _markdown(config: Config) -> Iterator[str]:
    yield _INTRODUCTION
    for section in section_classes():
        yield f"\n## {section}\n\n| option | default | type | meaning |\n|---|---|---|---|"
        for option, value, comment in _rows(config, section):
            within = option.about["range"]
            kind = option.expected.replace("|", "\\|") + (f" in {within.text}" if within else "")
            yield f"| `{option.key}` | `{value}` | {kind} | {comment.replace('|', chr(92) + '|')} |"


main = command(build_parser, show)
