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
from drill.folder import Begun
from drill.left import Left, swept
from drill.place import Account, NoAnswerError
from rehearsal.engine import Engine, choose
from rehearsal.scenario import page
from rehearsal.scenario.console import Scene
from rehearsal.scenario.local import announce
from rehearsal.scenario.project_copy import Workshop
from rehearsal.scenario.report import Report
from rehearsal.scenario.scenario import Run, StoryError
from rehearsal.scenario.timeline import Timeline, sums

CLEAN = "make drill-clean STACK={stack}"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What was asked for: `config` of the stack, `rate` of requests a second, and where the report goes."""

    begun: Begun
    place: Account
    config: Mapping[str, Any]
    rate: float
    report: Path


def drill(order: Order, scene: Scene) -> int:
    """0 when everything held and nothing is left; 1 when not; KeyboardInterrupt goes on, after the cleaning."""
    work = folder.begin(order.begun)
    told: tuple[Report, Timeline] | None = None
    try:
        told = _scenario(order, work, scene)
    except (StoryError, NoAnswerError, RuntimeError) as error:
        scene.breaks_off(f"the drill ended early: {error}")
    finally:
        # Also for whoever interrupts, and for a mistake of this program.
        remains = clean(order.begun, order.place, scene)
    if told is None:
        return 1
    return _reported(order, *told, remains, scene)


def _scenario(order: Order, work: Path, scene: Scene) -> tuple[Report, Timeline]:
    shop = Workshop(work / "project")
    # The drill's settings are those that were chosen for it, not what a file of that name in the copy says beside them.
    (shop.folder / f"Pulumi.{order.begun.stack}.yaml").unlink(missing_ok=True)
    engine = _engine(order.begun, order.config, secrets={"previewToken": secrets.token_urlsafe(24)})
    shop.commit("Configure the drill")
    announce(scene, engine)
    return Run(place=order.place, engine=engine, shop=shop, scene=scene).under_load(
        rate=order.rate, out=work / "load.jsonl", bad_image=True
    )


def _reported(order: Order, report: Report, timeline: Timeline, remains: list[Left], scene: Scene) -> int:
    """Writes the report, with what is left in the account, and says how it went."""
    broken = [*report.broken, *(f"7: {one} is left in the account" for one in remains)]
    whole = replace(report, broken=broken, measured={**report.measured, "left": len(remains)})
    shown = replace(timeline, sums=sums(whole))
    scene.table(whole.table())
    for text in broken:
        scene.says(f"BROKEN {text}")
    whole.write(order.report)
    scene.says(
        f"{'not everything held' if broken else 'everything held'}; look at {page.write(order.report, whole, shown)}"
    )
    return 1 if broken else 0


def clean(begun: Begun, place: Account, scene: Scene) -> list[Left]:
    """Destroys the stack and what else carries its tag, and asks AWS what is left; empty when it is proven clean.

    Interrupted, it says what finishes it.
    """
    try:
        return _clean(begun, place, scene)
    except BaseException:
        scene.breaks_off(f"the account may not be clean yet; do: {CLEAN.format(stack=begun.stack)}")
        raise


def _clean(begun: Begun, place: Account, scene: Scene) -> list[Left]:
    began = time.monotonic()
    scene.begins("cleaning")
    for one in folder.ended(begun.stack):
        scene.says(f"ended what was still running: {one}")
    if (folder.of(begun.stack) / "project" / "Pulumi.yaml").exists():
        _destroy(begun, scene)
    remains = swept(place, place.identity, scene.line)
    if remains:
        scene.breaks_off(
            "AWS still shows: " + ", ".join(str(one) for one in remains) + f"\ndo: {CLEAN.format(stack=begun.stack)}"
        )
    else:
        scene.ends("cleaning", time.monotonic() - began)
        folder.end(begun.stack)
        scene.says(
            f"AWS shows nothing with the tag phoenix:stack = {place.identity} any more: no group, load balancer,"
            " image, snapshot, template, role, alarm, log group, address or network"
        )
    return remains


def _destroy(begun: Begun, scene: Scene) -> None:
    """By the engine's state, in its order, twice if it must be; what that leaves is swept by its tag."""
    try:
        engine = _engine(begun, {})
        engine.cancel()
        if engine.destroy(scene.line).ok:
            return
        engine.refresh(scene.line)
        if not (done := engine.destroy(scene.line)).ok:
            scene.says(f"`destroy` failed; what is left is deleted by its tag. It said:\n{done.text[-2000:]}")
    except (RuntimeError, OSError) as error:
        scene.says(f"there is no state to destroy by ({error}); what there is is deleted by its tag")


def _engine(begun: Begun, config: Mapping[str, Any], secrets: Mapping[str, str] | None = None) -> Engine:
    work = folder.of(begun.stack)
    return choose(
        work / "project",
        begun.stack,
        work / "engine",
        environment(begun),
        config,
        secrets=secrets,
        stand_in=begun.stand_in,
    )


def environment(begun: Begun) -> dict[str, str]:
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
