"""Groups that died are remembered on the production rule: in what order, how many, and what of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.release_record import decode_history_line, encode_history_line
from plan import history
from plan.readers.live_state import LiveState
from plan.rollout_plan import decide_rollout
from tests.support.factories import NOW, group, live, recipe, settings

OLD, NEW = "111111111111", "222222222222"
TAGS = {
    "color": "blue",
    "generation": "51c9954607e0",
    "fingerprint": "a3344f910d6f" + "5" * 52,
    "image": "ami-0123456789abcdef0",
    "commit": "0b0eaebf2f6265a58abb13d6e77c1e7b36aee1ed",
    "tree": "dirty",
    "base": "ami-0a",
    "base-name": "debian-12",
    "base-date": "2026-11-01T00:00:00.000Z",
    "born": "at=2026-11-24T12:09:40Z servers=2 i-0abc=+4s",
    "gate-verify": "at=2026-11-24T12:10:20Z seconds=41 servers=2",
    "gate-promote": "at=2026-11-24T12:14:00Z seconds=217 servers=2 looks=40 requests=999999999 errors=123456",
    "weights": "20261124T121102Z=10 20261124T121302Z=100 20261125T130202Z=50 20261125T130402Z=0",
}


def flip(alive: LiveState, **given: Any) -> Any:
    return decide_rollout(settings(**given), recipe(NEW), alive, now=NOW)


def test_a_line_fits_into_a_tag_and_comes_back_with_all_that_a_table_needs() -> None:
    text = encode_history_line(TAGS)
    assert len(text) <= 256
    assert decode_history_line(text) == {
        "color": "blue",
        "generation": "51c9954607e0",
        "fingerprint": "a3344f910d6f",
        "born": "2026-11-24T12:09:40Z",
        "servers": 2,
        "from": "2026-11-24T12:11:02Z",
        "most": 100,
        "until": "2026-11-25T13:04:02Z",
        "commit": "0b0eaebf2f62",
        "tree": "dirty",
        "verify": 41,
        "promote": 217,
        "requests": 999999999,
        "errors": 123456,
        "base": "2026-11-01",
    }


def test_a_fingerprint_of_digits_stays_a_text() -> None:
    assert decode_history_line("fingerprint=001111111111 errors=0") == {"fingerprint": "001111111111", "errors": 0}


def test_a_group_without_a_certificate_is_still_remembered() -> None:
    assert (
        encode_history_line({"color": "blue", "generation": "51c9954607e0"})
        == "color=blue generation=51c9954607e0 most=0"
    )


def test_what_dies_comes_first_with_what_the_gates_of_this_update_wrote() -> None:
    alive = replace(live(group("blue", OLD, tags=TAGS)), history=("color=green generation=aaaaaaaaaaaa",))
    written = {"blue": {"weights": "20261124T121302Z=100 20261126T000000Z=0"}}
    said = history.history_lines(flip(alive, active="green"), alive, written)
    assert "until=20261126T000000Z" in said[0]
    assert said[1:] == ["color=green generation=aaaaaaaaaaaa"]


def test_the_oldest_are_forgotten() -> None:
    alive = replace(live(group("blue", OLD, tags=TAGS)), history=tuple(f"color=green generation={n}" for n in range(9)))
    said = history.history_lines(flip(alive, active="green"), alive, {})
    assert (len(said), said[-1]) == (history.KEPT, "color=green generation=6")


def test_an_update_in_which_nobody_dies_remembers_what_it_knew() -> None:
    alive = replace(live(group("green", NEW, tags=TAGS)), history=("a=1", "b=2"))
    assert history.history_lines(flip(alive, active="green"), alive, {}) == ["a=1", "b=2"]


def test_a_kept_group_is_not_past_until_its_color_is_born_again() -> None:
    alive = live(group("blue", OLD, 90), group("green", NEW, 10, tags=TAGS))
    assert history.leaving_groups(flip(alive, active="green", traffic=50), alive) == []
    kept = live(group("blue", OLD, 0, days=2), group("green", OLD, 100, days=1))
    assert [one.color for one in history.leaving_groups(flip(kept, active="blue"), kept)] == ["green", "blue"]


def test_a_kept_group_that_leaves_does_not_get_its_successors_figures() -> None:
    """Both have the same color: what the gates wrote by color in this update is the new group's."""
    kept = live(group("blue", OLD, 0, days=2, tags=TAGS), group("green", OLD, 100, days=1))
    plan = flip(kept, active="blue", keep_previous=True)
    written = {
        "blue": {
            "born": "at=2026-11-26T00:00:00Z servers=9",
            "gate-verify": "at=2026-11-26T00:00:00Z seconds=7 servers=9",
            "weights": "20261126T000000Z=100",
        }
    }
    assert history.history_lines(plan, kept, written) == [encode_history_line(TAGS)]
