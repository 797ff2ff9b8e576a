"""What happened, second by second: pure data out of the load's account, the watch's samples and the cloud's journal.

All times are whole or broken seconds since the first stage began.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

from rehearsal.scenario import attribution
from rehearsal.scenario.load import Request
from rehearsal.scenario.report import Report, percentile
from rehearsal.scenario.watch import Sample
from rehearsal.state.journal import Event

MEASURED = {
    "bake_seconds": "bake",
    "birth_seconds": "birth",
    "flip_seconds": "flip",
    "way_back_seconds": "way back",
    "detection_seconds": "a bad image detected after",
}
"""How what was measured is called."""
BOOTING, HEALTHY, UNHEALTHY, DRAINING = "booting", "healthy", "unhealthy", "draining"


@dataclass(frozen=True, kw_only=True)
class Band:
    """A stage of the scenario."""

    name: str
    begin: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Second:
    """What users saw in one second; `p50` and `p99` are milliseconds, None without an answer."""

    answered: Mapping[str, int]  # by generation; failed ones and those of nobody are not in it
    failed: int = 0
    p50: float | None = None
    p99: float | None = None


@dataclass(frozen=True, kw_only=True)
class StatePeriod:
    """A server's state for a while."""

    state: str
    begin: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Server:
    id: str
    color: str
    generation: str
    periods: tuple[StatePeriod, ...]


@dataclass(frozen=True, kw_only=True)
class WeightChange:
    """The production rule's weights from a moment on, percent by color."""

    t: float
    weights: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """`result` says what came of it in a sentence, `sums` in figures; `title` what ran; `colors` is by generation."""

    title: str
    result: str
    sums: tuple[str, ...]
    bands: tuple[Band, ...]
    seconds: tuple[Second, ...]
    servers: tuple[Server, ...]
    weight_changes: tuple[WeightChange, ...]
    colors: Mapping[str, str] = field(default_factory=dict)

    @property
    def length(self) -> float:
        return self.bands[-1].end

    def write(self, path: Path) -> Path:
        path.write_text(json.dumps(asdict(self), separators=(",", ":")) + "\n")
        return path


def build_timeline(
    report: Report, requests: Sequence[Request], samples: Sequence[Sample], events: Sequence[Event]
) -> Timeline:
    """The timeline of a rehearsal that ran to its end."""
    zero = report.stages[0][0].begin
    bands = tuple(
        Band(name=stage.name, begin=round(stage.begin - zero, 2), end=round(stage.end - zero, 2))
        for stage, _ in report.stages
    )
    groups = {group.name: (group.color, group.generation) for instant in samples for group in instant.groups}
    return Timeline(
        title=report.title,
        result=result(report),
        sums=sums(report),
        bands=bands,
        seconds=seconds(requests, zero=zero, length=bands[-1].end),
        servers=servers(events, groups, zero=zero, end=bands[-1].end),
        weight_changes=weight_changes(samples, zero=zero),
        colors={generation: color for color, generation in groups.values()},
    )


def result(report: Report) -> str:
    """What came of it, which is what a reader wants to know first."""
    broken = len(report.violations)
    held = "every invariant held" if not broken else f"BROKEN: {broken} {'thing' if broken == 1 else 'things'}"
    return f"{held}; {report.total.failed:,} of {report.total.requests:,} requests failed"


def sums(report: Report) -> tuple[str, ...]:
    """Figures of the whole rehearsal, in a few words each."""
    total = report.total
    millis = [f"{name} {value:g} ms" for name, value in (("p50", total.p50_ms), ("p99", total.p99_ms)) if value]
    return (
        *millis,
        f"two groups side by side for {total.coexistence_seconds:.0f} s",
        *(f"{MEASURED[name]} {value:g} s" for name, value in report.measurements.items() if name in MEASURED),
        *([attribution.WORDS] if report.silent else []),
    )


def seconds(requests: Sequence[Request], *, zero: float, length: float) -> tuple[Second, ...]:
    """One entry a second; a request belongs to the second in which it was due, as in the report."""
    found: dict[int, list[Request]] = defaultdict(list)
    for request in requests:
        if 0 <= request.t - zero < length:
            found[int(request.t - zero)].append(request)
    return tuple(_second(found[number]) for number in range(int(length) + 1))


def _second(requests: Sequence[Request]) -> Second:
    answered: dict[str, int] = defaultdict(int)
    for request in requests:
        if request.generation and not request.failed:
            answered[request.generation] += 1
    times = sorted(request.ms for request in requests if request.status)
    return Second(
        answered=dict(answered),
        failed=sum(request.failed for request in requests),
        p50=percentile(times, 50),
        p99=percentile(times, 99),
    )


def servers(
    events: Sequence[Event], groups: Mapping[str, tuple[str, str]], *, zero: float, end: float
) -> tuple[Server, ...]:
    """Every server that a group launched, in the order of their births; `groups`: color and generation by name."""
    mine: dict[str, tuple[str, str]] = {}
    states: dict[str, list[tuple[float, str]]] = {}
    for event in sorted(events, key=lambda one: one.t):
        if event.kind == "instance" and event.text.startswith("launched by "):
            mine[event.subject] = groups.get(event.text.removeprefix("launched by ").partition(":")[0], ("", ""))
        if event.subject in mine and (state := _state(event)):
            states.setdefault(event.subject, []).append((round(event.t - zero, 2), state))
    return tuple(
        Server(id=id_, color=mine[id_][0], generation=mine[id_][1], periods=_state_periods(found, end))
        for id_, found in states.items()
    )


def _state(event: Event) -> str:
    """What an event makes of a server; empty when nothing changes. "gone" ends its last spell."""
    word = event.text.split()[0].rstrip(":")
    if event.kind == "instance":
        return {"launched": BOOTING, "leaves": DRAINING, "terminated": "gone"}.get(word, "")
    return word if event.kind == "health" and word in (HEALTHY, UNHEALTHY) else ""


def _state_periods(found: Sequence[tuple[float, str]], end: float) -> tuple[StatePeriod, ...]:
    """States up to the one that ends it; a server that has left stays draining, whatever its checks say."""
    kept: list[tuple[float, str]] = []
    for moment, state in found:
        before = kept[-1][1] if kept else ""
        if state == before or (before == DRAINING and state != "gone"):
            continue
        # Checks of a server that boots fail until its application listens: that is no illness.
        if before == BOOTING and state == UNHEALTHY:
            continue
        kept.append((moment, state))
        if state == "gone":
            break
    if kept and kept[-1][1] != "gone":
        kept.append((max(end, kept[-1][0]), "gone"))
    return tuple(StatePeriod(state=state, begin=begin, end=until) for (begin, state), (until, _) in pairwise(kept))


def weight_changes(samples: Sequence[Sample], *, zero: float) -> tuple[WeightChange, ...]:
    """Each change of production's weights."""
    found: list[WeightChange] = []
    colors: dict[str, str] = {}
    for instant in samples:
        colors |= {arn: group.color for group in instant.groups for arn in group.target_groups}
        total = sum(instant.weights.values())
        if not total:
            continue
        now: dict[str, int] = defaultdict(int)
        for arn, weight in instant.weights.items():
            now[colors.get(arn, "")] += round(100 * weight / total)
        weights = {color: percent for color, percent in now.items() if percent}
        if not found or dict(found[-1].weights) != weights:
            found.append(WeightChange(t=round(instant.t - zero, 2), weights=weights))
    return tuple(found)
