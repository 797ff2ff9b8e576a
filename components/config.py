"""The settings of the stack that is running, and how what is wrong reaches the person who typed it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pulumi
from botocore.exceptions import BotoCoreError, ClientError
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from components import briefing
from components.combinations import problem
from components.flight import FlightError
from components.foresight import KnownToFailError
from components.home import ElsewhereError
from components.images import ImageError
from components.live import LiveError
from components.settings import Settings, SettingsError, parse
from components.sharing import SharingError
from steps.aws import EXPIRED


def settings(*, service: str = "") -> Settings:
    """The running stack's configuration. Raises `SettingsError` with every problem at once.

    `service`: of a program with several, this one's: the object under the key of its name, and `previewToken`.
    """
    project = pulumi.get_project()
    texts = _texts()
    if service:
        return _of_one(service, project, texts)
    mine = {key.split(":", 1)[1]: text for key, text in texts.items() if key.startswith(f"{project}:")}
    secret = {key for key in mine if is_config_secret(f"{project}:{key}")}
    aws = {key.split(":", 1)[1]: text for key, text in texts.items() if key.startswith("aws:")}
    return parse(mine, stack=pulumi.get_stack(), aws=aws, secret_keys=secret)


def of(said: Mapping[str, Any], *, token: str) -> Settings:
    """Settings from values of a program, by key; `token` is the preview token, which is a secret.

    Raises `SettingsError` with every problem at once.
    """
    mine = {key: _text(value) for key, value in said.items()}
    aws = {key.split(":", 1)[1]: text for key, text in _texts().items() if key.startswith("aws:")}
    return parse({**mine, "previewToken": token}, stack=pulumi.get_stack(), aws=aws, secret_keys={"previewToken"})


def _text(value: Any) -> str:
    """A value as `pulumi config` stores it. On the wire all numbers are floats."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Mapping):
        return json.dumps(dict(value))
    if isinstance(value, list | tuple):
        return json.dumps([int(item) if isinstance(item, float) and item.is_integer() else item for item in value])
    return json.dumps(value)


def _of_one(service: str, project: str, texts: Mapping[str, str]) -> Settings:
    said = json.loads(texts.get(f"{project}:{service}", "{}"))
    token = f"{project}:previewToken"
    if texts.get(token) and not is_config_secret(token):
        raise SettingsError([problem(
            "previewToken", "[plain text]", "must be stored as a secret",
            "pulumi config rm previewToken, and openssl rand -hex 24 | pulumi config set --secret previewToken")])
    return of({"service": service, **said}, token=texts.get(token, ""))


@contextmanager
def errors(*, published: bool = False, about: str = "") -> Iterator[None]:
    """Turns what a user can mend into an error that Pulumi prints without a stack trace.

    `published`: it is also written where the flight plan would have been, as Markdown. `about`: which service it is
    about, and where its keys are.
    """
    try:
        yield
    except (SettingsError, ElsewhereError, FlightError, ImageError, LiveError, KnownToFailError,
            SharingError) as error:
        why = str(error)
    except (BotoCoreError, ClientError) as error:
        why = f"AWS could not be asked what is live; nothing was changed: {error}\n  type: {_next(error)}"
    else:
        return
    if about:
        why = f"{about}:\n{why}"
    if published:
        briefing.publish(briefing.refused(pulumi.get_stack(), why))
    raise pulumi.RunError(why)


def _next(error: BotoCoreError | ClientError) -> str:
    """What to type after an error of AWS."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in EXPIRED:
            return "aws sso login   (or what else renews the credentials; then pulumi up)"
        if status >= 500 or "Throttling" in code:
            return "pulumi up   (AWS failed; it may answer by then)"
    return "aws sts get-caller-identity   (it tells whether the credentials are the right ones)"


def _texts() -> Mapping[str, str]:
    return {**get_config_env(), **CONFIG.get()}
