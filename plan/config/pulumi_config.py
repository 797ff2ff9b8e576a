"""The settings of the stack that is running."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from core.errors import Problem, problem
from plan.config import namespaces, secret_values, typed
from plan.config.parsing import SettingsError, parse_settings
from plan.config.provider import FILES
from plan.config.settings import Settings, default_values
from plan.config.typed import TypedWords

# The package's name, which would be the namespace of its configuration if it had any.
PACKAGE = "phoenix"


def read_settings(*, service: str = "") -> Settings:
    """The running stack's configuration. Raises `SettingsError` with every problem at once.

    `service`: of a program with several, this one's: the object under the key of its name, and `previewToken`.
    """
    project, texts = pulumi.get_project(), _texts()
    written = typed.read_typed(Path.cwd(), stack=pulumi.get_stack(), project=project)
    if service:
        return _of_one(service, project, texts, written)
    known, mine = default_values(), _named(project, texts)
    # Each key has a value: Pulumi gives the project's default to one that the stack has none for.
    there = {key for key, text in mine.items() if key in written.keys or not _is_default(text, known.get(key))}
    found = namespaces.misplaced_keys(
        texts, project=project, names=known, secret_keys=_secret(texts), provider=namespaces.provider_keys
    )
    # An ESC environment may well hold other projects' keys beside ours; the stack's own file has no use for them.
    astray = [one for one in found if one.key in written.keys or not there]
    problems = [*namespaces.problems(astray, project=project, there=there, defaults=known), *_secrets_of_aws()]
    secret = {key for key in mine if is_config_secret(f"{project}:{key}")}
    # As if they stood where they belong: what would be wrong with them then is told at once too.
    moved = {one.name: one for one in reversed(astray) if one.name not in there}
    secret |= {name for name, one in moved.items() if one.secret}
    values, leaks = _without_leaks({**mine, **{name: one.text for name, one in moved.items()}}, secret, texts)
    return _parsed(values, secret, written, [*problems, *leaks])


def is_preview() -> bool:
    """Whether this run of the program changes nothing."""
    return bool(pulumi.runtime.is_dry_run())


def settings_from_inputs(said: Mapping[str, Any], *, token: str) -> Settings:
    """Settings from values of a program, by key; `token` is the preview token, which is a secret.

    Raises `SettingsError` with every problem at once.
    """
    project, texts = pulumi.get_project(), _texts()
    secrets = [text for key in _secret(texts) for text in secret_values.texts(texts[key])]
    problems, mine = _secrets_of_aws(), {}
    for key, value in said.items():
        if _holds_output(value):
            problems.append(
                problem(
                    "PHX-106",
                    key,
                    "[output]",
                    "must be a plain value, no output and no secret: the rollout plan is decided from it",
                    f"give the value itself; {secret_values.BY_NAME}",
                )
            )
        elif secret_values.leaked(text := _text(value), secrets):
            problems.append(secret_values.leak_problem(key))
        else:
            mine[key] = text
    problems += [
        problem(
            "PHX-104",
            f"{PACKAGE}:{name}",
            "[set]",
            f"has no effect: {name} is an input of the component, and no configuration of its package",
            f"pulumi config rm {PACKAGE}:{name}, and give it in the program",
        )
        for name in _named(PACKAGE, texts)
        if name in default_values() and project != PACKAGE
    ]
    return _parsed({**mine, "previewToken": token}, {"previewToken"}, TypedWords(), problems)


def _of_one(service: str, project: str, texts: Mapping[str, str], written: TypedWords) -> Settings:
    """One of a program's services. A service's own object is the program's key, as the token is."""
    mine, token = _named(project, texts), "previewToken"
    astray = namespaces.misplaced_keys(
        texts,
        project=project,
        names=[name for name in (service, token) if name not in mine],
        secret_keys=_secret(texts),
        provider=namespaces.provider_keys,
    )
    if astray:
        raise SettingsError(namespaces.problems(astray, project=project, there=(), defaults={service: {}}))
    problems = _secrets_of_aws()
    if mine.get(token) and not is_config_secret(f"{project}:{token}"):
        problems.append(
            problem(
                "PHX-113",
                token,
                "[plain text]",
                "must be stored as a secret",
                "pulumi config rm previewToken; openssl rand -hex 24 | pulumi config set --secret previewToken",
            )
        )
    said = json.loads(mine.get(service, "{}"))
    of_it = TypedWords(written.keys.get(service, {}), written.file, within=service)
    secret = set()
    if is_config_secret(f"{project}:{service}"):
        secret = {str(path[1]) for path in written.sealed(service) if len(path) > 1} & said.keys()
        if not secret:  # no file says which of its keys it is
            raise SettingsError([*problems, *secret_values.problems(service, written)])
    values = {"service": service, **{key: _text(value) for key, value in said.items()}}
    values, leaks = _without_leaks(values, secret, texts)
    return _parsed({**values, token: mine.get(token, "")}, {*secret, token}, of_it, [*problems, *leaks])


