"""What a provider is to the stand-in: for each resource type how it is checked, made, read, changed and deleted."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.engine.standin.plan import Rules
from rehearsal.engine.standin.values import Properties

# What autonaming adds to the logical name: a hyphen and 7 hexadecimal digits.
SUFFIX = 7


class ProviderError(Exception):
    """An operation failed, with the reason for the person at the keyboard."""


class HalfMadeError(ProviderError):
    """What was to be created exists (`ident`), but something that belongs to it failed."""

    def __init__(self, ident: str, reason: Exception) -> None:
        super().__init__(failure_text(reason))
        self.ident = ident


class InterruptedByUserError(ProviderError):
    """An operation was given up because the update was interrupted."""

    def __init__(self) -> None:
        super().__init__("the update was interrupted")


def failure_text(error: Exception) -> str:
    """What a failed operation says; an error that nobody foresaw with its kind."""
    return str(error) if isinstance(error, ProviderError | ClientError) else f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class Call:
    """What an operation may need besides its inputs."""

    urn: str
    interrupted: threading.Event
    say: Callable[[str], None] = lambda line: None
    delete_seconds: float = 0
    made: list[str] = field(default_factory=list)
    """Filled by a create as soon as AWS has made the resource: its id."""

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class ResourceType:
    """One type of resource.

    `create` returns the id and outputs; `read` outputs or None when it is gone. Outputs of `create`, `read` and
    `update` come on top of the inputs. `replaced_by` are inputs whose change makes a replacement; without `update`
    every input does. `defaults` are inputs that the provider fills in. `name_input` is autonamed, to at most
    `name_length` characters. `unsettled` are outputs that an update may change, so a preview does not know them.
    """

    create: Callable[[Call, Properties], tuple[str, Properties]]
    delete: Callable[[Call, str, Properties], None]
    read: Callable[[str, Properties], Properties | None] | None = None
    update: Callable[[Call, str, Properties, Properties, frozenset[str]], Properties] | None = None
    replaced_by: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    name_input: str | None = None
    name_length: int = 255
    unsettled: frozenset[str] | None = frozenset()

    def rules(self) -> Rules:
        """What decides between an update and a replacement."""
        every = self.update is None
        return Rules(lambda key: every or key in self.replaced_by, self.name_input)

    def check(self, name: str, inputs: Properties, old: Mapping[str, Any] | None) -> Properties:
        """The inputs with defaults and a physical name: the old one where the old one was generated too.

        A generated name that comes as an input, as `ignore_changes=["*"]` brings it, is an input from then on.
        """
        checked = {**self.defaults, **{key: value for key, value in inputs.items() if key != "__defaults"}}
        key = self.name_input
        if key is None or key in inputs or f"{key}Prefix" in inputs:
            return checked
        generated = old is not None and key in old.get("__defaults", [])
        checked[key] = old[key] if generated and old is not None else autoname(name, self.name_length)
        return {**checked, "__defaults": [key]}


def autoname(name: str, length: int) -> str:
    """The logical name, a hyphen and 7 hexadecimal digits. Raises `ProviderError` when that is too long.

    Source: pulumi/pulumi-terraform-bridge, pkg/tfbridge/names.go (a name that does not fit is an error there too).
    """
    full = f"{name}-{secrets.token_hex(SUFFIX)[:SUFFIX]}"
    if len(full) > length:
        raise ProviderError(
            f"the name {full!r} has {len(full)} characters, and only {length} are allowed: give the resource a shorter"
            " logical name"
        )
    return full
