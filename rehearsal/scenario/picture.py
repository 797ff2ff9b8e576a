"""The rehearsal's timeline as a picture: stages as bands, requests by generation, latency, and each server's life.

Colors are Okabe and Ito's blue, bluish green and vermillion, which color-blind readers tell apart; a state is shown by
its height and hatching too.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from rehearsal.scenario.timeline import BOOTING, DRAINING, HEALTHY, UNHEALTHY, Server, Timeline

INK = "#1f2933"
GREY = "#616e7c"
COLORS: Mapping[str, str] = {"blue": "#0072B2", "green": "#009E73"}
LIGHTER: Mapping[str, str] = {"blue": "#56A5D8", "green": "#5BC8A8"}
FAILED = "#D55E00"
SHADES = ("#f1f4f8", "#ffffff")
# Where the picture's own heading ends, in points from its top: the page has one of its own, and leaves this out.
HEADING = 0.58 * 72
# Where the time axis begins and ends, as shares of the picture's width: the page lays its cursor over it.
LEFT, RIGHT = 0.105, 0.975
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "phoenix",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9aa5b1",
    "axes.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "hatch.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(timeline: Timeline) -> dict[str, bytes]:
    """The picture by the ending of its file: `svg` and `png`."""
    with matplotlib.rc_context(_STYLE):
        figure = _figure(timeline)
        return {kind: _saved(figure, kind) for kind in ("svg", "png")}


def write(folder: Path, timeline: Timeline) -> dict[str, Path]:
    """timeline.svg and timeline.png in the folder."""
    written = {}
    for kind, data in draw(timeline).items():
        written[kind] = folder / f"timeline.{kind}"
        written[kind].write_bytes(data)
    return written


def _saved(figure: Figure, kind: str) -> bytes:
    out = BytesIO()
    # Without a date the same timeline makes the same file.
    figure.savefig(out, format=kind, dpi=110, metadata={"Date": None} if kind == "svg" else None)
    return out.getvalue()


def _figure(timeline: Timeline) -> Figure:
    rows = max(len(timeline.servers), 2)
    named = "  ·  ".join(
        f"{number} {band.name} ({band.end - band.begin:.0f} s)".replace(" ", "\N{NO-BREAK SPACE}")
        for number, band in enumerate(timeline.bands, 1)
    )
    # About 165 characters of this size fit; breaks come between stages only.
    lines = [line.replace("\N{NO-BREAK SPACE}", " ") for line in textwrap.wrap(named, 165)]
    height = 5.7 + 0.22 * rows + 0.16 * len(lines)
    figure = Figure(figsize=(12, height))
    top, bottom = 1 - 1.06 / height, (0.72 + 0.16 * len(lines)) / height
    stages, requests, latency, servers = figure.subplots(
        4,
        1,
        sharex=True,
        gridspec_kw={
            "height_ratios": [0.3, 2.1, 1.1, 0.22 * rows],
            "hspace": 0.16,
            "left": LEFT,
            "right": RIGHT,
            "top": top,
            "bottom": bottom,
        },
    )
    figure.text(
        0.012,
        1 - 0.28 / height,
        timeline.result,
        fontsize=13,
        fontweight="bold",
        gid="heading",
    )
    said = "  ·  ".join([timeline.title, *timeline.sums])
    # About 160 characters of 9.5 points fit.
    figure.text(0.012, 1 - 0.54 / height, said, fontsize=min(9.5, 9.5 * 160 / len(said)), color=GREY, gid="sums")
    for axes in (stages, requests, latency, servers):
        _bands(axes, timeline)
    _stages(stages, timeline)
    _requests(requests, timeline, legend=1 - 0.6 / height)
    _latency(latency, timeline)
    _servers(servers, timeline, height=height, above=0.14 + 0.16 * len(lines))
    servers.set_xlim(0, timeline.length)
    servers.set_xlabel("seconds since the beginning", loc="left")
    figure.text(LEFT, 0.14 / height, "\n".join(lines), fontsize=8, color=GREY, linespacing=1.4)
    figure.align_ylabels([requests, latency, servers])
    return figure


def _bands(axes: Axes, timeline: Timeline) -> None:
    for number, band in enumerate(timeline.bands):
        axes.axvspan(band.begin, band.end, color=SHADES[number % 2], linewidth=0, zorder=0)


def _stages(axes: Axes, timeline: Timeline) -> None:
    """Each band by its number, and by its name where there is room; the names of all are below the picture."""
    axes.set_axis_off()
    axes.set_ylim(0, 1)
    free = 0.0  # where the label before ends
    for number, band in enumerate(timeline.bands, 1):
        axes.axvspan(band.begin, band.end, color=("#dde4ec", "#eef1f5")[number % 2], linewidth=0, zorder=0)
        # A character of this size takes about 0.0062 of the picture's width.
        character = 0.0062 * timeline.length / (RIGHT - LEFT)
        room = (band.end - band.begin) / character
        label = f"{number}  {band.name}" if room > len(band.name) + 4 else str(number)
        middle, half = (band.begin + band.end) / 2, character * (len(label) + 0.6) / 2
        if middle - half >= free or not free:
            axes.text(middle, 0.46, label, ha="center", va="center", fontsize=9, fontweight="bold")
            free = middle + half


def _requests(axes: Axes, timeline: Timeline, *, legend: float) -> None:
    """`legend`: where its top is, as a share of the picture's height."""
    generations = list(dict.fromkeys(generation for second in timeline.seconds for generation in second.answered))
    starts = range(len(timeline.seconds) + 1)
    below = [0.0] * len(timeline.seconds)
    handles: list[Patch] = []
    # The last second is a part of one: what it counts is scaled to a whole.
    whole = [1.0] * (len(timeline.seconds) - 1) + [max(timeline.length % 1, 0.1)]
    stacked = [
        (f"{timeline.colors.get(one, '')} {one}", paint, [second.answered.get(one, 0) for second in timeline.seconds])
        for one, paint in zip(generations, paints(timeline, generations), strict=True)
    ]
    stacked.append(("failed", FAILED, [second.failed for second in timeline.seconds]))
    for label, paint, counts in stacked:
        above = [under + count / share for under, count, share in zip(below, counts, whole, strict=True)]
        # Each step is drawn to its second's end.
        axes.fill_between(
            starts, [*below, below[-1]], [*above, above[-1]], step="post", color=paint, linewidth=0, zorder=2
        )
        handles.append(Patch(color=paint, label=f"{label}: {sum(counts):,}"))
        below = above
    axes.set_ylim(0, max([*below, 1]) * 1.28)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_ylabel("requests / s")
    _draw_weight_changes(axes, timeline)
    axes.figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(RIGHT + 0.006, legend),
        frameon=False,
        fontsize=9.5,
        ncols=len(handles),
        handlelength=1.2,
        columnspacing=1.6,
    )


