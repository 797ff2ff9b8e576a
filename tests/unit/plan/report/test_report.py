"""Whoever reads only the plan knows what will happen: the block for a terminal, and the same as Markdown."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plan.config.schedule import ScheduledSize
from plan.image_source import ImageSource
from plan.readers.account_limits import AccountLimits
from plan.readers.live_state import LiveGroup
from plan.report import markdown, report, rows
from plan.report.changelog import Changelog
from plan.report.report import PlanReport
from plan.report.rows import Facts
from plan.rollout_plan import decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings

OLD, NEW, NEXT = "111111111111", "222222222222", "333333333333"
HOOKS = {
    "afterVerify": "make check",
    "beforeShift": {"command": "make check", "timeoutSeconds": 60},
    "atShare10": {"lambda": "arn:aws:lambda:eu-west-1:123456789012:function:check", "timeoutSeconds": 900},
    "afterPromote": {"document": "Shop-Check"},
    "onRollback": {"command": "sh tell.sh", "timeoutSeconds": 30},
}
KNOWN = tuple(f"ami-{fingerprint}" for fingerprint in (OLD, NEW, NEXT))


def brief(
    image: str,
    *groups: LiveGroup,
    limits: AccountLimits | None = None,
    log: Changelog | None = None,
    known: tuple[str, ...] = KNOWN,
    **said: Any,
) -> PlanReport:
    given, made, alive = settings(**said), recipe(image), replace(live(*groups), has_preview_rule=True)
    source = ImageSource(image, "baked from scratch", needs_bake=True, image_ids=known)
    flown = decide_rollout(given, made, alive, now=NOW)
    return rows.plan_report(
        Facts(
            settings=given,
            plan=flown,
            spec=made,
            live=alive,
            source=source,
            limits=limits or AccountLimits(),
            changes=log,
            now=NOW,
        )
    )


def row(brief: PlanReport, key: str) -> list[str]:
    return [text for name, text in brief.rows if name == key]


def test_with_whom_a_newborns_image_is_shared_is_told() -> None:
    said: Any = {"image_shared_with": ("222222222222", "333333333333"), "image_kms_key": "none"}
    assert row(brief(NEW, group("blue", OLD), active="green", **said), "shared") == [
        "with 222222222222, 333333333333, once it has passed the gates"
    ]
    assert row(brief(NEW, group("blue", NEW), **said), "shared") == []


def test_the_plan_of_a_flip_tells_the_whole_story() -> None:
    log = Changelog("c0ffee", (" provision/30-log.sh | 12 ++++", " 1 file changed"), ("abc1234 Collect logs",))
    said = brief(NEW, group("blue", OLD, desired=3), active="green", price_per_hour="0.02 USD", log=log)
    assert said.text.splitlines() == [
        "rollout plan of phoenix/dev: green is launched, all of production moves to green, blue is deleted",
        "  image       baked from scratch",
        f"  launched    green, generation {recipe(NEW).generation}, 3 servers",
        f"  changed     image: {OLD} -> {NEW}",
        "  gates       verify (at most 900 s) -> canary 10 % for 180 to 240 s -> canary 50 % for 180 to 240 s -> 100 %"
        " -> settle 10 s, soak 180 to 240 s",
        "  production  -> green 100 % (now blue 100 %)",
        f"  deleted     blue, generation {recipe(OLD).generation}, 3 servers, last of all",
        "  together    two groups, at least 10 min, at most 82 min (estimated from the settings; the bake before it not"
        " counted)",
        "  cost        0.009 USD to 0.082 USD for the 3 servers of the second group (pricePerHour 0.02 USD; servers"
        " only)",
        "  git         since c0ffee, the live image's commit, in the image's folder:",
        "               provision/30-log.sh | 12 ++++",
        "               1 file changed",
        "              abc1234 Collect logs",
    ]


def test_the_plan_of_nothing_says_so() -> None:
    said = brief(NEW, group("blue", NEW))
    assert said.headline == "nothing is launched, nothing is deleted"
    assert said.rows == (
        ("exists", f"blue, generation {recipe(NEW).generation}, 2 servers"),
        ("production", "stays blue 100 %"),
    )


def test_headlines() -> None:
    blue, canary = group("blue", OLD), group("green", NEW, 10)
    kept = group("blue", OLD, 0, days=9)
    assert brief(NEW).headline == "blue is launched, production begins"
    assert (
        brief(NEW, blue, active="green", traffic=0).headline == "green is launched, only the preview token leads to it"
    )
    assert brief(NEW, blue, active="green", traffic=10).headline == "green is launched, green gets 10 % of production"
    assert brief(NEW, replace(blue, weight=90), canary, active="green").headline == (
        "all of production moves to green, blue is deleted"
    )
    assert brief(NEW, replace(blue, weight=90, created_at=NOW - timedelta(days=9)), canary).headline == (
        "all of production goes back to blue, green is deleted"
    )
    assert brief(NEW, kept, group("green", NEW), keep_previous=True).headline == ("all of production goes back to blue")
    assert brief(NEW, kept, group("green", NEW), active="green").headline == "blue is deleted"
    assert brief(NEW, group("blue", NEW, verified=False)).headline == "blue passes the gates again"


def test_going_back_has_no_canary_in_its_plan() -> None:
    said = brief(NEW, group("blue", OLD, 0, days=9), group("green", NEW), keep_previous=True)
    gates = "verify (at most 900 s) -> 100 % -> settle 10 s, soak 180 s (blind: CloudWatch is not waited for)"
    assert row(said, "gates") == [gates]
    hooked = brief(NEW, group("blue", OLD, 0, days=9), group("green", NEW), keep_previous=True, hooks=HOOKS)
    assert row(hooked, "gates") == [gates + "; if it goes back: hook onRollback (at most 30 s)"]


def test_an_update_that_takes_traffic_away_asks_nobody() -> None:
    said = brief(NEW, group("blue", OLD, 50, days=9), group("green", NEW, 50), active="green", traffic=10, hooks=HOOKS)
    [gates] = row(said, "gates")
    assert "10 %, held" in gates
    assert re.findall(r"hook (\w+)", gates) == ["afterVerify", "onRollback"]


def test_the_first_plan_asks_what_can_be_asked_before_there_are_users() -> None:
    assert row(brief(NEW, hooks=HOOKS), "gates") == [
        "verify (at most 900 s) -> hook afterVerify (at most 300 s) -> hook beforeShift (at most 60 s) -> 100 %"
    ]


@pytest.mark.parametrize(
    ("settings", "gates"),
    [
        (
            {"canary_pause_seconds": 600, "soak_seconds": 3600},
            "canary 10 % for 600 s -> canary 50 % for 600 s -> 100 % -> settle 10 s, soak 3600 s",
        ),
        # Too short for CloudWatch: it takes longer than asked for.
        (
            {"canary_steps": (10,), "canary_pause_seconds": 5},
            "canary 10 % for 120 to 240 s -> 100 % -> settle 10 s, soak 180 to 240 s",
        ),
        (
            {"canary_steps": (10,), "canary_pause_seconds": 0, "soak_seconds": 0},
            "canary 10 % for 0 s (blind: CloudWatch is not waited for) -> 100 %"
            " -> settle 10 s, soak 0 s (blind: CloudWatch is not waited for)",
        ),
        ({"canary_steps": ()}, "100 % -> settle 10 s, soak 180 s (blind: CloudWatch is not waited for)"),
        (
            {"approve_at": (10,), "approval_timeout_minutes": 30},
            "canary 10 % for 180 to 240 s, then until somebody approves (at most 30 min, else it goes back)"
            " -> canary 50 % for 180 to 240 s -> 100 % -> settle 10 s, soak 180 to 240 s",
        ),
        (
            {"hooks": HOOKS, "alarms": ("site",)},
            "hook afterVerify (at most 300 s) -> hook beforeShift (at most 60 s)"
            " -> canary 10 % for 180 to 240 s, then hook atShare10 (at most 900 s) -> canary 50 % for 180 to 240 s"
            " -> 100 % -> settle 10 s, soak 180 to 240 s -> hook afterPromote (at most 300 s)"
            "; if it goes back: hook onRollback (at most 30 s); your alarms watched: site",
        ),
    ],
)
def test_the_plan_tells_how_long_each_gate_really_takes_and_which_is_blind(
    settings: dict[str, Any], gates: str
) -> None:
    said = brief(NEW, group("blue", OLD), active="green", **settings)
    assert row(said, "gates") == [f"verify (at most 900 s) -> {gates}"]


def test_a_held_canary_has_no_end_and_costs_by_the_day() -> None:
    said = brief(NEW, group("blue", OLD, desired=3), active="green", traffic=10, price_per_hour="0.5")
    assert row(said, "gates") == ["verify (at most 900 s) -> 10 %, held, after 180 to 240 s"]
    assert row(said, "together") == ["two groups, until traffic is 100"]
    assert row(said, "cost") == ["36.00 a day for the 3 servers of the second group (pricePerHour 0.5; servers only)"]
    assert row(said, "standby") == [f"blue, generation {recipe(OLD).generation}, 3 servers, exactly as it is"]


def test_with_a_kept_group_three_stand_side_by_side_and_it_is_told_which_go() -> None:
    kept = group("blue", OLD, 0, days=3, desired=1)
    groups = kept, group("green", NEW, 100, desired=2)
    said = brief(NEXT, *groups, active="blue", keep_previous=True, price_per_hour="1 USD")
    assert said.headline == "blue is launched, all of production moves to blue, the blue of before is deleted"
    assert row(said, "deleted") == [f"blue, generation {kept.generation}, 1 servers, kept until now, last of all"]
    assert row(said, "together") == ["three groups, until keepPrevious is false or blue flips again"]
    assert "for the 3 servers of the other groups" in row(said, "cost")[0]
    both = brief(NEXT, *groups, active="blue")
    assert both.headline.endswith("green and the blue of before are deleted")
    assert len(row(both, "deleted")) == 2


def test_a_pinned_image_is_told_also_when_nothing_happens() -> None:
    given, made, alive = settings(image=OLD), recipe(OLD), live(group("blue", OLD))
    source = ImageSource(OLD, f"{OLD}, which the settings name", needs_bake=False, image_ids=KNOWN)
    plan = decide_rollout(given, made, alive, now=NOW)
    said = rows.plan_report(
        Facts(settings=given, plan=plan, spec=made, live=alive, source=source, limits=AccountLimits(), now=NOW)
    )
    assert row(said, "image") == [f"{OLD}, which the settings name"]
    assert row(brief(OLD, group("blue", OLD)), "image") == []


def test_without_a_price_there_is_no_figure() -> None:
    assert row(brief(NEW, group("blue", OLD), active="green"), "cost") == []


def test_what_is_older_than_allowed_is_told() -> None:
    born = (NOW - timedelta(days=40), NOW - timedelta(days=2))
    said = brief(NEW, group("blue", NEW, days=41), limits=AccountLimits(launched_at=born))
    assert row(said, "old") == ["1 of 2 live servers have run for more than 30 days (maxAgeDays), the oldest for 40"]
    assert row(said, "note") == ["blue's image is 41 days old, maxAgeDays is 30 (active: auto would flip)"]
    assert (
        row(brief(NEW, group("blue", NEW, days=41), limits=AccountLimits(launched_at=born), max_age_days=0), "old")
        == []
    )


def test_what_was_deleted_by_hand_and_what_is_too_small_is_minded() -> None:
    flip = brief(NEW, group("blue", OLD, desired=9), active="green")
    assert row(flip, "launched") == [f"green, generation {recipe(NEW).generation}, 4 servers"]
    assert row(flip, "note") == ["9 servers have production now, and maxSize lets green have 4"]
    assert row(brief(NEW, group("blue", NEW, name=""), active="green"), "note")[0] == (
        "blue's auto-scaling group was deleted by hand while 100 % of production was its: users get errors"
    )
    kept = group("blue", OLD), group("green", NEW, 0, name="")
    assert "deleted by hand (pulumi refresh" in row(brief(NEW, *kept, active="green", traffic=0), "note")[0]
    assert "which is gone" in row(brief(NEW, group("blue", NEW), known=()), "note")[0]
    given, made, alive = settings(), recipe(NEW), live(group("blue", NEW))
    said = rows.plan_report(
        Facts(
            settings=given,
            plan=decide_rollout(given, made, alive, now=NOW),
            spec=made,
            live=alive,
            source=ImageSource(NEW, "", image_ids=KNOWN),
            limits=AccountLimits(),
            now=NOW,
        )
    )
    assert "the preview rule was deleted by hand" in row(said, "note")[0]


def test_what_could_not_be_asked_is_unknown_and_no_more() -> None:
    limits = AccountLimits(unknown=("the quota of vCPUs: GetServiceQuota: AccessDeniedException",))
    assert row(brief(NEW, limits=limits), "unknown") == ["the quota of vCPUs: GetServiceQuota: AccessDeniedException"]
    assert row(brief(NEW, group("blue", NEW), limits=limits), "unknown") == []


def test_markdown_says_the_same_and_nothing_in_it_is_markup() -> None:
    log = Changelog("c0ffee", (" a | 1 +",), ("abc1234 ``` </details> @everyone <img src=x>",))
    said = brief(NEW, group("blue", OLD), active="green", log=log)
    lines = said.markdown.splitlines()
    assert lines[0] == markdown.comment_mark("dev")
    assert "**green is launched, all of production moves to green, blue is deleted**" in lines
    for key, text in said.rows:
        assert f"| {key} | {markdown.escape_markdown(text)} |" in lines
    fence = lines.index("````text")
    assert lines[fence + 1 : lines.index("````", fence + 1)] == list(log.lines)
    assert lines[-1] == "</details>"


def test_a_file_or_a_commit_gives_the_runner_of_a_job_no_command() -> None:
    log = Changelog("c0ffee", (" ::error::x is new, in no commit yet",), ("abc1234 ##[add-matcher]x \x1b[2J",))
    said = brief(NEW, group("blue", OLD), active="green", log=log).text
    assert "add-matcher" in said and "##[" not in said and "\x1b" not in said
    assert not any(line.lstrip().startswith("::") for line in said.splitlines())


def test_nothing_is_written_when_no_file_is_named(tmp_path: Path) -> None:
    report.publish("plan", {})
    report.publish("plan", {"PHOENIX_PLAN_MARKDOWN": str(tmp_path / "plan.md")})
    assert [file.read_text() for file in tmp_path.iterdir()] == ["plan"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere/plan.md", "No such file or directory"),
        (".", "Is a directory"),
        ("file/plan.md", "Not a directory"),
        ("full", "No space left on device"),
        ("x" * 300, "File name too long"),
        ("nul\0", "embedded null"),
    ],
)
def test_a_file_that_can_not_be_written_is_a_line_and_no_error(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").symlink_to("/dev/full")
    said = report.publish("plan", {"PHOENIX_PLAN_MARKDOWN": str(tmp_path / name)})
    assert why in said
    assert "\n" not in said
    assert repr(str(tmp_path / name)) in said


def test_a_commits_words_that_are_no_utf_8_are_written_as_far_as_they_are(tmp_path: Path) -> None:
    assert report.publish("a \udcff", {"PHOENIX_PLAN_MARKDOWN": str(tmp_path / "plan.md")}) == ""
    assert (tmp_path / "plan.md").read_text() == "a ?"


def test_the_first_plan_says_what_becomes_of_the_name_and_a_launch_at_which_times_it_has_which_size() -> None:
    zone: Any = {"hosted_zone_id": "Z123", "hostname": "shop.example.com"}
    times = {"night": ScheduledSize(cron="0 22 * * *", time_zone="UTC", min_size=1, max_size=2, desired=1)}
    first = brief(NEW, active="blue", schedule=times, **zone)
    assert row(first, "DNS") == ["shop.example.com leads here by a record in Z123, once a group serves"]
    assert row(first, "certificate") == ["ACM issues one for shop.example.com, which a record in Z123 proves"]
    assert row(first, "schedule") == ["night (0 22 * * * UTC): 1 to 2 servers, 1 at first; from when it has production"]
    assert row(brief(NEW, active="blue", certificate_arn="arn:x", **zone), "certificate") == []
    later = brief(NEW, group("blue", OLD), active="green", schedule=times, **zone)
    assert row(later, "DNS") == row(later, "certificate") == []
    assert len(row(later, "schedule")) == 1


def test_what_servers_do_at_their_end_and_how_long_nobody_works_is_told() -> None:
    said: Any = {"stop_command": "sh flush.sh", "stop_timeout_seconds": 90, "live_target": True}
    told = brief(NEW, group("blue", OLD), active="green", **said)
    assert row(told, "end") == ["each server runs stopCommand before it ends, for at most 90 s"]
    assert row(told, "work") == [
        "phoenix-live.target moves with all of production; nobody works for seconds, 98 at most"
    ]
    plain = brief(NEW, group("blue", OLD), active="green")
    assert row(plain, "end") == row(plain, "work") == []
