"""What happened, second by second, out of load, watch and journal; and the picture of it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from rehearsal.scenario import picture
from rehearsal.scenario.timeline import StatePeriod, Timeline, WeightChange
from tests.rehearsal.scenario.sample_run import BLUE, GREEN, timeline


def test_a_second_holds_the_requests_that_were_due_in_it() -> None:
    told = timeline()
    assert [dict(second.answered) for second in told.seconds[1:9]] == [
        {},
        {BLUE: 10},
        {BLUE: 10},
        {BLUE: 10},
        {BLUE: 10},
        {BLUE: 5, GREEN: 5},
        {BLUE: 5, GREEN: 5},
        {GREEN: 10},
    ]
    assert [second.failed for second in told.seconds[5:9]] == [0, 0, 1, 0]
    assert (told.seconds[0].p99, told.seconds[3].p50, told.seconds[3].p99) == (None, 6.0, 10.0)


def test_servers_boot_serve_and_drain_and_a_check_that_fails_while_they_boot_is_no_illness() -> None:
    blue, green = timeline().servers
    assert (blue.id, blue.color, blue.generation) == ("i-0000blue", "blue", BLUE)
    assert blue.periods == (
        StatePeriod(state="booting", begin=0.5, end=1.5),
        StatePeriod(state="healthy", begin=1.5, end=9.0),
        StatePeriod(state="draining", begin=9.0, end=10.0),
    )
    assert [(spell.state, spell.begin, spell.end) for spell in green.periods] == [
        ("booting", 4.0, 5.0),
        ("healthy", 5.0, 5.5),
        ("unhealthy", 5.5, 5.8),
        ("healthy", 5.8, 12.0),
    ]


def test_moves_are_the_changes_of_productions_weights_in_percent_by_color() -> None:
    assert timeline().weight_changes == (
        WeightChange(t=2.0, weights={"blue": 100}),
        WeightChange(t=6.0, weights={"blue": 50, "green": 50}),
        WeightChange(t=8.0, weights={"green": 100}),
    )


def _texts(svg: bytes) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_the_picture_says_stages_generations_failures_moves_and_servers() -> None:
    texts = _texts(picture.draw(timeline())["svg"])
    assert {
        "2  flip to green",
        f"blue {BLUE}: 50",
        f"green {GREEN}: 50",
        "failed: 1",
        "50 %",
        "100 %",
        "blue 00blue",
        "green 0green",
        "healthy",
        "unhealthy",
    } <= set(texts)
    assert any("3 green serves (2 s)" in text for text in texts)


def test_the_same_timeline_makes_the_same_picture_small_and_without_anything_to_load() -> None:
    first, second = picture.draw(timeline()), picture.draw(timeline())
    assert first == second
    assert first["png"].startswith(b"\x89PNG")
    assert b'href="http' not in first["svg"]
    assert b"<image" not in first["svg"]
    assert len(first["svg"]) < 200_000


def test_two_generations_of_one_color_are_painted_apart() -> None:
    told = timeline()
    both = Timeline(**{**vars(told), "colors": {BLUE: "blue", GREEN: "blue"}})
    assert picture.paints(both, [BLUE, GREEN]) == [picture.COLORS["blue"], picture.LIGHTER["blue"]]
