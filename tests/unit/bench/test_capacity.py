"""The server-hours of a flip: the sizes are the product's, and growing takes boots."""

from __future__ import annotations

from dataclasses import replace

from bench.capacity import Flip, measure

FLIP = Flip(servers=100, shares=(5, 25, 50), pause=300, soak=300, boot=100)


def test_a_full_group_runs_from_the_first_second() -> None:
    full = measure(FLIP, proportional=False)
    assert full.seconds == 100 + 4 * 300
    assert full.new == full.seconds * 100 / 3600
    assert full.both == 2 * full.new


def test_a_proportional_one_has_the_servers_of_its_share_and_boots_before_each() -> None:
    taken = measure(FLIP, proportional=True)
    assert taken.seconds == 4 * (100 + 300)
    assert taken.new * 3600 == 400 * (6 + 26 + 51 + 100)


def test_a_small_group_saves_nothing_and_is_not_asked_to_wait_for_it() -> None:
    small = replace(FLIP, servers=2)
    assert measure(small, proportional=True) == measure(small, proportional=False)
