"""Invented people for the demo, with the flaws that real files have."""

from __future__ import annotations

import csv
import random
from importlib.resources import files
from pathlib import Path


def write_sample(path: Path, leads: int, seed: int) -> None:
    """Writes a CSV of ``leads`` rows: the bundled ones, then further people made of their parts."""
    text = files(__package__).joinpath("leads.csv").read_text(encoding="utf-8")
    header, *people = csv.reader(text.splitlines())
    rows = people[:leads]
    chance = random.Random(seed)  # noqa: S311 - invented people, not secrets
    while len(rows) < leads:
        rows.append(_mixed(chance.sample(people, 3), len(rows)))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def _mixed(parents: list[list[str]], number: int) -> list[str]:
    """One person with the first name of one, the last name of another and the company of a third."""
    given, family, employed = parents
    mixed = [given[0], f"{family[1]}-{number}", *employed[2:]]
    host = employed[6].removeprefix("https://www.").rstrip("/") or "harborlight.example"
    mixed[2] = f"{mixed[0]}.{mixed[1]}@{host}".lower() if employed[2] else ""
    return mixed
