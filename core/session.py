"""The identity that everything of an update acts as: that of the AWS provider, in the plan and in each step.

botocore reads one file of credentials and one of configuration; where each is, the provider's configuration or the
environment says. Paths may hold `~` and variables, as both take them (aws-sdk-go-base, internal/expand; botocore,
configloader).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, MutableMapping
from pathlib import Path
from typing import TypeVar

import boto3
import botocore.session
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError

T = TypeVar("T")

# What botocore and other tools read it from, by botocore's name of the file.
FILES = {"credentials_file": "AWS_SHARED_CREDENTIALS_FILE", "config_file": "AWS_CONFIG_FILE"}


class CredentialsEndedError(BotoCoreError):
    """Credentials have expired and were not renewed. `final`: nobody can renew them while this process runs."""

    fmt = "The credentials have expired ({why})"

    def __init__(self, *, why: str, final: bool) -> None:
        super().__init__(why=why)
        self.final = final


def connect(*, region: str, profile: str = "", credentials_file: str = "", config_file: str = "") -> boto3.Session:
    """A session as the AWS provider has it with the same settings. Empty ones are the environment's.

    It makes a client once for each service, region and configuration, and gives that one again: the plan's readers each
    ask for theirs, and one takes longer to make than many a call. It makes them one after the other, whichever threads
    ask (boto3 guide, "Multithreading").
    """
    core = botocore.session.Session()
    for name, path in (("credentials_file", credentials_file), ("config_file", config_file)):
        if path:
            core.set_config_variable(name, path)
    session = boto3.Session(botocore_session=core, region_name=region or None, profile_name=profile or None)
    session.client = _made_once(session.client)  # type: ignore[method-assign]
    _announce_expiry(session.get_credentials())
    return session


def _made_once(make: Callable[..., T]) -> Callable[..., T]:
    """One that is made already waits for no other."""
    made: dict[Hashable, T] = {}
    lock = threading.Lock()

    def client(*said: Hashable, **given: Hashable) -> T:
        key = (said, tuple(sorted(given.items())))
        if key not in made:
            with lock:
                if key not in made:
                    made[key] = make(*said, **given)
        return made[key]

    return client


def _announce_expiry(credentials: object) -> None:
    """Makes an error of botocore's of what it raises for credentials that are expired still after they were renewed.

    It is a RuntimeError there (botocore.credentials, RefreshableCredentials._protected_refresh), which nobody who
    handles errors of AWS takes for one.
    """
    if not isinstance(credentials, RefreshableCredentials):
        return
    frozen, final = credentials.get_frozen_credentials, credentials.method == "env"

    def frozen_credentials() -> object:
        try:
            return frozen()
        except RuntimeError as error:
            why = "AWS_CREDENTIAL_EXPIRATION is past" if final else f"they come from {credentials.method}: {error}"
            raise CredentialsEndedError(why=why, final=final) from error

    credentials.get_frozen_credentials = frozen_credentials  # type: ignore[method-assign, assignment]


def expand(environment: MutableMapping[str, str]) -> None:
    """Writes out the paths of an environment: Packer takes them as they are."""
    for name in FILES.values():
        if environment.get(name):
            environment[name] = str(Path(os.path.expandvars(environment[name])).expanduser().absolute())
