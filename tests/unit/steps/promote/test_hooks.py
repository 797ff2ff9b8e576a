"""Hooks on the way of production: each at its point, and what a refusal there means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import StepError
from core.hooks import Hook
from core.release_events import PROMOTED, REFUSED, ROLLED_BACK
from steps.promote.promote import promote
from steps.runtime.signals import Interrupted
from tests.unit.steps.cloud import GREEN, STACK, World
from tests.unit.steps.promote.flipping import Flipping

AT_10, AT_50 = {"green": 10, "blue": 90}, {"green": 50, "blue": 50}
BACK = {"blue": 100}
NAMES = ("beforeShift", "atShare10", "atShare50", "afterPromote", "onRollback")


class Seen:
    """Hooks that write down what they are given; `fails` of them refuse."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "seen"
        self.file.touch()

    def hooks(self, *names: str, fails: str = "", seconds: int = 60) -> tuple[Hook, ...]:
        return tuple(
            Hook(
                name=name,
                kind="command",
                target=f"cat >>{self.file}; echo >>{self.file}{'; echo the cart is empty; exit 3' * (name == fails)}",
                timeout_seconds=seconds,
            )
            for name in names
        )

    @property
    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    @property
    def names(self) -> list[str]:
        return [one["hook"] for one in self.facts]


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    return Seen(tmp_path)


def fails(flipping: Flipping, **options: Any) -> str:
    with pytest.raises(StepError) as error:
        promote(flipping.given(**options), flipping.world.context())
    return str(error.value)


def test_each_hook_is_asked_once_where_production_is_what_its_name_says(flipping: Flipping, seen: Seen) -> None:
    promote(flipping.given(hooks=seen.hooks(*NAMES)), flipping.world.context())
    assert [(one["hook"], one["production"]) for one in seen.facts] == [
        ("beforeShift", {"blue": 100}),
        ("atShare10", AT_10),
        ("atShare50", AT_50),
        ("afterPromote", {"green": 100, "blue": 0}),
    ]
    assert {(one["stack"], one["color"], one["generation"]) for one in seen.facts} == {(STACK, "green", GREEN)}
    assert [move["green"] for move in flipping.moves] == [10, 50, 100]
    assert flipping.world.events[-1].kind == PROMOTED


@pytest.mark.parametrize(
    ("name", "moves"),
    [
        ("beforeShift", []),
        ("atShare10", [AT_10, BACK]),
        ("atShare50", [AT_10, AT_50, BACK]),
        ("afterPromote", [AT_10, AT_50, {"green": 100, "blue": 0}, BACK]),
    ],
)
def test_a_hook_that_refuses_puts_production_where_it_was(
    flipping: Flipping, seen: Seen, name: str, moves: list[dict[str, int]]
) -> None:
    text = fails(flipping, hooks=seen.hooks(*NAMES, fails=name))
    assert flipping.moves == moves
    assert f"PHX-022: the hook {name} refused green {GREEN}\n" in text
    assert "it ended with exit code 3" in text and "| the cart is empty" in text
    assert seen.names == [*NAMES[: NAMES.index(name) + 1], *(["onRollback"] if moves else [])]
    told = flipping.world.events[-1]
    assert told.kind == (ROLLED_BACK if moves else REFUSED)
    assert "it ended with exit code 3" in told.reason and "the cart is empty" not in told.reason
    if moves:
        assert seen.facts[-1]["production"] == BACK
        assert "the hook " + name in seen.facts[-1]["reason"]


def test_a_way_back_is_done_before_its_hook_is_told_and_whatever_that_says(flipping: Flipping, seen: Seen) -> None:
    [back] = seen.hooks("onRollback", fails="onRollback", seconds=1)
    flipping.alarm("site")
    flipping.on_move = lambda: flipping.alarm("site", "ALARM")
    text = fails(flipping, hooks=(back,), alarms=("site",))
    assert "in ALARM: site" in text
    assert flipping.moves == [AT_10, BACK]
    assert "warning: PHX-024: the hook onRollback failed; nothing waits for it" in flipping.world.said()
    assert flipping.minimum("blue") == 2


def test_time_that_is_over_goes_back(flipping: Flipping) -> None:
    slow = Hook(name="atShare10", kind="command", target="exit 75", timeout_seconds=90)
    assert "PHX-023: the hook atShare10 did not let green" in fails(flipping, hooks=(slow,))
    assert flipping.moves == [AT_10, BACK]


