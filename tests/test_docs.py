"""Pages whose links lead somewhere, whose tables are whole, and whose commands name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from videosync.cli.config import main as config_main
from videosync.cli.main import COMMANDS
from videosync.config.carl.table import legacy_table

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# lab notes keep the commands of the commit they name
NOTES = set(ROOT.glob("docs/experiments/*.md"))
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that headings get: lower case, spaces to hyphens, punctuation dropped."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert not broken, f"{page.name}: nothing at {', '.join(broken)}"


@each_page
def test_tables_are_whole(page: Path) -> None:
    lines = prose(page).splitlines()
    for number, line in enumerate(lines[1:], start=2):
        above = lines[number - 2]
        if line.startswith("|") and above.startswith("|"):
            columns = [len(re.findall(r"(?<!\\)\|", row)) for row in (above, line)]
            assert columns[0] == columns[1], f"{page.name}, line {number}: not as many columns as the row above"


@each_page
def test_commands_name_files_that_exist(page: Path) -> None:
    if page in NOTES:
        return
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    missing = []
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] in ("python", "torchrun", "srun"):
                files = [word for word in words if re.search(r"\.(py|ya?ml)$", word) and not word.startswith("~")]
                missing += [word for word in files if not (ROOT / word).is_file()]
                if "-m" in words and (name := words[words.index("-m") + 1]).startswith("benchmarks"):
                    places = ROOT / name.replace(".", "/"), ROOT / name.replace(".", "/") / "__main__"
                    missing += [] if any(place.with_suffix(".py").is_file() for place in places) else [name]
            elif words[0] == "make":
                missing += [f"make {word}" for word in words[1:] if "=" not in word and word not in targets]
            elif words[0] == "videosync" and len(words) > 1 and not words[1].startswith("-"):
                missing += [] if words[1] in COMMANDS else [f"videosync {words[1]}"]
    assert not missing, f"{page.name}: {', '.join(missing)} do not exist"


def test_the_page_of_options_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert config_main(["--markdown"]) == 0
    written = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert written == capsys.readouterr().out, "docs/configuration.md is older than the schema; run 'make docs'"


def test_the_table_of_old_configuration_keys_is_up_to_date() -> None:
    page = (ROOT / "docs" / "coming_from_carl.md").read_text(encoding="utf-8")
    assert legacy_table().strip() in page, "paste what 'videosync convert-config --table' prints"
