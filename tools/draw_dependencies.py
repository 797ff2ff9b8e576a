"""Draws docs/pictures/dependencies.svg: what waits for what in one update, read off the program itself.

`PYTHONPATH=. python tools/draw_dependencies.py` runs __main__.py with a recorder in the place of the engine; a test
holds the picture against the program.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "dependencies.svg"
Edges = Mapping[str, frozenset[str]]
"""What each box waits for."""

PERMANENT, OWN, STEP = "permanent", "a color's own", "a step, run as a command"
PAINT = {PERMANENT: ("#eef1f5", "#616e7c"), OWN: ("#e3f0f8", "#0072B2"), STEP: ("#fdf3ec", "#D55E00")}
# A type (and a name, where one type is two boxes) -> the box that it is drawn in.
BOXES = (
    (r"aws:ec2/(vpc|subnet|internetGateway|natGateway|eip|route\w*):", "", "network", PERMANENT),
    (r"aws:(ec2/securityGroup|vpc/)", "blue", "role, firewall", OWN),
    (r"aws:iam/", "", "role, firewall", OWN),
    (r"aws:(ec2/securityGroup|vpc/|lb/loadBalancer|lb/listener:)", "", "load balancer", PERMANENT),
    (r"aws:lb/targetGroup:", "", "target group", OWN),
    (r"aws:lb/listenerRule:", "preview", "preview rule", PERMANENT),
    (r"aws:lb/listenerRule:", "production", "production rule", PERMANENT),
    (r"aws:ec2/launchTemplate:", "", "launch template", OWN),
    (r"aws:autoscaling/group:", "", "servers", OWN),
    (r"aws:autoscaling/policy:", "", "scaling policy", OWN),
    (r"aws:cloudwatch/metricAlarm:", "", "alarms", OWN),
    (r"aws:cloudwatch/dashboard:", "", "dashboard", PERMANENT),
    (r"command:", "bake", "bake", STEP),
    (r"command:", "retire", "retire", STEP),
    (r"command:", "verify", "verify", STEP),
    (r"command:", "promote", "promote", STEP),
    (r"command:", "prune", "prune", STEP),
)
KINDS = {box: kind for _, _, box, kind in BOXES}
WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 124, 34, 30, 22, 16


def box(type_: str, name: str) -> str:
    """The box of a resource. Raises ValueError for a type that BOXES does not know."""
    for pattern, word, label, _ in BOXES:
        if re.match(pattern, type_) and word in name:
            return label
    raise ValueError(f"{type_} ({name}) has no box: say in BOXES of tools/draw_dependencies.py which it belongs to")


def edges(resources: Iterable[tuple[str, str, frozenset[str]]]) -> dict[str, frozenset[str]]:
    """Boxes and what they wait for, without what follows from the rest; resources are (type, name, depends on)."""
    known = [one for one in resources if not one[0].startswith(("phoenix:", "pulumi:"))]
    boxes: dict[str, set[str]] = {}
    for type_, name, _ in known:
        boxes.setdefault(name, set()).add(box(type_, name))
    found: dict[str, set[str]] = {}
    for type_, name, needs in known:
        mine = found.setdefault(box(type_, name), set())
        mine |= {label for need in needs for label in boxes.get(need, ())} - {box(type_, name)}
    return {label: frozenset(_direct(label, found)) for label in found}


def _behind(label: str, found: Mapping[str, set[str]]) -> set[str]:
    """Everything that a box waits for, near and far."""
    seen: set[str] = set()
    ahead = list(found.get(label, ()))
    while ahead:
        one = ahead.pop()
        if one not in seen:
            seen.add(one)
            ahead += found.get(one, ())
    return seen


def _direct(label: str, found: Mapping[str, set[str]]) -> set[str]:
    return {one for one in found[label] if not any(one in _behind(other, found) for other in found[label] - {one})}


def columns(graph: Edges) -> list[list[str]]:
    """Boxes in the order of an update: each one column after the last that it waits for."""
    depth: dict[str, int] = {}

    def place(label: str) -> int:
        if label not in depth:
            depth[label] = 1 + max((place(one) for one in graph[label]), default=-1)
        return depth[label]

    for label in graph:
        place(label)
    order: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    rows: dict[str, float] = {}
    for number, column in enumerate(order):
        members = sorted(label for label in graph if depth[label] == number)
        # Beside the middle of what it waits for, so that few lines cross.
        members.sort(key=lambda label: sum(rows[one] for one in graph[label]) / max(len(graph[label]), 1))
        for row, label in enumerate(members):
            rows[label] = row - (len(members) - 1) / 2
        column += members
    return order


def svg(graph: Edges) -> str:
    """The picture."""
    order = columns(graph)
    tallest = max(len(column) for column in order)
    wide = 2 * MARGIN + len(order) * WIDTH + (len(order) - 1) * ACROSS
    high = 2 * MARGIN + tallest * HEIGHT + (tallest - 1) * DOWN + 34
    middle = (high - 34) / 2
    at = {label: (MARGIN + number * (WIDTH + ACROSS), middle + (row - (len(column) - 1) / 2) * (HEIGHT + DOWN))
          for number, column in enumerate(order) for row, label in enumerate(column)}
    lines = [_line(at[need], at[label]) for label in sorted(graph) for need in sorted(graph[label])]
    boxes = [_box(label, *at[label]) for column in order for label in column]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}"'
        ' font-family="DejaVu Sans, Verdana, Arial, sans-serif" font-size="12" fill="#1f2933">',
        "<title>What waits for what in one update</title>",
        f'<rect width="{wide}" height="{high}" fill="#ffffff"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#616e7c"/></marker></defs>',
        *lines, *boxes, *_legend(high - 22), "</svg>", ""])


def _line(begin: tuple[float, float], end: tuple[float, float]) -> str:
    x, y, to_x, to_y = begin[0] + WIDTH, begin[1], end[0] - 2, end[1]
    # Over boxes in between a line passes in their gaps.
    return (f'<path d="M{x:g} {y:g} C{x + ACROSS:g} {y:g} {to_x - ACROSS:g} {to_y:g} {to_x:g} {to_y:g}" fill="none"'
            ' stroke="#616e7c" stroke-width="1.1" marker-end="url(#tip)"/>')


def _box(label: str, x: float, y: float) -> str:
    fill, stroke = PAINT[KINDS[label]]
    return (f'<rect x="{x:g}" y="{y - HEIGHT / 2:g}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="{fill}"'
            f' stroke="{stroke}" stroke-width="1.3"/><text x="{x + WIDTH / 2:g}" y="{y + 4:g}"'
            f' text-anchor="middle">{escape(label)}</text>')


def _legend(y: float) -> list[str]:
    made = []
    for number, (kind, (fill, stroke)) in enumerate(PAINT.items()):
        x = MARGIN + number * 170
        made.append(f'<rect x="{x}" y="{y:g}" width="14" height="14" rx="3" fill="{fill}" stroke="{stroke}"/>'
                    f'<text x="{x + 20}" y="{y + 11:g}">{escape(kind)}</text>')
    return made


def main() -> int:
    """Runs the program under the recorder, in an account of this process alone."""
    from tests.recorded import dependencies

    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(svg(edges(dependencies())))
    print(f"drawn: {PICTURE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
