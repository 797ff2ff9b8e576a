"""The flight plan: what an update will do, for whoever reads it before it is done. Pure but for `publish`.

One text for the terminal, and the same as Markdown for a pull request's comment.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from plan import estimates, lineage
from plan.checks import existing_groups
from plan.checks.known_failures import warnings
from plan.config.settings import Settings
from plan.image_source import Source
from plan.lineage import UNKNOWN, Lineage
from plan.readers.account_limits import Outlook
from plan.readers.live_state import Live
from plan.report import gates
from plan.report.changelog import Changelog
from plan.rollout_plan import Flight
from plan.server_spec import Recipe, changes

# The file that the plan is written to as Markdown, when this variable names one.
VARIABLE = "PHOENIX_PLAN_MARKDOWN"


@dataclass(frozen=True)
class Briefing:
    """The words of a plan: a headline, and rows of a word and its lines. `changes`: git's words about the image."""

    identity: str  # SERVICE/STACK
    stack: str
    headline: str
    rows: tuple[tuple[str, str], ...]
    changes: Changelog | None = None

    @property
    def text(self) -> str:
        """A block for the terminal."""
        lines = [f"  {key:<11} {text}" for key, text in self.rows]
        if self.changes:
            lines += [
                f"  {key:<11} {text}"
                for key, text in zip(["git", *[""] * len(self.changes.lines)], _told(self.changes), strict=False)
            ]
        return "\n".join([f"flight plan of {self.identity}: {self.headline}", *lines])

    @property
    def markdown(self) -> str:
        """The same as a comment: GitHub-flavoured, with a mark by which a later one finds it."""
        rows = [f"| {key} | {escaped(text)} |" for key, text in self.rows]
        parts = [
            mark(self.stack),
            f"### Flight plan of {escaped(self.identity)}",
            "",
            f"**{escaped(self.headline)}**",
            "",
            "| | |",
            "|---|---|",
            *rows,
        ]
        if self.changes:
            said = _told(self.changes)
            parts += ["", f"<details><summary>{escaped(said[0])}</summary>", "", *fenced(said[1:]), "", "</details>"]
        return "\n".join(parts) + "\n"


def write(
    settings: Settings,
    flight: Flight,
    recipe: Recipe,
    live: Live,
    source: Source,
    outlook: Outlook,
    log: Changelog | None,
    *,
    packages: Sequence[str] = (),
    permanent: Sequence[tuple[str, str]] = (),
    now: datetime,
    descent: Lineage = UNKNOWN,
) -> Briefing:
    """The plan of an update in words. `packages`: what differs, in lines. `permanent`: rows of what outlives groups."""
    rows = lineage.rows(settings, flight, descent)
    size = estimates.servers(settings, flight, live)
    if flight.standing is None:
        rows.append(("image", source.words))
        rows.append(("born", f"{flight.active.color}, generation {flight.active.generation}, {size} servers"))
        if flight.previous:
            rows += [("changed", line) for line in changes(flight.previous.recipe, recipe) or ["nothing: born again"]]
        rows += [("packages", line) for line in packages]
        if settings.image_shared_with:
            rows.append(("shared", f"with {', '.join(settings.image_shared_with)}, once it has passed the gates"))
    else:
        wanted = None if flight.active.frozen else (settings.min_size, settings.max_size)
        rows.append(
            (
                "stands",
                f"{flight.active.color}, generation {flight.active.generation},"
                f" {existing_groups.words(flight.standing, outlook, wanted=wanted)}",
            )
        )
    if not flight.proven:
        rows.append(("gates", gates.told(flight, settings, live)))
    rows.append(("production", _production(flight, live)))
    rows += permanent
    rows += _others(flight, live, outlook)
    rows += _side_by_side(settings, flight, live)
    rows += [("old", line) for line in _ages(settings, live, outlook, now)]
    rows += [("mind", line) for line in warnings(settings, flight, live, source, now=now)]
    rows += [("mind", line) for line in existing_groups.warnings(settings, flight, live, outlook)]
    rows += [("unknown", line) for line in outlook.unknown if not flight.proven]
    headline = _headline(flight) + ("; permanent things change" if permanent else "")
    return Briefing(settings.identity, settings.stack, headline, tuple(rows), log)


