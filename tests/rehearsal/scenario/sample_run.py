"""A short rehearsal, made up second by second: what the tests of timeline, picture and page draw."""

from __future__ import annotations

from rehearsal.scenario.load import Request
from rehearsal.scenario.report import Report, RunInfo, Stage, figures
from rehearsal.scenario.timeline import Timeline, build_timeline
from rehearsal.scenario.watch import GroupSample, Sample
from rehearsal.state.journal import Event

ZERO = 1000.0
RAN = RunInfo(aws_plugin="7.51.1", packer="1.16.0", region="eu-west-1", date="2026-11-27T12:00:00Z")
BLUE, GREEN = "b1b1b1b1b1b1", "9e9e9e9e9e9e"


def request(t: float, generation: str, ms: float = 2.0, status: int = 200) -> Request:
    return Request(t=ZERO + t, ms=ms, status=status, generation=generation)


def requests() -> list[Request]:
    """Ten a second from second 2 to 12; blue answers up to 6, both up to 8, green then; one fails in second 7."""
    found = [
        request(second + tenth / 10, GREEN if second >= 8 or (second >= 6 and tenth % 2) else BLUE, ms=tenth + 1)
        for second in range(2, 12)
        for tenth in range(10)
    ]
    return [*found, request(7.55, "", status=503)]


def samples() -> list[Sample]:
    def group(color: str, generation: str) -> GroupSample:
        return GroupSample(
            name=f"{color}-group",
            color=color,
            generation=generation,
            verified=True,
            is_deleting=False,
            in_service=1,
            template="lt:1",
            target_groups=(f"arn/{color}",),
        )

    both = (group("blue", BLUE), group("green", GREEN))
    return [
        Sample(t=ZERO + t, weights=weights, groups=both)
        for t, weights in (
            (1.0, {}),
            (2.0, {"arn/blue": 100}),
            (6.0, {"arn/blue": 50, "arn/green": 50}),
            (6.5, {"arn/blue": 50, "arn/green": 50}),
            (8.0, {"arn/green": 100, "arn/blue": 0}),
        )
    ]


def events() -> list[Event]:
    told = [
        (0.5, "instance", "i-0000blue", "launched by blue-group: a birth"),
        (0.6, "instance", "i-packer", "running, x"),
        (1.0, "health", "i-0000blue", "unhealthy in blue: refused"),
        (1.5, "health", "i-0000blue", "healthy in blue"),
        (4.0, "instance", "i-000green", "launched by green-group: a birth"),
        (5.0, "health", "i-000green", "healthy in green"),
        (5.5, "health", "i-000green", "unhealthy in green: 500"),
        (5.8, "health", "i-000green", "healthy in green"),
        (9.0, "instance", "i-0000blue", "leaves blue-group: its end"),
        (9.5, "health", "i-0000blue", "unhealthy in blue: x"),
        (10.0, "instance", "i-0000blue", "terminated: its end"),
    ]
    return [Event(t=ZERO + t, kind=kind, subject=subject, text=text) for t, kind, subject, text in told]


def report(broken: list[str] | None = None, engine: str = "stand-in <here>", ran: RunInfo = RAN) -> Report:
    stages = [
        Stage("birth of blue", ZERO, ZERO + 2),
        Stage("flip to green", ZERO + 2, ZERO + 10),
        Stage("green serves", ZERO + 10, ZERO + 12),
    ]
    done = [(stage, figures(requests(), samples(), begin=stage.begin, end=stage.end)) for stage in stages]
    total = figures(requests(), samples(), begin=ZERO, end=ZERO + 12)
    return Report(
        engine,
        "processes",
        done,
        total,
        broken or [],
        {"flip to green": "+ syslog-ng 3.38 [new], ~ openssl 3.0.14 -> 3.0.15"},
        ran,
        {"flip_seconds": 9.5},
    )


def timeline(broken: list[str] | None = None) -> Timeline:
    return build_timeline(report(broken), requests(), samples(), events())
