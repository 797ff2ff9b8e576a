"""The report as one HTML page: figures, the picture, and a cursor that reads out any second. It needs no network.

`rehearsal-report/index.html#31` opens with second 31 selected; the arrow keys move it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template

from rehearsal.scenario import picture
from rehearsal.scenario.report import HEADINGS, Report, cells
from rehearsal.scenario.timeline import Timeline

HERE = Path(__file__).parent


def write(folder: Path, report: Report, timeline: Timeline) -> Path:
    """index.html in the folder, with timeline.svg, timeline.png and timeline.json beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    timeline.write(folder / "timeline.json")
    drawn = picture.write(folder, timeline)
    path = folder / "index.html"
    path.write_text(html(report, timeline, drawn["svg"].read_text()), encoding="utf-8")
    return path


def html(report: Report, timeline: Timeline, svg: str) -> str:
    """The page around the picture."""
    # Inside <script> only "</" could end the data early.
    data = json.dumps(asdict(timeline), separators=(",", ":")).replace("</", "<\\/")
    held = "".join(f"<li>{escape(text)}</li>" for text in report.violations)
    packages = "".join(
        f"<li>packages, {escape(stage)}: {escape(words)}</li>" for stage, words in report.packages.items()
    )
    return Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(timeline.title),
        result=escape(timeline.result),
        tiles="".join(f"<li>{escape(text)}</li>" for text in timeline.sums),
        broken=f'<ul class="broken">{held}</ul>' if held else "",
        left=picture.LEFT,
        right=picture.RIGHT,
        packages=f'<ul class="packages">{packages}</ul>' if packages else "",
        svg=without_heading(svg[svg.index("<svg") :]),
        head="".join(f"<th>{escape(text)}</th>" for text in HEADINGS),
        rows="".join(
            [
                *(
                    _row(f"{number} {stage.name}", *cells(said))
                    for number, (stage, said) in enumerate(report.stages, 1)
                ),
                _row("all", *cells(report.total), kind="all"),
            ]
        ),
        data=data,
    )


def _row(*texts: str, kind: str = "") -> str:
    opening = f'<tr class="{kind}">' if kind else "<tr>"
    # Where there is no room for columns, each figure has its column's name before it.
    named = zip(HEADINGS, texts, strict=True)
    return opening + "".join(f'<td data-of="{escape(of)}">{escape(text)}</td>' for of, text in named) + "</tr>"


def without_heading(svg: str) -> str:
    """The picture without what stands above its legend; as it is when it has no size."""
    size = re.search(r'height="([\d.]+)pt" viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if not size:
        return svg
    left = float(size[3]) - picture.HEADING
    cut = f'height="{left:g}pt" viewBox="0 {picture.HEADING:g} {size[2]} {left:g}"'
    return svg.replace(size[0], cut, 1)
