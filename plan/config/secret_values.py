"""Secrets of the configuration that could not stay secret: every one but the preview token. Pure.

A value that makes a server, an image or a step stands in plain text in user data, in the image, in the state and in
logs, however it is stored in the stack's file. No message shows any part of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from core.errors import Problem, problem
from plan.config.typed import TypedWords

# A secret that is shorter may be a word that others use too.
LEAST_CHARACTERS = 8
BY_NAME = "a secret by its name, in environment: ssm:NAME or secretsmanager:NAME"


def problems(key: str, typed: TypedWords) -> Iterator[Problem]:
    """What is wrong with a key that holds a secret: one for each place where it does."""
    for path in typed.sealed(key):
        yield _problem(path, typed)


def _problem(path: tuple[str | int, ...], typed: TypedWords) -> Problem:
    key, place, named = path[0], typed.at(*path), typed.path(*path).strip("'")
    if key == "environment":
        name = str(path[1]) if len(path) > 1 else "NAME"
        return problem(
            "PHX-132",
            named,
            "[secret]",
            "must not hold a secret: user data can be read on the server and in the account",
            f"put the value into SSM (aws ssm put-parameter --type SecureString --name /{name} --value ...) and"
            f" {'' if len(path) > 1 else f'pulumi config rm {place}, '}pulumi config set"
            f" --plaintext {typed.at('environment', name)} ssm:/{name}",
        )
    if key == "packerVariables":
        return problem(
            "PHX-133",
            named,
            "[secret]",
            "must not hold a secret: an image keeps what it was made with, for whoever may copy it",
            f"pulumi config rm {place}, and let servers read it when they start: pulumi config set"
            f" --plaintext {typed.at('environment', 'NAME')} ssm:/PARAMETER",
        )
    if key in ("smokeCommand", "hooks"):
        command = place if path != ("hooks",) else typed.at("hooks", "beforeShift")
        return problem(
            "PHX-134",
            named,
            "[secret]",
            "must not hold a secret: a step's command stands in plain text in state and log",
            f"pulumi config rm {place}, and pulumi config set {command} 'sh smoke.sh', a script that"
            " reads its secret from a variable of CI's that smokeEnvironment names",
        )
    return problem(
        "PHX-105",
        named,
        "[secret]",
        "must not be stored as a secret: it stands in plain text in state and log all the same",
        f'pulumi config set --plaintext {place} "$(pulumi config get {place})"',
    )


def texts(secret: str) -> Iterator[str]:
    """The texts that a secret value holds: itself, or those of an object or a list."""
    try:
        held = json.loads(secret)
    except json.JSONDecodeError:
        held = secret
    if not isinstance(held, dict | list):
        yield secret
        return
    for value in held.values() if isinstance(held, dict) else held:
        yield from texts(value if isinstance(value, str) else json.dumps(value))


def leaked(text: str, secrets: Sequence[str]) -> bool:
    """Whether a plain value, or a text in the object or list that it is, holds one of the stack's secrets."""
    parts = (text, *texts(text))
    return any(len(one) >= LEAST_CHARACTERS and one in part for one in secrets for part in parts)


def leak_problem(key: str) -> Problem:
    """What is said of a plain value that holds a secret of the configuration."""
    return problem(
        "PHX-107",
        key,
        "[secret]",
        "must not hold a secret of the stack's configuration: it stands in plain text in state and log",
        f"give {BY_NAME}",
    )
