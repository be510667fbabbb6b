"""The keys of the old code as a table for the documentation."""

from __future__ import annotations

from videosync.config.carl.keys import LEGACY_KEYS, RENAMED, WITHOUT_KEY, LegacyKey
from videosync.config.options import in_a_line


def legacy_table() -> str:
    """A Markdown table of all keys: what each sets here, what is different, or why it has no effect."""
    lines = ["| old key | old default | here | remark |", "|---|---|---|---|"]
    for key, about in LEGACY_KEYS.items():
        ours = ", ".join(f"`{option}`" for option in about.ours.split(", ")) if about.ours else ""
        default = "" if about.default is None else f"`{in_a_line(about.default)}`"
        here = ours or ("no effect" if about.ignored else "checked")
        lines.append(f"| `{key}` | {default} | {here} | {'; '.join(_remarks(about))} |")
    lines += [f"| `{old}.*` | | as `{new}.*` | |" for old, new in RENAMED.items()]
    lines += [
        f"| (no key) | `{in_a_line(value)}` | `{option}` | {why} |" for option, (value, why) in WITHOUT_KEY.items()
    ]
    return "\n".join(lines)


def _remarks(about: LegacyKey) -> list[str]:
    renamed = [f"`{in_a_line(a)}` → `{in_a_line(b)}`" for a, b in about.values.items() if a != b]
    only = [f"only {', '.join(f'`{in_a_line(value)}`' for value in about.values)}"] if about.values else []
    known = [", ".join(renamed)] if renamed else only
    read = [f"for `loss.name: {about.loss}`"] if about.loss else []
    return [*known, *read, *([about.remark] if about.remark else [])]
