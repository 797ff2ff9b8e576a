"""Draws docs/pictures/dependencies.svg: what waits for what in one update, read off the program itself.

`PYTHONPATH=. python tools/draw_dependencies.py` runs __main__.py with a recorder in the place of the engine; a test
holds the picture against the program.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "dependencies.svg"
Edges = Mapping[str, frozenset[str]]
"""What each box waits for."""

PERMANENT, OWN, STEP = "permanent", "a color's own", "a step, run as a command"
PAINT = {PERMANENT: ("#eef1f5", "#616e7c"), OWN: ("#e3f0f8", "#0072B2"), STEP: ("#fdf3ec", "#D55E00")}
# A type (and a name, where one type is two boxes) -> the box that it is drawn in.
BOXES = (
    (
        r"aws:ec2/(vpc|defaultSecurityGroup|flowLog|subnet|internetGateway|natGateway|eip|route\w*):",
        "",
        "network",
        PERMANENT,
    ),
    (r"aws:(ec2/securityGroup|vpc/)", "blue", "role, firewall", OWN),
    (r"aws:iam/", "", "role, firewall", OWN),
    (r"aws:(ec2/securityGroup|vpc/|lb/loadBalancer|lb/listener:)", "", "load balancer", PERMANENT),
    (r"aws:(s3|wafv2)/", "", "load balancer", PERMANENT),
    (r"aws:lb/targetGroup:", "", "target group", OWN),
    (r"aws:lb/listenerRule:", "preview", "preview rule", PERMANENT),
    (r"aws:lb/listenerRule:", "production", "production rule", PERMANENT),
    (r"aws:lb/listenerRule:", "redirect", "load balancer", PERMANENT),
    (r"aws:ec2/launchTemplate:", "", "launch template", OWN),
    (r"aws:autoscaling/group:", "", "servers", OWN),
    (r"aws:autoscaling/policy:", "", "scaling policy", OWN),
    (r"aws:cloudwatch/metricAlarm:", "", "alarms", OWN),
    (r"aws:cloudwatch/dashboard:", "", "dashboard", PERMANENT),
    (r"command:", "bake", "bake", STEP),
    (r"command:", "clear", "clear", STEP),
    (r"command:", "retire", "retire", STEP),
    (r"command:", "guard", "guard", STEP),
    (r"command:", "verify", "verify", STEP),
    (r"command:", "promote", "promote", STEP),
    (r"command:", "prune", "prune", STEP),
)
KINDS = {box: kind for _, _, box, kind in BOXES}
WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 128, 32, 26, 26, 16


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


def rows(graph: Edges) -> tuple[list[list[str]], list[tuple[str, ...]]]:
    """Boxes in the order of an update, each a row below the last that it waits for; and the way of each line.

    A line over several rows passes each of them in a place of its own, so that it crosses no box.
    """
    depth: dict[str, int] = {}

    def place(label: str) -> int:
        if label not in depth:
            depth[label] = 1 + max((place(one) for one in graph[label]), default=-1)
        return depth[label]

    for label in graph:
        place(label)
    found: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    ways = []
    for label in sorted(graph):
        found[depth[label]].append(label)
        for need in sorted(graph[label]):
            between = [f"{need} > {label} {step}" for step in range(depth[need] + 1, depth[label])]
            for step, passing in enumerate(between, depth[need] + 1):
                found[step].append(passing)
            ways.append((need, *between, label))
    above: dict[str, list[str]] = {}
    for way in ways:
        for upper, lower in pairwise(way):
            above.setdefault(lower, []).append(upper)
    middle: dict[str, float] = {}
    for row in found:
        # Below the middle of what it waits for, so that few lines cross.
        row.sort(key=lambda one: (sum(middle[up] for up in above.get(one, ())) / max(len(above.get(one, ())), 1), one))
        middle |= {one: number - (len(row) - 1) / 2 for number, one in enumerate(row)}
    return found, ways


def svg(graph: Edges) -> str:
    """The picture, top to bottom."""
    order, ways = rows(graph)
    most = max(len(row) for row in order)
    wide = 2 * MARGIN + most * WIDTH + (most - 1) * ACROSS
    high = 2 * MARGIN + len(order) * HEIGHT + (len(order) - 1) * DOWN + 30
    at = {
        label: (wide / 2 + (place - (len(row) - 1) / 2) * (WIDTH + ACROSS), MARGIN + number * (HEIGHT + DOWN))
        for number, row in enumerate(order)
        for place, label in enumerate(row)
    }
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}"'
            ' font-family="DejaVu Sans, Verdana, Arial, sans-serif" font-size="12.5" fill="#1f2933">',
            "<title>What waits for what in one update</title>",
            f'<rect width="{wide}" height="{high}" fill="#ffffff"/>',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0 L8 4 L0 8 z" fill="#616e7c"/></marker></defs>',
            *(_line([at[one] for one in way]) for way in ways),
            *(_box(label, *at[label]) for label in sorted(graph)),
            *_legend(high - 24),
            "</svg>",
            "",
        ]
    )


def _line(points: Sequence[tuple[float, float]]) -> str:
    """From the foot of the first box to the head of the last; straight past the boxes between them."""
    path = f"M{points[0][0]:g} {points[0][1] + HEIGHT:g}"
    for (x, y), (to_x, to_y) in pairwise(points):
        last = (to_x, to_y) == points[-1]
        half = (y + HEIGHT + to_y) / 2
        path += f" C{x:g} {half:g} {to_x:g} {half:g} {to_x:g} {to_y - (2 if last else 0):g}"
        path += "" if last else f" V{to_y + HEIGHT:g}"
    return f'<path d="{path}" fill="none" stroke="#616e7c" stroke-width="1.1" marker-end="url(#tip)"/>'


def _box(label: str, x: float, y: float) -> str:
    fill, stroke = PAINT[KINDS[label]]
    return (
        f'<rect x="{x - WIDTH / 2:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="{fill}"'
        f' stroke="{stroke}" stroke-width="1.3"/><text x="{x:g}" y="{y + HEIGHT / 2 + 4.5:g}"'
        f' text-anchor="middle">{escape(label)}</text>'
    )


def _legend(y: float) -> list[str]:
    made = []
    for number, (kind, (fill, stroke)) in enumerate(PAINT.items()):
        x = MARGIN + number * 150
        made.append(
            f'<rect x="{x}" y="{y:g}" width="14" height="14" rx="3" fill="{fill}" stroke="{stroke}"/>'
            f'<text x="{x + 20}" y="{y + 11:g}">{escape(kind)}</text>'
        )
    return made


def main() -> int:
    """Runs the program under the recorder, in an account of this process alone."""
    recorded = importlib.import_module("tests.support.recorded")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(svg(edges(recorded.dependencies())))
    print(f"drawn: {PICTURE}")
    return 0


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.exit(main())
