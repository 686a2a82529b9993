"""The speeds as a picture: a bar each, as long as its share of the bare loop's leads a second."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tests.benchmarks.throughput.jobs import Run
from tests.benchmarks.throughput.results import PEER, Results

_ROWS = {
    "postgres 2": ("leadgen, PostgreSQL, 2 workers", "#2f6f9f"),
    "postgres 1": ("leadgen, PostgreSQL, Valkey", "#2f6f9f"),
    "sqlite 1": ("leadgen, SQLite", "#2f6f9f"),
    PEER: ("a Temporal workflow for each lead", "#b08a3e"),
}
_BARE = ("a bare loop, which records nothing", "#9aa3ab")

_WIDTH, _LABEL, _BAR = 640, 264, 260
_HEAD, _ROW, _FOOT, _THICK = 40, 30, 30, 18
_FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


def picture(results: Results) -> str:
    """An SVG with what was measured of the instant providers; empty where there is no bare loop."""
    base = results.bare()
    if base is None:
        return ""
    rows = [(*_BARE, base)]
    rows += [(*told, run) for name, told in reversed(_ROWS.items()) if (run := results.run(name))]
    rows.sort(key=lambda row: -row[2].leads_per_second)
    height = _HEAD + _ROW * len(rows) + _FOOT
    svg = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_WIDTH} {height}", role="img")
    SubElement(svg, "title").text = "Leads a second beside a bare loop"
    SubElement(svg, "rect", width=str(_WIDTH), height=str(height), rx="8", fill="#f7f8f9")
    _text(svg, 16, 26, "Leads a second, providers that answer at once", size=14, weight="600")
    for place, row in enumerate(rows):
        _bar(svg, _HEAD + _ROW * place, row, base)
    about = results.about
    foot = f"{base.leads:,} leads, {about['cores']} cores, {about['date']}; make bench repeats it"
    _text(svg, 16, height - 11, foot, size=11, fill="#6b747c")
    indent(svg)
    return tostring(svg, encoding="unicode") + "\n"


def _bar(svg: Element, top: int, row: tuple[str, str, Run], base: Run) -> None:
    label, colour, run = row
    share = run.leads_per_second / base.leads_per_second
    width = max(_BAR * share, 2.0)
    _text(svg, _LABEL - 10, top + 15, label, anchor="end")
    SubElement(
        svg, "rect",
        x=str(_LABEL), y=str(top + 2), width=f"{width:.1f}", height=str(_THICK), rx="3", fill=colour,
    )  # fmt: skip
    told = f"{run.leads_per_second:,.0f}" + ("" if run is base else f"  ({share:.2f} of it)")
    _text(svg, _LABEL + round(width) + 8, top + 15, told)


def _text(
    svg: Element, x: int, y: int, text: str, *,
    size: int = 12, weight: str = "400", anchor: str = "start", fill: str = "#24292e",
) -> None:  # fmt: skip
    style = {"font-family": _FONT, "font-size": str(size), "font-weight": weight, "text-anchor": anchor}
    SubElement(svg, "text", {"x": str(x), "y": str(y), "fill": fill, **style}).text = text
