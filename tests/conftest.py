"""Which of the long tests run, and what is told at the end: the fault matrix, and what was left out."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rehearsal.engine import tools
from tests.support import left_out

# Of the million objects that AWS's models, moto and Pulumi are in a process, none is garbage: Python's collector, which
# by itself looks through them every few thousand allocations, took a quarter of the time of all tests.
gc.set_threshold(10_000, 20, 50)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults",
        choices=["some", "all"],
        default="some",
        help="of the fault matrix, and of the tests of real machines, run the representative ones (the "
        "default), or all of them",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "representative(*endings): of the long tests one that runs with every test run; of a trial these ends",
    )
    config.addinivalue_line("markers", "thorough: a long test, which runs with --faults all")
    config.addinivalue_line("markers", "real_engine: a case of the fault matrix that the stand-in can't show")


def pytest_report_header() -> list[str]:
    """Which engines run: cases of `pulumi` are skipped without it; and whether anything may be installed."""
    found = shutil.which("pulumi")
    real = f"{found}, AWS plugin {tools.aws_plugin(os.environ)}" if found else "no `pulumi` on PATH"
    engines = f"engines: stand-in; {real}; Packer {tools.packer(os.environ)}"
    if why := left_out.why():
        return [engines, f"set-up: nothing was installed ({why}); what is left out is told at the end"]
    return [engines]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--faults") == "all":
        return
    left = [item for item in items if not _runs(item)]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def _runs(item: Any) -> bool:
    """Whether a test runs each time: each short one, and what stands for the long ones."""
    ending = item.callspec.params.get("trial") if hasattr(item, "callspec") else None
    if ending is None and not item.get_closest_marker("thorough"):
        return True
    mark = item.get_closest_marker("representative")
    return mark is not None and (not mark.args or ending in mark.args)


def pytest_collection_finish() -> None:
    """What was imported stays: the collector does not look through it again."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was left out where nothing may be installed; and the fault matrix."""
    if (why := left_out.why()) and (lines := left_out.lines(terminalreporter.stats.get("skipped", ()))):
        terminalreporter.section(f"left out: nothing was installed ({why})", yellow=True, bold=True)
        for line in lines:
            terminalreporter.write_line(line)
    _matrix(terminalreporter)


def _matrix(terminalreporter: Any) -> None:
    """A line a trial, whatever worker it ran in."""
    reports = [one for some in terminalreporter.stats.values() for one in some if isinstance(one, pytest.TestReport)]
    rows: dict[str, Any] = {
        one.nodeid: value for one in reports for name, value in one.user_properties if name == "fault"
    }
    if not rows:
        return
    bad = {one.nodeid for one in reports if one.failed}
    table = Table("case", "then", "engine", box=None, pad_edge=False)
    for heading in ("detected s", "safe s", "failed requests", "orphans"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for node, row in sorted(rows.items(), key=lambda item: (item[1]["case"], item[1]["engine"], item[1]["ending"])):
        detected = "-" if row["detected"] is None else f"{row['detected']:.1f}"
        table.add_row(
            escape(row["case"]),
            row["ending"],
            row["engine"],
            detected,
            f"{row['safe']:.1f}",
            str(row["failed"]),
            str(row["orphans"]),
            "FAILED" if node in bad else "ok",
        )
    terminalreporter.section("fault matrix")
    Console(file=terminalreporter._tw._file, width=160).print(table)


@pytest.fixture(params=["heeded", "ignored"])
def signals_so_far(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test twice: as in a terminal, and as in the background of a shell, where SIGINT is ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.SIG_IGN if request.param == "ignored" else signal.SIG_DFL)
    yield request.param
    for number, handler in before.items():
        signal.signal(number, handler)
