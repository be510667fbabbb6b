"""The keys of the old code as a table for the documentation."""

from __future__ import annotations

from typing import Any

from videosync.config.carl.keys import LEGACY_KEYS, RENAMED, WITHOUT_KEY, LegacyKey


def legacy_table() -> str:
    """A Markdown table of all keys: what each sets here, what is different, or why it has no effect."""
    lines = ["| old key | old default | here | remark |", "|---|---|---|---|"]
    for key, about in LEGACY_KEYS.items():
        ours = ", ".join(f"`{option}`" for option in about.ours.split(", ")) if about.ours else ""
        default = "" if about.default is None else f"`{_plain(about.default)}`"
        here = ours or ("no effect" if about.ignored else "checked")
        lines.append(f"| `{key}` | {default} | {here} | {'; '.join(_remarks(about))} |")
    lines += [f"| `{old}.*` | | as `{new}.*` | |" for old, new in RENAMED.items()]
    lines += [f"| (no key) | `{_plain(value)}` | `{option}` | {why} |" for option, (value, why) in WITHOUT_KEY.items()]
    return "\n".join(lines)


def _remarks(about: LegacyKey) -> list[str]:
    renamed = [f"`{_plain(a)}` → `{_plain(b)}`" for a, b in about.values.items() if a != b]
    only = [f"only {', '.join(f'`{_plain(value)}`' for value in about.values)}"] if about.values else []
    known = [", ".join(renamed)] if renamed else only
    read = [f"for `loss.name: {about.loss}`"] if about.loss else []
    return [*known, *read, *([about.remark] if about.remark else [])]


def _plain(value: Any) -> str:
    """A value as YAML has it in a line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{', '.join(map(_plain, value))}]" if isinstance(value, list) else str(value)
