"""What the rehearsal showed, in figures: a table to read and report.json with the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from rehearsal import PROJECT
from rehearsal.scenario.load import Request
from rehearsal.scenario.record import LOCAL, Record, commit
from rehearsal.scenario.watch import Sample, coexistence_seconds

HEADINGS = ("stage", "seconds", "requests", "failed", "p50 ms", "p99 ms", "answered by", "side by side s")


@dataclass(frozen=True)
class Stage:
    """A part of the scenario; times are seconds since the epoch."""

    name: str
    begin: float
    end: float


@dataclass(frozen=True)
class Figures:
    """What users saw in a span of time. `p50_ms` and `p99_ms` are None without an answer."""

    seconds: float
    requests: int
    failed: int
    p50_ms: float | None
    p99_ms: float | None
    answered_by: dict[str, int]  # requests by generation
    coexistence_seconds: float


@dataclass(frozen=True)
class RunInfo:
    """What a rehearsal or drill ran on. `account` is empty on a local cloud; `date` is ISO 8601, UTC."""

    name: str = "rehearsal"
    cloud: str = LOCAL
    aws_plugin: str = ""
    packer: str = ""
    region: str = ""
    account: str = ""
    date: str = ""


@dataclass(frozen=True)
class Report:
    """The whole rehearsal. `violations` lists what of the invariants did not hold; `packages` says by stage which
    packages differ between the image that servers were launched from and the live one. `run_info`: what it ran on.
    `measurements`: figures beside those of the requests, as `bake_seconds`. `silent`: no answer says its generation."""

    engine: str
    machines: str
    stages: list[tuple[Stage, Figures]]
    total: Figures
    violations: list[str]
    packages: dict[str, str] = field(default_factory=dict)
    run_info: RunInfo = field(default_factory=RunInfo)
    measurements: Mapping[str, float] = field(default_factory=dict)
    silent: bool = False

    @property
    def title(self) -> str:
        """What ran on what, in one line."""
        plugin = f" with AWS plugin {self.run_info.aws_plugin}" if self.engine.startswith("pulumi") else ""
        where = (
            f" in {self.run_info.region} of account {self.run_info.account}, {self.run_info.date[:10]}"
            if self.run_info.account
            else ""
        )
        return f"{self.run_info.name} on {self.engine}{plugin}{where}, servers are {self.machines}"

    def record(self) -> Record:
        """What it says for docs/evidence.md. Where anything was broken, no stage held."""
        shown = () if self.violations else tuple(stage.name for stage, _ in self.stages)
        return Record(
            cloud=self.run_info.cloud,
            engine=self.engine,
            aws_plugin=self.run_info.aws_plugin,
            packer=self.run_info.packer,
            servers=self.machines,
            region=self.run_info.region,
            date=self.run_info.date,
            commit=commit(PROJECT),
            held=shown,
            figures={"requests": self.total.requests, "failed": self.total.failed, **self.measurements},
        )

    def table(self) -> Table:
        """One row a stage, and the sum."""
        table = Table(title=self.title)
        for heading in HEADINGS:
            table.add_column(heading, justify="left" if heading in ("stage", "answered by") else "right")
        for stage, figures in self.stages:
            table.add_row(stage.name, *cells(figures))
        table.add_section()
        table.add_row("all", *cells(self.total))
        # Escaped: a caption's brackets would be read as markup.
        table.caption = escape("\n".join(f"packages, {stage}: {words}" for stage, words in self.packages.items()))
        table.caption_justify = "left"
        return table

    def write(self, folder: Path) -> Path:
        """report.json in the folder, and record.json beside it for docs/evidence.md."""
        folder.mkdir(parents=True, exist_ok=True)
        said = {
            "engine": self.engine,
            "machines": self.machines,
            **asdict(self.run_info),
            **asdict(self.total),
            "measured": dict(self.measurements),
            "broken": self.violations,
            "packages": self.packages,
            "stages": [{"name": stage.name, **asdict(figures)} for stage, figures in self.stages],
        }
        path = folder / "report.json"
        path.write_text(json.dumps(said, indent=1) + "\n")
        self.record().write(folder / "record.json")
        return path


def figures(requests: Sequence[Request], samples: Sequence[Sample], *, begin: float, end: float) -> Figures:
    """What users saw from `begin` to `end`; a request belongs to the moment in which it was due."""
    mine = [request for request in requests if begin <= request.t < end]
    times = sorted(request.ms for request in mine if request.status)
    answered = Counter(request.generation for request in mine if request.generation)
    return Figures(
        seconds=round(end - begin, 1),
        requests=len(mine),
        failed=sum(request.failed for request in mine),
        p50_ms=percentile(times, 50),
        p99_ms=percentile(times, 99),
        answered_by=dict(answered),
        coexistence_seconds=round(coexistence_seconds(samples, begin=begin, end=end), 1),
    )


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Of values in rising order; None without any."""
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1) if ordered else None


def cells(said: Figures) -> list[str]:
    """Figures as texts, below all headings but the first."""
    answered = ", ".join(f"{generation} {count:,}" for generation, count in said.answered_by.items())
    return [
        f"{said.seconds:.1f}",
        f"{said.requests:,}",
        str(said.failed),
        _number(said.p50_ms),
        _number(said.p99_ms),
        answered,
        f"{said.coexistence_seconds:.1f}",
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
