"""The measurements' own arithmetic, and what they can't do without."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest

from bench import balancer, replacement
from bench.flip import Span, divided
from bench.printed import Cost, in_turn, median, ran, table, times


def test_each_instant_belongs_to_the_first_span_that_it_lies_in() -> None:
    spans = {"bake": [Span(1, 3)], "boot": [Span(2, 5)], "provider": [Span(4, 6), Span(8, 99)]}
    assert divided(spans, whole=10, rest="ours") == {"bake": 2, "boot": 2, "provider": 3, "ours": 3}


def test_repetitions_are_taken_in_turn_after_one_that_does_not_count() -> None:
    order: list[str] = []

    def one(name: str) -> int:
        order.append(name)
        return len(order)

    taken = in_turn(2, {name: partial(one, name) for name in "ab"})
    assert order == list("ababab")
    assert taken == {"a": [3, 5], "b": [4, 6]}


def test_a_command_is_told_with_its_children_and_not_with_who_measures_it(tmp_path: Path) -> None:
    held = bytearray(200 * 2**20)
    child = f"import subprocess, sys; subprocess.run([{sys.executable!r}, '-c', 'x = bytes(range(256)) * 2**18'])"
    small = ran([sys.executable, "-c", "pass"], folder=tmp_path, environment={})
    large = ran([sys.executable, "-c", child], folder=tmp_path, environment={})
    assert small.memory < 100 * 2**20 < len(held)
    assert large.memory - small.memory > 50 * 2**20
    assert small.cpu > 0 and small.wall > 0
    with pytest.raises(SystemExit, match="it broke"):
        ran([sys.executable, "-c", "import sys; sys.exit('it broke')"], folder=tmp_path, environment={})


def test_the_median_is_of_each_figure_for_itself() -> None:
    costs = [Cost(wall=1, cpu=9, memory=5), Cost(wall=2, cpu=1, memory=7), Cost(wall=9, cpu=2, memory=6)]
    assert median(costs) == Cost(wall=2, cpu=2, memory=6)
    assert (times(3, 2), times(3, 0)) == ("1.50 x", "-")


def test_a_table_has_columns(capsys: pytest.CaptureFixture[str]) -> None:
    table("A title", ["what", "s"], [["long", 1.0], ["x", 12.345]])
    assert capsys.readouterr().out == "\nA title\n\n  what      s\n  ----  -----\n  long   1.00\n  x     12.35\n\n"


def test_without_haproxy_there_is_nothing_to_compare_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", ["balancer"])
    assert balancer.main() == 0
    assert capsys.readouterr().out == (
        "haproxy is not on PATH, so there is nothing to put the balancer beside: apt-get install haproxy\n"
    )


def test_without_terraform_there_is_nothing_to_put_phoenix_beside(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", ["replacement"])
    assert replacement.main() == 0
    assert "terraform is not on PATH, so there is nothing to put Phoenix beside" in capsys.readouterr().out
