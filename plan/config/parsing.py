"""A stack's configuration, from text to `Settings`: checked as a whole before anything is declared. Pure."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields
from typing import Any

from core.errors import Problem, UserError, problem
from plan.config import provider, secret_values, yaml_changes
from plan.config.constraint import command
from plan.config.constraints import broken_constraints
from plan.config.settings import Settings, camel, default_value
from plan.config.typed import TypedWords


class SettingsError(UserError):
    """Everything that is wrong with a stack's configuration, one line each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
        super().__init__(*problems, head=f"the stack's configuration has {count}; nothing was changed:")


def parse_settings(
    values: Mapping[str, str],
    *,
    stack: str,
    aws: Mapping[str, str],
    secret_keys: Set[str] = frozenset(),
    typed: TypedWords | None = None,
) -> Settings:
    """Settings from the texts of a stack's configuration.

    `values` and `secret_keys` are keyed without the project's name, `aws` is the configuration of the AWS provider
    (`region`, `profile`, ...), `typed` what the stack's file says. Raises `SettingsError` with every problem at once.
    """
    known = {camel(item.name): item for item in fields(Settings) if item.metadata}
    typed = typed or TypedWords(file=f"Pulumi.{stack}.yaml")
    problems = [_unknown(key, known) for key in values if key not in known]
    parsed: dict[str, Any] = {"stack": stack, "region": aws.get("region", ""), **provider.provider_identity(aws)}
    failed = set()
    for key, item in known.items():
        text = values.get(key)
        if text is None or (key == "previewToken" and text == ""):
            continue
        wrong = list(
            secret_values.problems(key, typed)
            if key in secret_keys and key != "previewToken"
            else yaml_changes.problems(key, default_value(item), text, typed)
        )
        if wrong:
            failed.add(key)
            problems += wrong
            continue
        try:
            parsed[item.name] = item.metadata["rule"](text)
        except ValueError as rule:
            failed.add(key)
            shown = "[secret]" if key == "previewToken" else text
            problems.append(problem("PHX-101", key, shown, f"must be {rule}", command(key, item.metadata["example"])))
    settings = Settings(**parsed)
    # A key that breaks its own rule holds its default here: what joins it to others can't be judged.
    problems += [text for keys, text in broken_constraints(settings, secret_keys, aws) if not failed & set(keys)]
    if problems:
        raise SettingsError(problems)
    return settings


def parse_without_token(values: Mapping[str, str], *, stack: str, aws: Mapping[str, str]) -> Settings:
    """The same for whoever launches no server that would know the preview token, and can't read it."""
    key = "previewToken"
    return parse_settings({**values, key: "nobody-is-told-this-one"}, stack=stack, aws=aws, secret_keys={key})


def _unknown(key: str, known: Mapping[str, Any]) -> Problem:
    whole, path, _ = re.split(r"([.[])", key, maxsplit=1) if re.search(r"[.[]", key) else (key, "", "")
    if path and whole in known:
        return problem(
            "PHX-110",
            key,
            "...",
            f"is no key of this program; a part of {whole} is set with --path",
            f"pulumi config rm {shlex.quote(key)} && pulumi config set --path {shlex.quote(key)} VALUE",
        )
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    nearest = f"the nearest is {near[0]}" if near else "pulumi config shows those there are"
    fix = f"pulumi config rm {key}" + (f" && pulumi config set {near[0]} VALUE" if near else "")
    return problem("PHX-102", key, "...", f"is no key of this program; {nearest}", fix)