def _parsed(values: Mapping[str, str], secret: Set[str], written: TypedWords, problems: Sequence[Problem]) -> Settings:
    """Settings, or `SettingsError` with these problems and what else is wrong."""
    try:
        parsed = parse_settings(
            values, stack=pulumi.get_stack(), aws=_named("aws", _texts()), secret_keys=secret, typed=written
        )
    except SettingsError as error:
        raise SettingsError([*problems, *error.problems]) from None
    if problems:
        raise SettingsError(problems)
    return parsed


def _named(namespace: str, texts: Mapping[str, str]) -> dict[str, str]:
    """The keys of a namespace, without it."""
    return {key.split(":", 1)[1]: text for key, text in texts.items() if key.startswith(f"{namespace}:")}


def _is_default(text: str, default: Any) -> bool:
    if isinstance(default, str):
        return text == default
    try:
        said = json.loads(text)
    except json.JSONDecodeError:
        return False
    return bool(said == (list(default) if isinstance(default, tuple) else default))


def _secret(texts: Mapping[str, str]) -> set[str]:
    return {key for key in texts if is_config_secret(key)}


def _without_leaks(
    values: Mapping[str, str], secret: Set[str], texts: Mapping[str, str]
) -> tuple[dict[str, str], list[Problem]]:
    """Values, and what is wrong with those that hold a secret of the project's in plain text: they are left out, so
    that no other message shows them.

    Of an object nobody says here which of its texts are secret; as a value of ours it is refused whole.
    """
    own = {key: text for key, text in texts.items() if key.startswith(f"{pulumi.get_project()}:")}
    secrets = [text for text in map(own.__getitem__, _secret(own)) if [*secret_values.texts(text)] == [text]]
    leaked = [
        key
        for key, text in values.items()
        if key not in {*secret, "previewToken"} and secret_values.leaked(text, secrets)
    ]
    kept = {key: text for key, text in values.items() if key not in leaked}
    return kept, [secret_values.leak_problem(key) for key in leaked]


def _holds_output(value: Any) -> bool:
    """Whether a value is an output (a secret is one), or an object or a list with one in it."""
    if isinstance(value, Mapping):
        return any(_holds_output(one) for pair in value.items() for one in pair)
    return isinstance(value, pulumi.Output) or (isinstance(value, list | tuple) and any(map(_holds_output, value)))


def _secrets_of_aws() -> list[Problem]:
    """Keys of the provider that steps are told of."""
    return [
        one
        for key in ("region", "profile", *FILES)
        if is_config_secret(f"aws:{key}")
        for one in secret_values.problems(f"aws:{key}", TypedWords())
    ]


def _text(value: Any) -> str:
    """A value as `pulumi config` stores it."""
    return value if isinstance(value, str) else json.dumps(_whole(value), ensure_ascii=False)


def _whole(value: Any) -> Any:
    """A value whose whole numbers are integers: on the wire all numbers are floats."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list | tuple) else value


def _texts() -> Mapping[str, str]:
    return {**get_config_env(), **CONFIG.get()}
