"""The rules that join keys of the configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from core import partitions
from core.errors import problem
from core.names import COLORS
from plan.config import (
    guard_constraints,
    hook_constraints,
    image_constraints,
    listener_constraints,
    provider,
    schedule,
    server_constraints,
)
from plan.config.constraint import BrokenConstraints, command
from plan.config.settings import Settings

# 32 characters for load balancers and target groups, less "-green" and the "-1a2b3c4" of autonaming.
NAME_LIMIT = 18


def broken_constraints(s: Settings, secrets: Set[str], aws: Mapping[str, str]) -> BrokenConstraints:
    """The rules that join keys: (the keys that it reads, the problem)."""
    yield from _name_constraints(s)
    yield from _preview_token_constraints(s, secrets)
    yield from _region_constraints(s)
    yield from (((), one) for one in provider.problems(aws))
    yield from _size_constraints(s)
    yield from _canary_constraints(s)
    yield from image_constraints.image_constraints(s)
    yield from server_constraints.network_constraints(s)
    yield from server_constraints.server_constraints(s)
    yield from server_constraints.type_constraints(s)
    yield from listener_constraints.listener_constraints(s)
    yield from listener_constraints.existing_listener_constraints(s)
    yield from server_constraints.environment_constraints(s)
    yield from server_constraints.notification_constraints(s)
    yield from guard_constraints.guard_constraints(s)
    yield from hook_constraints.hook_constraints(s)


def _name_constraints(s: Settings) -> BrokenConstraints:
    if len(s.name) > NAME_LIMIT or not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", s.name):
        yield (
            ("service",),
            problem(
                "PHX-118",
                "service",
                s.service,
                f"with the stack's name ({s.name!r}) must be at most {NAME_LIMIT} lower-case letters,"
                f" digits and single hyphens, since AWS allows 32 in the name of a target group (here {len(s.name)})",
                "pulumi config set service SHORTER, or name the stack anew: pulumi stack rename NAME",
            ),
        )
    colors = set(COLORS) & set(re.split(r"[^a-z]+", s.name))
    if s.dashboard and colors:
        yield (
            ("service", "dashboard"),
            problem(
                "PHX-122",
                "dashboard",
                "true",
                f"can't tell the colors apart while the name {s.name!r} holds the word"
                f" {' and '.join(sorted(colors))}: it finds target groups by the word of their color",
                "pulumi config set dashboard false, or pulumi config set service ANOTHER",
            ),
        )


def _preview_token_constraints(s: Settings, secrets: Set[str]) -> BrokenConstraints:
    if not s.preview_token:
        yield (
            ("previewToken",),
            problem(
                "PHX-112",
                "previewToken",
                "",
                "must be set: it opens pre-production to you and to the smoke test",
                f"make preview-token STACK={s.stack}",
            ),
        )
    elif "previewToken" not in secrets:
        yield (
            ("previewToken",),
            problem(
                "PHX-113",
                "previewToken",
                "[plain text]",
                "must be stored as a secret",
                f"pulumi config rm previewToken && make preview-token STACK={s.stack}",
            ),
        )


def _region_constraints(s: Settings) -> BrokenConstraints:
    if not s.region:
        yield (), problem("PHX-111", "aws:region", "", "must be set", "pulumi config set aws:region eu-west-1")
    elif not partitions.REGION.fullmatch(s.region):
        yield (
            (),
            problem(
                "PHX-169",
                "aws:region",
                s.region,
                "must be the name of a region",
                "pulumi config set aws:region eu-west-1   (aws account list-regions shows those there are)",
            ),
        )


def _size_constraints(s: Settings) -> BrokenConstraints:
    if s.min_size > s.max_size:
        yield (
            ("minSize", "maxSize"),
            problem(
                "PHX-119",
                "minSize",
                s.min_size,
                f"must not be above maxSize ({s.max_size})",
                f"pulumi config set maxSize {s.min_size}",
            ),
        )
    for one, other in schedule.clashes(s.schedule):
        yield (
            ("schedule",),
            problem(
                "PHX-186",
                f"schedule.{other}",
                s.schedule[other].cron,
                f"must be at no time that {one} ({s.schedule[one].cron}) is at too: AWS refuses a second action of a"
                " group at one time",
                f"pulumi config set --path schedule.{other}.cron ANOTHER",
            ),
        )


def _canary_constraints(s: Settings) -> BrokenConstraints:
    if list(s.canary_steps) != sorted(s.canary_steps):
        yield (
            ("canarySteps",),
            problem(
                "PHX-120",
                "canarySteps",
                list(s.canary_steps),
                "must rise",
                command("canarySteps", str(sorted(s.canary_steps))),
            ),
        )
    if astray := [share for share in s.approve_at if share not in s.canary_steps]:
        yield (
            ("approveAt", "canarySteps"),
            problem(
                "PHX-175",
                "approveAt",
                list(s.approve_at),
                f"must be among canarySteps ({list(s.canary_steps)}): nothing is ever held at"
                f" {', '.join(f'{share} %' for share in astray)}",
                command("approveAt", str([share for share in s.approve_at if share in s.canary_steps])),
            ),
        )
    if s.boot_seconds >= s.verify_timeout_seconds:
        yield (
            ("bootSeconds", "verifyTimeoutSeconds"),
            problem(
                "PHX-121",
                "bootSeconds",
                s.boot_seconds,
                f"must be below verifyTimeoutSeconds ({s.verify_timeout_seconds})",
                f"pulumi config set verifyTimeoutSeconds {s.boot_seconds * 3}",
            ),
        )
