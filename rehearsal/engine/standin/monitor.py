"""Speaks with the program: the SDK's own testing seam, with an engine behind it instead of made-up answers.

Source: pulumi/pulumi, sdk/python/lib/pulumi/runtime/{mocks,resource}.py. Requests come from threads of the SDK's
executor, so independent resources are made at the same time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import engine_pb2, resource_pb2

from rehearsal.engine.standin.deployment import Deployment, StoppedError
from rehearsal.engine.standin.display import Display
from rehearsal.engine.standin.plan import Goal
from rehearsal.engine.standin.provider import ProviderError
from rehearsal.engine.standin.state import STACK
from rehearsal.engine.standin.values import Unknown, bare, contains, from_wire, to_wire

Invoke = Callable[[Mapping[str, Any]], Mapping[str, Any]]
# What the stand-in would do wrong by leaving it out, and the SDK does not ask about.
FOREIGN = ("importId", "remote")
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class Silent(Mocks):
    """The seam asks for mocks; none is ever used."""

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], None]:
        raise NotImplementedError(args.token)

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        raise NotImplementedError(args.typ)


class Monitor(MockMonitor):
    """The resource monitor of one run."""

    def __init__(self, deployment: Deployment, invokes: Mapping[str, Invoke]) -> None:
        super().__init__(Silent())
        self._deployment, self._invokes = deployment, invokes

    @property
    def stopped(self) -> bool:
        """Whether the program was ended because something else failed, or by the user."""
        return self._deployment.stopped

    def GetDeploymentInfo(self, request: Any) -> resource_pb2.DeploymentInfo:  # noqa: N802
        """What the program may use; for anything else the SDK itself refuses it (hooks, transforms, `deleted_with`).

        Without resource references a resource travels as its id.
        """
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[
                resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
            ]
        )

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        """Carry one declaration out, and answer when it is done."""
        urn = self.urn(request.parent, request.type, request.name)
        try:
            done = self._deployment.register(goal(request, urn))
        except ProviderError as error:
            self._deployment.refuse(urn, str(error))
            raise stopped() from None
        except StoppedError:
            raise stopped() from None
        return resource_pb2.RegisterResourceResponse(urn=done.urn, id=done.id, object=to_wire(done.outputs))

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        """Note what a component, or the stack, gives to others."""
        try:
            self._deployment.outputs(request.urn, from_wire(request.outputs))
        except StoppedError:
            raise stopped() from None
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        """Call a provider's function."""
        function = self._invokes.get(request.tok)
        if function is None:
            raise ProviderError(f"the stand-in does not know the function {request.tok}; Pulumi itself does")
        arguments = from_wire(request.args)
        if contains(arguments, Unknown):
            raise ProviderError(f"{request.tok} was called with something that is not known yet")
        answer = to_wire(function(bare(arguments)))
        return resource_pb2.ResourceInvokeResponse(**{"return": answer})

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        """Refused: no program here reads a foreign resource."""
        raise ProviderError(f"the stand-in cannot read a resource that exists already ({request.type} {request.name})")

    @staticmethod
    def urn(parent: str, kind: str, name: str) -> str:
        """The URN of a resource. Source: sdk/go/common/resource/urn: the stack's own type is left out of the chain."""
        chain = parent.split("::")[2] if parent else ""
        qualified = kind if chain in ("", STACK) else f"{chain}${kind}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{qualified}::{name}"


class Engine:
    """The engine as the program's log sees it."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def Log(self, request: engine_pb2.LogRequest) -> None:  # noqa: N802
        """Show a message of the program."""
        names = {engine_pb2.INFO: "info", engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error"}
        if name := names.get(request.severity):
            self._display.message(name, request.message, request.urn, passing=request.ephemeral)


def goal(request: Any, urn: str) -> Goal:
    """What the program asks for. Raises `ProviderError` for options that the stand-in does not know."""
    if foreign := [name for name in FOREIGN if getattr(request, name)]:
        raise ProviderError(f"the stand-in does not know {', '.join(foreign)}; Pulumi itself does")
    trigger = from_wire(request.replacement_trigger) if request.HasField("replacement_trigger") else None
    return Goal(
        urn=urn,
        type=request.type,
        custom=request.custom,
        inputs=from_wire(request.object),
        parent=request.parent,
        dependencies=tuple(sorted(request.dependencies)),
        property_dependencies={key: sorted(item.urns) for key, item in request.propertyDependencies.items()},
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        secret_outputs=tuple(request.additionalSecretOutputs),
        replacement_trigger=bare(trigger),
        delete_seconds=seconds(request.customTimeouts.delete),
        aliases=tuple(_alias(alias, request) for alias in request.aliases),
    )


def _alias(alias: Any, request: Any) -> str:
    """The URN that an alias stands for; what it does not say is as the resource has it now."""
    if alias.HasField("urn"):
        return str(alias.urn)
    spec = alias.spec
    parent = "" if spec.noParent else spec.parentUrn or request.parent
    return Monitor.urn(parent, spec.type or request.type, spec.name or request.name)


def seconds(text: str) -> float:
    """Seconds of a Go duration such as `15m30s`; 0 for none."""
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ms|h|m|s)", text))


def stopped() -> pulumi.RunError:
    """What the SDK makes of a monitor that has shut down: the program ends, without a stack trace."""
    return pulumi.RunError("Resource monitor has terminated, shutting down")