def paints(timeline: Timeline, generations: list[str]) -> list[str]:
    """A paint for each generation: its color's; a second one of the same color gets a lighter one."""
    used: set[str] = set()
    found = []
    for generation in generations:
        color = timeline.colors.get(generation, "")
        paint = COLORS.get(color, GREY)
        found.append(LIGHTER.get(color, "#9aa5b1") if paint in used else paint)
        used.add(paint)
    return found


def _draw_weight_changes(axes: Axes, timeline: Timeline) -> None:
    """Where the weights of production changed: a tick, and the share of whoever gains."""
    top = axes.get_ylim()[1]
    for move in timeline.weight_changes:
        axes.axvline(move.t, color=INK, linewidth=0.8, linestyle=(0, (3, 2)), ymax=0.86, zorder=3)
    for label in share_labels(timeline):
        axes.text(
            label.t,
            top * (0.985 - 0.065 * label.row),
            label.text,
            ha="center",
            va="top",
            fontsize=7.5,
            fontweight="bold",
            color=COLORS.get(label.color, INK),
        )


@dataclass(frozen=True, kw_only=True)
class ShareLabel:
    """The share of a color from second `t` on, or the shares of moves that are too close for a label each.

    `width` is in seconds; labels of a row do not touch.
    """

    t: float
    text: str
    color: str
    width: float
    row: int