def publish(markdown: str, environment: Mapping[str, str] = os.environ) -> str:
    """Writes Markdown to the file that the environment names, if it names one. Returns why it could not, in a line.

    Never raises: no file is worth an update, or the words of why there is none.
    """
    name = environment.get(VARIABLE, "")
    try:
        if name:
            Path(name).write_text(markdown, encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return f"{VARIABLE} = {name!r}: the plan could not be written there ({why}); what is in it may be an older one"
    return ""


def refused(stack: str, why: str) -> str:
    """Markdown for an update that is refused before it begins."""
    return (
        "\n".join(
            [
                mark(stack),
                f"### Flight plan of {escaped(stack)}",
                "",
                "**nothing will happen: it is refused**",
                "",
                *fenced(why.splitlines()),
            ]
        )
        + "\n"
    )


def mark(stack: str) -> str:
    """The first line of each plan's Markdown; unseen, the same for every plan of a stack."""
    return f"<!-- phoenix flight plan of {stack} -->"


def fenced(lines: Iterable[str]) -> list[str]:
    """Lines as they are, whatever they hold: a fence longer than any in them."""
    said = list(lines)
    fence = "```"
    while any(fence in line for line in said):
        fence += "`"
    return [fence + "text", *said, fence]


def escaped(text: str) -> str:
    """Text for a table's cell, with nothing in it that Markdown or HTML would take for its own."""
    for sign, instead in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("|", "\\|"),
        ("`", "\\`"),
        ("*", "\\*"),
        ("_", "\\_"),
        ("@", "&#64;"),
        ("\n", "<br>"),
    ):
        text = text.replace(sign, instead)
    return text


def _told(log: Changelog) -> list[str]:
    if log.problem:
        return [log.problem]
    if not log.lines:
        return [f"nothing changed in the image's folder since {log.since}, the live image's commit"]
    return [f"since {log.since}, the live image's commit, in the image's folder:", *log.lines]


def _headline(flight: Flight) -> str:
    mine, share = flight.active.color, flight.weights[flight.active.color]
    if flight.proven and not flight.dies:
        return "nothing is born, nothing dies"
    begins = [] if flight.standing else [f"{mine} is born"]
    if flight.shift and flight.previous:
        back = "goes back to" if flight.back else "moves to"
        begins.append(f"all of production {back} {mine}" if share == 100 else f"{mine} gets {share} % of production")
    elif flight.standing is None and flight.previous:
        begins.append("only the preview token leads to it")
    elif flight.standing is None:
        begins.append("production begins")
    elif not flight.proven:
        begins.append(f"{mine} passes the gates again")
    return ", ".join(begins + ([f"{flight.dies.color} dies"] if flight.dies else []))


def _production(flight: Flight, live: Live) -> str:
    shares = _shares(flight.weights)
    if not flight.shift:
        return f"stays {shares}"
    return f"-> {shares} (now {_shares(live.weights)})" if live.weights else f"-> {shares}"


def _shares(weights: Mapping[str, int]) -> str:
    return ", ".join(f"{color} {share} %" for color, share in weights.items())


def _others(flight: Flight, live: Live, outlook: Outlook) -> list[tuple[str, str]]:
    rows = []
    for key, color, end in (("kept", flight.kept, "exactly as it is"), ("dies", flight.dies, "last of all")):
        group = live.group(color.color) if color else None
        if color and group:
            said = f"{color.color}, generation {color.generation}, {existing_groups.words(group, outlook)}, {end}"
            rows.append((key, said))
    return rows


def _side_by_side(settings: Settings, flight: Flight, live: Live) -> list[tuple[str, str]]:
    """How long two groups stand, and what the second one costs."""
    found = estimates.together(settings, flight, live)
    if found is None:
        return []
    size = estimates.servers(settings, flight, live)
    if flight.kept:
        kept = live.group(flight.kept.color)
        size = kept.desired if kept else size
    # A canary that is held ends when traffic is 100; a kept group, when its color is born again.
    end = "traffic is 100" if settings.traffic < 100 else f"keepPrevious is false or {settings.active} flips again"
    span = (
        f"until {end}"
        if found.most is None
        else f"at least {estimates.duration(found.least)}, at most {estimates.duration(found.most)} (estimated from the"
        " settings; the bake before it not counted)"
    )
    rows = [("together", f"two groups, {span}")]
    priced = estimates.price(settings)
    if priced:
        amount, currency = priced
        hourly = size * amount
        what = (
            f"{_money(hourly * 24, currency)} a day"
            if found.most is None
            else f"{_money(hourly * found.least / 3600, currency)} to {_money(hourly * found.most / 3600, currency)}"
        )
        rows.append(
            (
                "cost",
                f"{what} for the {size} servers of the second group (pricePerHour"
                f" {settings.price_per_hour}; servers only)",
            )
        )
    return rows


def _money(amount: float, currency: str) -> str:
    return f"{amount:.{2 if amount >= 1 else 3}f} {currency}".strip()


def _ages(settings: Settings, live: Live, outlook: Outlook, now: datetime) -> list[str]:
    """The servers that have run longer than an image may be old."""
    if not settings.max_age_days or not outlook.born:
        return []
    days: Sequence[float] = [(now - moment).total_seconds() / 86400 for moment in outlook.born]
    old = [age for age in days if age > settings.max_age_days]
    return (
        [
            f"{len(old)} of {len(days)} live servers have run for more than {settings.max_age_days} days (maxAgeDays),"
            f" the oldest for {max(old):.0f}"
        ]
        if old
        else []
    )
