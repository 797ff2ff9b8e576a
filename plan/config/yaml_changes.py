"""Texts that YAML has changed on their way into the program: `1.10` arrives as 1.1, `0755` as 493. Pure.

Where a text is meant, what arrives must be what was written. `pulumi config set --path` writes whole numbers, true and
false without quotes, and those arrive unchanged.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

from core.errors import Problem, problem
from plan.config import yaml_scalars
from plan.config.typed import TypedWords
from plan.config.yaml_scalars import Scalar


def problems(key: str, default: Any, text: str, typed: TypedWords) -> Iterator[Problem]:
    """What was altered of a key's value; `default` tells its kind, `text` is what arrived."""
    if isinstance(default, bool):
        return
    numbers = isinstance(default, int) or (isinstance(default, tuple) and bool(default) and isinstance(default[0], int))
    for path, value in _leaves(text, default):
        whole = (key, *path)
        word = typed.word(*whole)
        if word is not None and yaml_scalars.text(yaml_scalars.read(word)) != yaml_scalars.text(value):
            word = None  # it is written elsewhere
        if found := _octal(word, value) if numbers else _changed(word, value, top=not path):
            yield _problem(whole, word, value, found, typed, numbers=numbers)


def _leaves(text: str, default: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if not isinstance(default, tuple | dict):
        yield (), text
        return
    try:
        held = json.loads(text)
    except json.JSONDecodeError:
        return
    if isinstance(held, list | dict):
        yield from _below((), held)


def _below(path: tuple[str | int, ...], held: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(held, dict):
        for name, value in held.items():
            yield from _below((*path, name), value)
    elif isinstance(held, list):
        for number, value in enumerate(held):
            yield from _below((*path, number), value)
    else:
        yield path, held


def _changed(word: str | None, value: Scalar, *, top: bool) -> str:
    """Why a value is not the text that was written; empty when it is. `word` is what was, when that is known."""
    if isinstance(value, str) and word != value and yaml_scalars.DATED.fullmatch(value):
        return f"YAML takes it for a time, and it arrives as {value!r}"
    if value is None:
        return "YAML takes it for nothing"
    if isinstance(value, float):
        # Also one that looks unchanged: any `pulumi config set` writes the file anew, 1.10 as 1.1.
        return f"YAML takes it for the number {yaml_scalars.text(value)}"
    # A key of its own without a value has its default, and Pulumi says so.
    if word is None or word == yaml_scalars.text(value) or (top and word in yaml_scalars.NOTHING):
        return ""
    return f"YAML takes it for {yaml_scalars.text(value)}"


def _octal(word: str | None, value: Scalar) -> str:
    digits = (word or "").replace("_", "")
    if re.fullmatch(r"[-+]?0[0-7]+", digits) and int(digits) != int(yaml_scalars.text(value)):
        return f"YAML takes it for {yaml_scalars.text(value)}: numbers that begin with 0 are octal"
    return ""


def _problem(
    path: tuple[str | int, ...], word: str | None, value: Scalar, why: str, typed: TypedWords, *, numbers: bool
) -> Problem:
    named = typed.path(*path).strip("'")
    if numbers:
        plain = str(int((word or "0").replace("_", "")))
        return problem(
            "PHX-109",
            named,
            word,
            f"must be written as it is meant; {why}",
            f"pulumi config set {typed.at(*path)} {plain}",
        )
    meant = "" if value is None else word or yaml_scalars.text(value)
    line = f"{path[-1]}: " if isinstance(path[-1], str) else "- "
    quoted = f"{line}{json.dumps(meant, ensure_ascii=False)}"
    fix = f"{command(path, meant, typed)}   (or quote it in {typed.file}: {quoted})"
    return problem(
        "PHX-108",
        named,
        word if word is not None else value,
        f"must be written as a text; {why}",
        fix if typed.file else "give it as a text, in quotes",
    )


def command(path: tuple[str | int, ...], meant: str, typed: TypedWords) -> str:
    """`pulumi config set` that stores a text. Without a type it stores what looks like a whole number as one."""
    kind = "--type string " if len(path) > 1 and re.fullmatch(r"[1-9]\d*|0|true|false|[-+]\d+", meant) else ""
    dash = "-- " if meant.startswith("-") else ""
    return f"pulumi config set {kind}{typed.at(*path)} {dash}{shlex.quote(meant)}"
