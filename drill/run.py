"""One drill: the scenario, and whatever happens in it the cleaning; or the cleaning alone, after a kill."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drill import folder
from drill.folder import DrillRecord
from drill.left import Leftover, delete_leftovers
from drill.place import AwsBackend, NoAnswerError
from rehearsal.engine import Engine, choose
from rehearsal.scenario import page
from rehearsal.scenario.console import Console
from rehearsal.scenario.kept_logs import keep_logs
from rehearsal.scenario.local import print_versions
from rehearsal.scenario.project_copy import ProjectCopy
from rehearsal.scenario.report import Report
from rehearsal.scenario.scenario import Scenario, ScenarioError
from rehearsal.scenario.timeline import Timeline, result, sums

CLEAN = "make drill-clean STACK={stack}"


@dataclass(frozen=True, kw_only=True)
class DrillOptions:
    """What was asked for: `config` of the stack, `rate` of requests a second, and where the report goes."""

    record: DrillRecord
    backend: AwsBackend
    config: Mapping[str, Any]
    rate: float
    report: Path


def run_drill(order: DrillOptions, console: Console) -> int:
    """0 when everything held and nothing is left; 1 when not; KeyboardInterrupt goes on, after the cleaning."""
    work = folder.start(order.record)
    outcome: tuple[Report, Timeline] | None = None
    try:
        outcome = _scenario(order, work, console)
    except (ScenarioError, NoAnswerError, RuntimeError) as error:
        console.abort_stage(f"the drill ended early: {keep_logs(work / 'project', order.report, str(error))}")
    finally:
        # Also for whoever interrupts, and for a mistake of this program.
        remains = clean(order.record, order.backend, console)
    if outcome is None:
        return 1
    return _write_report(order, *outcome, remains, console)


def _scenario(order: DrillOptions, work: Path, console: Console) -> tuple[Report, Timeline]:
    project = ProjectCopy(work / "project")
    # The drill's settings are those that were chosen for it, not what a file of that name in the copy says beside them.
    (project.folder / f"Pulumi.{order.record.stack}.yaml").unlink(missing_ok=True)
    engine = _engine(order.record, order.config, secrets={"previewToken": secrets.token_urlsafe(24)})
    project.commit("Configure the drill")
    print_versions(console, engine)
    return Scenario(backend=order.backend, engine=engine, project=project, console=console).run(
        rate=order.rate, out=work / "load.jsonl", bad_image=True
    )


def _write_report(
    order: DrillOptions, report: Report, timeline: Timeline, remains: list[Leftover], console: Console
) -> int:
    """Writes the report, with what is left in the account, and says how it went."""
    broken = [*report.violations, *(f"7: {one} is left in the account" for one in remains)]
    whole = replace(report, violations=broken, measurements={**report.measurements, "left": len(remains)})
    shown = replace(timeline, result=result(whole), sums=sums(whole))
    console.print_table(whole.table())
    for text in broken:
        console.print(f"BROKEN {text}")
    whole.write(order.report)
    console.print(
        f"{'not everything held' if broken else 'everything held'}; look at {page.write(order.report, whole, shown)}"
    )
    return 1 if broken else 0


def clean(begun: DrillRecord, place: AwsBackend, console: Console) -> list[Leftover]:
    """Destroys the stack and what else carries its tag, and asks AWS what is left; empty when it is proven clean.

    Interrupted, it says what finishes it.
    """
    try:
        return _clean(begun, place, console)
    except BaseException:
        console.abort_stage(f"the account may not be clean yet; do: {CLEAN.format(stack=begun.stack)}")
        raise


def _clean(begun: DrillRecord, place: AwsBackend, console: Console) -> list[Leftover]:
    began = time.monotonic()
    console.start_stage("cleaning")
    for one in folder.end_processes(begun.stack):
        console.print(f"ended what was still running: {one}")
    if (folder.folder_of(begun.stack) / "project" / "Pulumi.yaml").exists():
        _destroy(begun, console)
    remains = delete_leftovers(place, place.identity, console.show_engine_line)
    if remains:
        console.abort_stage(
            "AWS still shows: " + ", ".join(str(one) for one in remains) + f"\ndo: {CLEAN.format(stack=begun.stack)}"
        )
    else:
        console.end_stage("cleaning", time.monotonic() - began)
        folder.remove(begun.stack)
        console.print(
            f"AWS shows nothing with the tag phoenix:stack = {place.identity} any more: no group, load balancer,"
            " image, snapshot, template, role, alarm, log group, address or network"
        )
    return remains


def _destroy(begun: DrillRecord, console: Console) -> None:
    """By the engine's state, in its order, twice if it must be; what that leaves is swept by its tag."""
    try:
        engine = _engine(begun, {})
        engine.cancel()
        if engine.destroy(console.show_engine_line).ok:
            return
        engine.refresh(console.show_engine_line)
        if not (done := engine.destroy(console.show_engine_line)).ok:
            console.print(f"`destroy` failed; what is left is deleted by its tag. It said:\n{done.text[-2000:]}")
    except (RuntimeError, OSError) as error:
        console.print(f"there is no state to destroy by ({error}); what there is is deleted by its tag")


def _engine(begun: DrillRecord, config: Mapping[str, Any], secrets: Mapping[str, str] | None = None) -> Engine:
    work = folder.folder_of(begun.stack)
    return choose(
        work / "project",
        begun.stack,
        work / "engine",
        environment(begun),
        config,
        secrets=secrets,
        stand_in=begun.stand_in,
    )


def environment(begun: DrillRecord) -> dict[str, str]:
    """What of this process's own leads the engine and its steps to the account, and Packer to a machine there."""
    own = {key: value for key, value in os.environ.items() if key.startswith(("AWS_", "PKR_VAR_"))}
    return {
        **own,
        "PATH": os.environ["PATH"],
        "AWS_REGION": begun.region,
        "AWS_DEFAULT_REGION": begun.region,
        "PHOENIX_PYTHON": sys.executable,
        **({"AWS_ENDPOINT_URL": begun.endpoint} if begun.endpoint else {}),
    }