def test_trouble_while_a_hook_waits_goes_back_at_once(flipping: Flipping) -> None:
    waits = Hook(name="atShare10", kind="command", target="exit 75", timeout_seconds=9000)
    flipping.alarm("site")
    flipping.world.clock.at(400, lambda: flipping.alarm("site", "ALARM"))
    assert "in ALARM: site" in fails(flipping, hooks=(waits,), alarms=("site",))
    assert flipping.moves == [AT_10, BACK]
    assert flipping.world.clock.passed < 500


def test_an_interrupt_while_a_hook_waits_puts_traffic_back_and_tells(flipping: Flipping, seen: Seen) -> None:
    waits = Hook(name="atShare10", kind="command", target="exit 75", timeout_seconds=9000)

    def interrupt() -> None:
        raise Interrupted("PHX-009", "it was interrupted (SIGTERM)")

    flipping.world.clock.at(400, interrupt)
    assert "PHX-702" in fails(flipping, hooks=(waits, *seen.hooks("onRollback")))
    assert flipping.moves == [AT_10, BACK]
    assert seen.names == ["onRollback"]


def test_a_canary_that_is_held_asks_at_its_share(flipping: Flipping, seen: Seen) -> None:
    promote(flipping.given(traffic=10, hooks=seen.hooks(*NAMES)), flipping.world.context())
    assert seen.names == ["beforeShift", "atShare10", "afterPromote"]


def test_taking_production_away_asks_nobody(flipping: Flipping, seen: Seen) -> None:
    flipping.put({"green": 50, "blue": 50})
    promote(flipping.given(traffic=10, canary_steps=(10, 50), hooks=seen.hooks(*NAMES)), flipping.world.context())
    assert flipping.moves == [AT_10]
    assert seen.names == []


def test_without_canary_steps_the_other_hooks_are_asked(flipping: Flipping, seen: Seen) -> None:
    promote(flipping.given(canary_steps=(), hooks=seen.hooks(*NAMES)), flipping.world.context())
    assert seen.names == ["beforeShift", "afterPromote"]


def test_nothing_is_asked_when_nothing_moves(flipping: Flipping, seen: Seen) -> None:
    flipping.put({"green": 100, "blue": 0})
    promote(flipping.given(hooks=seen.hooks(*NAMES)), flipping.world.context())
    assert seen.names == []


def test_the_first_birth_asks_before_users_come(alb: object, flipping: Flipping, seen: Seen) -> None:
    world: World = flipping.world
    world.aws.elbv2.delete_rule(RuleArn=world.production_rule)
    text = fails(flipping, hooks=seen.hooks("beforeShift", fails="beforeShift"))
    assert "production was not touched" in text
    assert promote(flipping.given(hooks=seen.hooks(*NAMES)), world.context())["first"] is True
    assert seen.names == ["beforeShift", "beforeShift"]


def test_its_commands_get_what_a_smoke_command_gets(
    flipping: Flipping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SESSION_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "TEST_USER"):
        monkeypatch.setenv(name, f"the {name}")
    env = Hook(name="beforeShift", kind="command", target=f"env >{tmp_path}/env", timeout_seconds=60)
    promote(flipping.given(hooks=(env,), smoke_environment=("TEST_USER",)), flipping.world.context())
    found = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert found["TEST_USER"] == "the TEST_USER" and found["PHOENIX_HOOK"] == "beforeShift"
    assert found["PHOENIX_URL"].startswith("http://127.0.0.1") and found["PHOENIX_GENERATION"] == GREEN
    assert not {"AWS_SESSION_TOKEN", "PULUMI_CONFIG_PASSPHRASE"} & set(found)


def test_credentials_that_end_while_hooks_may_wait_are_refused(flipping: Flipping, monkeypatch: Any) -> None:
    def check(_: object, *, now: object, seconds: int) -> str:
        asked.append(seconds)
        raise StepError("PHX-704", "the credentials end")

    asked: list[int] = []
    monkeypatch.setattr("core.credentials.check", check)
    hold = Hook(name="atShare10", kind="command", target=":", timeout_seconds=7000)
    assert "PHX-704" in fails(flipping, hooks=(hold,)) + fails(flipping)
    assert asked[0] - asked[1] == 7000


def test_a_document_that_is_not_there_is_found_before_traffic_moves(flipping: Flipping) -> None:
    missing = Hook(name="afterPromote", kind="document", target="Missing")
    assert "PHX-025: hooks can't be asked; production was not touched\nWhy: afterPromote: " in (
        fails(flipping, hooks=(missing,))
    )
    assert flipping.moves == []
