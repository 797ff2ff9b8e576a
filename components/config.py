"""The settings of the stack that is running, and how what is wrong reaches the person who typed it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pulumi
from botocore.exceptions import BotoCoreError, ClientError
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from components import briefing
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


def _of_one(service: str, project: str, texts: Mapping[str, str]) -> Settings:
    said = json.loads(texts.get(f"{project}:{service}", "{}"))
    mine = {key: value if isinstance(value, str) else json.dumps(value) for key, value in said.items()}
    token = f"{project}:previewToken"
    if token in texts:
        mine["previewToken"] = texts[token]
    secret = {"previewToken"} if is_config_secret(token) else set()
    aws = {key.split(":", 1)[1]: text for key, text in texts.items() if key.startswith("aws:")}
    return parse({"service": service, **mine}, stack=pulumi.get_stack(), aws=aws, secret_keys=secret)


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
