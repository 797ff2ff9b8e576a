"""How a failure is shown: its code first, then what happened, and what to type."""

from __future__ import annotations

from core.errors import Problem, StepError, UserError, coded, problem


def test_every_message_begins_with_its_code() -> None:
    assert coded("PHX-001", "it is gone") == "PHX-001: it is gone"
    assert str(Problem("PHX-001", "it is gone", "")) == "PHX-001: it is gone"
    assert str(StepError("PHX-001", "it is gone")) == "PHX-001: it is gone"


def test_a_broken_rule_names_key_value_rule_and_what_to_type() -> None:
    assert str(problem("PHX-119", "minSize", 5, "must not be above maxSize (4)", "pulumi config set maxSize 5")) == (
        "PHX-119: minSize = 5: must not be above maxSize (4).\n    type: pulumi config set maxSize 5"
    )


def test_all_problems_stand_below_what_they_have_in_common() -> None:
    found = [Problem("PHX-001", "one\n  of two lines", "this\nor that"), Problem("PHX-002", "another", "")]
    assert str(UserError(*found, head="2 things are known to fail:")).splitlines() == [
        "2 things are known to fail:",
        "  PHX-001: one",
        "    of two lines",
        "      type: this",
        "      or that",
        "  PHX-002: another",
    ]
    assert str(UserError(*found)) == "\n".join(map(str, found))


def test_a_step_says_what_why_and_what_to_do() -> None:
    assert str(
        StepError("PHX-001", "it is gone", why="AWS:\nno such thing", do="look\nthen pulumi up")
    ).splitlines() == [
        "PHX-001: it is gone",
        "Why: AWS:",
        "     no such thing",
        "Do:  look",
        "     then pulumi up",
    ]