def share_labels(timeline: Timeline) -> list[ShareLabel]:
    """What is written above the moves of production: of moves that are close to each other once, as `10, 50, 100 %`."""
    second = timeline.length / (RIGHT - LEFT)  # the picture's width, in seconds
    before: Mapping[str, int] = {}
    steps: list[tuple[str, list[tuple[float, int]]]] = []
    for move in timeline.weight_changes:
        gains = max(move.weights, key=lambda color: move.weights[color] - before.get(color, 0))
        step = (move.t, move.weights[gains])
        if steps and steps[-1][0] == gains and move.t - steps[-1][1][-1][0] < second * 0.06:
            steps[-1][1].append(step)
        else:
            steps.append((gains, [step]))
        before = move.weights
    found: list[ShareLabel] = []
    for color, moves in steps:
        text = ", ".join(str(share) for _, share in moves) + " %"
        width = second * 0.0062 * (len(text) + 1)
        # Within the picture, whatever the moment.
        t = min(max((moves[0][0] + moves[-1][0]) / 2, width / 2), max(timeline.length - width / 2, width / 2))
        taken = {one.row for one in found if abs(one.t - t) < (one.width + width) / 2}
        row = next(number for number in range(len(found) + 1) if number not in taken)
        found.append(ShareLabel(t=t, text=text, color=color, width=width, row=row))
    return found


def _latency(axes: Axes, timeline: Timeline) -> None:
    middle = [number + 0.5 for number in range(len(timeline.seconds))]
    nothing = float("nan")
    p99 = [nothing if second.p99 is None else second.p99 for second in timeline.seconds]
    p50 = [nothing if second.p50 is None else second.p50 for second in timeline.seconds]
    axes.plot(middle, p99, color=INK, linewidth=1.3, label="p99", zorder=3)
    axes.plot(middle, p50, color=GREY, linewidth=1.1, linestyle=(0, (2, 1.2)), label="p50", zorder=3)
    axes.set_ylim(0, max([second.p99 or 0 for second in timeline.seconds] + [1]) * 1.3)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.set_ylabel("latency, ms")
    axes.legend(loc="upper right", frameon=False, fontsize=8.5, ncols=2, borderaxespad=0.1)


def _servers(axes: Axes, timeline: Timeline, *, height: float, above: float) -> None:
    """A row a server, the oldest on top: thin while it boots or drains, full while it is healthy.

    `height` of the picture, and where its legend begins, in inches.
    """
    for row, server in enumerate(timeline.servers):
        for spell in server.periods:
            _draw_period(axes, row, server, spell.state, spell.begin, spell.end - spell.begin)
    axes.set_ylim(max(len(timeline.servers), 2) - 0.4, -0.6)
    axes.set_yticks(
        range(len(timeline.servers)), [f"{server.color} {server.id[-6:]}" for server in timeline.servers], fontsize=8
    )
    axes.tick_params(axis="y", length=0)
    axes.set_ylabel("servers")
    axes.figure.legend(
        handles=[
            tuple(Patch(facecolor="white", edgecolor=paint, hatch="////") for paint in COLORS.values()),
            tuple(Patch(color=paint) for paint in COLORS.values()),
            Patch(color=FAILED),
            tuple(Patch(facecolor=paint, alpha=0.55) for paint in LIGHTER.values()),
        ],
        labels=["booting", "healthy", "unhealthy", "leaving, requests drain"],
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
        loc="lower right",
        bbox_to_anchor=(RIGHT + 0.006, above / height),
        ncols=4,
        frameon=False,
        fontsize=8.5,
        handlelength=2.2,
    )


def _draw_period(axes: Axes, row: int, server: Server, state: str, begin: float, length: float) -> None:
    paint = COLORS.get(server.color, GREY)
    if state == HEALTHY:
        axes.broken_barh([(begin, length)], (row - 0.36, 0.72), facecolor=paint, zorder=2)
    elif state == UNHEALTHY:
        axes.broken_barh([(begin, length)], (row - 0.36, 0.72), facecolor=FAILED, zorder=2)
    elif state == BOOTING:
        axes.broken_barh(
            [(begin, length)],
            (row - 0.2, 0.4),
            facecolor="white",
            edgecolor=paint,
            hatch="////",
            linewidth=0.8,
            zorder=2,
        )
    elif state == DRAINING:
        axes.broken_barh(
            [(begin, length)], (row - 0.2, 0.4), facecolor=LIGHTER.get(server.color, GREY), alpha=0.55, zorder=2
        )
