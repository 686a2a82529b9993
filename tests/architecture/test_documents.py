"""What the documents point at exists: files, headings, commands, options and settings."""

import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from leadgen.entrypoints.cli.main import app
from leadgen.settings import ProviderAccess, Settings

PROVIDERS = ("orion", "astra", "nimbus")

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/*/README.md")])

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^(?:\.venv/bin/)?leadgen (.+)$", re.MULTILINE)
_CONTINUED = re.compile(r"\\\n\s*")

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def anchors(path: Path) -> set[str]:
    """The names by which a page's headings are linked."""
    headings = _HEADING.findall(_FENCE.sub("", path.read_text("utf-8")))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@documents
def test_links_lead_somewhere(path: Path) -> None:
    """No link names a file or a heading that is not there."""
    broken = []
    for link in _LINK.findall(_FENCE.sub("", path.read_text("utf-8"))):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@documents
def test_commands_exist(path: Path) -> None:
    """Every `leadgen` command in an example is one, with options that it has or hands on."""
    wrong = []
    for block in _SHELL.findall(path.read_text("utf-8")):
        for words in _COMMAND.findall(_CONTINUED.sub(" ", block)):
            command = get_command(app)
            rest = shlex.split(words, comments=True)
            while isinstance(command, TyperGroup) and rest and rest[0] in command.commands:
                command = command.commands[rest.pop(0)]
            known = {word for each in command.params for word in (*each.opts, *each.secondary_opts)}
            foreign = command.context_settings.get("ignore_unknown_options")
            options = {word.partition("=")[0] for word in rest if word.startswith("--")}
            if isinstance(command, TyperGroup) or not (foreign or options <= known):
                wrong.append(words)
    assert wrong == []


def test_every_setting_is_in_the_table() -> None:
    """docs/running.md lists all settings, and no others."""
    listed = set(re.findall(r"`(LEADGEN_[A-Z_]+)`", (ROOT / "docs" / "running.md").read_text("utf-8")))
    of_providers = {f"{name}_{field}" for name in PROVIDERS for field in ProviderAccess.model_fields}
    assert listed == {f"LEADGEN_{name.upper()}" for name in {*Settings.model_fields, *of_providers}}
