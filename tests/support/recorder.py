"""A Pulumi program under mocks, with everything that it registered on record: inputs and options."""

from __future__ import annotations

import asyncio
import json
import runpy
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pulumi.runtime import mocks, resource, rpc
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import source_pb2
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_in_stack

from core.release_events import ReleaseEvent
from plan import notices

# What ACM asks for.
PROOF_OF = "_d930b28be6c5927595552b219965053e."
PROOF = {"resourceRecordType": "CNAME", "resourceRecordValue": "_v."}
BAKED: dict[str, Any] = {
    "image": "ami-0123456789abcdef0",
    "rootDevice": "/dev/xvda",
    "bakedAt": "2026-11-24T12:00:00Z",
    "commit": "c0ffee",
    "tree": "clean",
    "base": "ami-0a",
    "baseName": "debian-12 (x86)",
    "baseDate": "2026-11-20T00:00:00Z",
    "fingerprint": "0" * 64,
    "baked": True,
}


@dataclass(frozen=True)
class Registered:
    """One resource as the program sent it."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    protect: bool
    trigger: Any
    ignore: tuple[str, ...]
    create_timeout: str
    depends_on: frozenset[str]  # names


@dataclass
class Existing:
    """What there is when a program begins.

    `state`: what the stack's state holds, as the engine tells it. `target_groups`: ARNs by logical names.
    `in_production`: those that the production rule names in AWS.
    """

    state: dict[str, Any] = field(default_factory=dict)
    target_groups: dict[str, str] = field(default_factory=dict)
    in_production: list[str] = field(default_factory=list)

    def holds(self, type: str, id: str, **outputs: Any) -> None:
        """Has the state hold a resource with this id, which is its ARN too if it looks like one."""
        arn = {"arn": id} if id.startswith("arn:") else {}
        self.state[f"urn:pulumi:dev::phoenix::{type}::{id}"] = {"type": type, "outputs": {"id": id, **arn, **outputs}}

    def moved(self, environment: Mapping[str, str]) -> dict[str, int]:
        """What promote reports when all goes well: the rest of production stays with the other group that exists."""
        ours, share = environment["PHOENIX_TARGET_GROUP"], int(environment["PHOENIX_TRAFFIC"])
        return {ours: share, **{arn: 100 - share for arn in self.in_production if arn != ours}}


class _Mocks(mocks.Mocks):
    def __init__(self, existing: Existing) -> None:
        self.existing = existing

    def call(self, args: mocks.MockCallArgs) -> Any:
        zones = {"names": ["eu-west-1a", "eu-west-1b", "eu-west-1c"]}
        return {
            "aws:index/getAvailabilityZones:getAvailabilityZones": zones,
            "pulumi:pulumi:readStackResourceOutputs": {"outputs": dict(self.existing.state)},
            "aws:index/getPartition:getPartition": {"partition": "aws"},
        }[args.token]

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        arn = f"arn:aws:{args.typ.split(':')[1]}:eu-west-1:123456789012:{args.name}"
        if args.typ == "aws:lb/targetGroup:TargetGroup":
            arn = self.existing.target_groups.get(args.name, arn)
        made = {
            "arn": arn,
            "arnSuffix": f"suffix/{args.name}",
            "name": args.name,
            "latestVersion": 1,
            "dnsName": f"{args.name}.elb.amazonaws.com",
        }
        if args.typ == "aws:ec2/vpc:Vpc" and args.inputs.get("assignGeneratedIpv6CidrBlock"):
            made["ipv6CidrBlock"] = "2001:db8:0:1200::/56"
        if args.typ == "aws:lb/loadBalancer:LoadBalancer":
            made["zoneId"] = "ZBALANCER"
        if args.typ == "aws:acm/certificate:Certificate":
            made["domainValidationOptions"] = [
                {**PROOF, "resourceRecordName": PROOF_OF + args.inputs["domainName"] + "."}
            ]
        if args.typ == "command:local:Command":
            made["stdout"] = json.dumps(BAKED) if "-bake" in args.name else ""
            if args.name.endswith("-promote"):
                targets = self.existing.moved(args.inputs["environment"])
                made["stdout"] = json.dumps({"weights": {}, "targets": targets, "promotedAt": "2026-11-24T12:20:00Z"})
        return f"{args.name}-id", {**made, **args.inputs}


class _Monitor(mocks.MockMonitor):
    def __init__(self, existing: Existing) -> None:
        super().__init__(_Mocks(existing))
        self.registered: list[Registered] = []
        self.outputs: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the engine's name)
        trigger = None
        if request.HasField("replacement_trigger"):
            trigger = request.replacement_trigger.string_value
        self.registered.append(
            Registered(
                type=request.type,
                name=request.name,
                inputs=_plain(rpc.deserialize_properties(request.object)),
                parent=request.parent.split("::")[-1],
                protect=request.protect,
                trigger=trigger,
                ignore=tuple(request.ignoreChanges),
                create_timeout=request.customTimeouts.create,
                depends_on=frozenset(urn.split("::")[-1] for urn in request.dependencies),
            )
        )
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 (the engine's name)
        if "pulumi:pulumi:Stack" in request.urn:
            self.outputs = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


class _AtOnce(ThreadPoolExecutor):
    """What Pulumi has threads wait for, the engine's answers, mocks give at once: no thread is needed."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


def _plain(value: Any) -> Any:
    """A value with the secrets in it marked and opened: `{"secret": ...}`."""
    if rpc.is_rpc_secret(value):
        return {"secret": _plain(rpc.unwrap_rpc_secret(value))}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@dataclass
class Recorded:
    """What a program registered and exported."""

    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def all(self, type: str) -> list[Registered]:
        return [resource for resource in self.resources if resource.type == type]

    def one(self, type: str, name: str = "") -> Registered:
        found = [resource for resource in self.all(type) if name in resource.name]
        assert len(found) == 1, f"{[resource.name for resource in found]} are {type} with {name!r} in their name"
        return found[0]


def record(
    program: Callable[[], Any],
    *,
    project: str = "phoenix",
    stack: str = "dev",
    config: Mapping[str, str] | None = None,
    existing: Existing | None = None,
    told: list[ReleaseEvent] | None = None,
) -> Recorded:
    """Runs a program as the engine would, in an event loop of its own. `existing`: nothing, when not given. `told` gets
    the events that it tells AWS of."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_AtOnce())
    asyncio.set_event_loop(loop)
    existing = existing or Existing()
    monitor = _Monitor(existing)
    mocks.set_mocks(_Mocks(existing), project=project, stack=stack, preview=False, monitor=monitor, organization="acme")
    set_root_resource(None)  # type: ignore[arg-type]  # run_in_stack makes its own
    SETTINGS.outputs.clear()  # those of a program that failed belong to a loop that is closed
    set_all_config(dict(config or {}), [f"{project}:previewToken"])
    heard = [] if told is None else told

    try:
        # For the engine's messages, at the price of an eighth of a program's time.
        with (
            patch.object(resource, "_get_stack_trace", return_value=source_pb2.StackTrace()),
            patch.object(notices, "send", lambda _connected, _settings, event: heard.append(event)),
        ):
            loop.run_until_complete(run_in_stack(program))
    finally:
        loop.close()
    return Recorded(monitor.registered, monitor.outputs)


def record_main(folder: Path, **options: Any) -> Recorded:
    """Runs the project's `__main__.py` afresh."""
    return record(lambda: runpy.run_path(str(folder / "__main__.py"), run_name="__main__"), **options)
