"""Composite CloudWatch alarms: moto keeps their rule, and never evaluates it.

Source: "Create a composite alarm" (rule expressions: ALARM, OK, INSUFFICIENT_DATA of a name, a quoted name or an ARN,
with AND, OR, NOT, TRUE, FALSE and parentheses) in the CloudWatch user guide. Pure but for the alarms' states.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<plain>[^\s\")]+))\s*\)"
    r"|(?P<word>AND|OR|NOT|TRUE|FALSE|[()]))\s*"
)
_WORDS = {"AND": " and ", "OR": " or ", "NOT": " not ", "TRUE": "True", "FALSE": "False", "(": "(", ")": ")"}


def evaluate_composites(cloudwatch: Any) -> list[Any]:
    """Moves every composite alarm of moto's backend to the state that its rule asks for; returns those that moved."""
    moved = []
    for alarm in [one for one in cloudwatch.alarms.values() if one.rule is not None]:
        states = {name: one.state_value for name, one in cloudwatch.alarms.items()}
        state = "ALARM" if holds(alarm.rule, states) else "OK"
        if state != alarm.state_value:
            ringing = [name for name in alarms_of(alarm.rule) if states.get(name) == "ALARM"]
            alarm.update_state(f"{', '.join(ringing) or 'all'} transitioned to {state}", "{}", state)
            moved.append(alarm)
    return moved


def alarms_of(rule: str) -> list[str]:
    """The names of the alarms that a rule is about. Raises ValueError for what is no rule."""
    return [name for state, name, _ in _tokens(rule) if state]


def holds(rule: str, states: Mapping[str, str]) -> bool:
    """Whether a rule holds for alarms in these states. Raises ValueError for what is no rule."""
    text = "".join(
        str(states.get(name) == state) if state else _WORDS[word] for state, name, word in _tokens(rule)
    ).strip()
    try:
        return _true(ast.parse(text, mode="eval").body)
    except SyntaxError:
        raise ValueError(f"no rule of a composite alarm: {rule}") from None


def _true(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool() as value):
            return value
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _true(operand)
        case ast.BoolOp(op=op, values=values):
            how: Callable[..., bool] = all if isinstance(op, ast.And) else any
            return how(_true(value) for value in values)
    raise ValueError(f"no rule of a composite alarm: {ast.unparse(node)}")


def _tokens(rule: str) -> list[tuple[str, str, str]]:
    """State, alarm's name, and word, of which one pair or the other is empty."""
    found, at = [], 0
    while at < len(rule):
        token = _TOKEN.match(rule, at)
        if token is None:
            raise ValueError(f"no rule of a composite alarm: {rule[at:]}")
        quoted = token["quoted"]
        name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else token["plain"] or ""
        found.append((token["state"] or "", name.rpartition(":alarm:")[2], token["word"] or ""))
        at = token.end()
    return found
