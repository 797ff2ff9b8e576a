"""The settings of a drill: what makes servers and gates, as the stack's file has it; nothing that reaches beyond it.

A drill is a service of its own, so it stands beside the stack whose settings it takes and never in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # it comes with pulumi

from plan.config.parsing import parse_without_token
from plan.config.settings import Settings

SERVICE = "drill"
TAKEN = frozenset(
    {
        "albSubnetIds",
        "allowedCidrs",
        "allowedEgress",
        "appPort",
        "baseImage",
        "bootSeconds",
        "canaryCapacity",
        "canaryPauseSeconds",
        "canarySteps",
        "drainSeconds",
        "healthCheckIntervalSeconds",
        "healthCheckPath",
        "idleTimeoutSeconds",
        "imageKmsKey",
        "imageSigningKey",
        "instanceType",
        "internal",
        "ipAddressType",
        "maxErrorPercent",
        "maxResponseMilliseconds",
        "maxSeverity",
        "maxSize",
        "minSize",
        "onDemandBase",
        "packerVariables",
        "permissionsBoundary",
        "policyArns",
        "policyStatements",
        "pricePerHour",
        "requestsPerServer",
        "rootVolumeGiB",
        "serverSubnetIds",
        "settleSeconds",
        "slowStartSeconds",
        "smokePath",
        "soakSeconds",
        "spotPercent",
        "stickyCanary",
        "targetCpuPercent",
        "verifyTimeoutSeconds",
        "volumeKmsKey",
        "vpcCidr",
        "vpcId",
    }
)
LEFT_OUT = frozenset(
    {
        # The scenario's own: it moves the flag, and bakes.
        "active",
        "traffic",
        "image",
        "imageKeep",
        "keepPrevious",
        "guardHours",
        "acknowledge",
        "allowOlder",
        "freeze",
        "override",
        "maxAgeDays",
        "service",
        "imageDir",
        "previewToken",
        # What others own, watch or are named by: a drill has a load balancer of its own, by its own name, over HTTP.
        "listenerArn",
        "takeOverTargetGroup",
        "listenerPort",
        "rulePriority",
        "certificateArn",
        "hostname",
        "hostedZoneId",
        "tlsPolicy",
        "hstsSeconds",
        "webAclArn",
        "notifyTopicArn",
        # A drill is over before its time comes.
        "schedule",
        # Nobody is there to say yes.
        "approveAt",
        "approvalTimeoutMinutes",
        "logDays",
        "alarms",
        "imageFrom",
        "imageSharedWith",
        "dashboard",
        "protect",
        "smokeCommand",
        "smokeEnvironment",
        "liveTarget",
        "liveStopSeconds",
        "stopCommand",
        "stopTimeoutSeconds",
        "hooks",
        "environment",
    }
)
OWN: Mapping[str, Any] = {"service": SERVICE, "active": "blue"}


def of_stack(project: Path, stack: str, *, region: str = "") -> dict[str, Any]:
    """Configuration for a drill with the settings of a stack's file, where there is one. `region` goes before its own.

    Keys of the AWS provider keep their `aws:`. What is encrypted there stays there.
    """
    file = project / f"Pulumi.{stack}.yaml"
    said = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.exists() else {}
    name = yaml.safe_load((project / "Pulumi.yaml").read_text(encoding="utf-8"))["name"]
    found: dict[str, Any] = {}
    for full, value in (said.get("config") or {}).items():
        namespace, _, key = full.rpartition(":")
        if isinstance(value, dict) and "secure" in value:
            continue
        if namespace == "aws":
            found[full] = value
        elif namespace in (name, "") and key in TAKEN:
            found[key] = value
    return {**found, **OWN, **({"aws:region": region} if region else {})}


def parsed(config: Mapping[str, Any], stack: str) -> Settings:
    """As the program reads them. Raises SettingsError with every problem at once."""
    texts = {key: _text(value) for key, value in config.items()}
    aws = {key.removeprefix("aws:"): value for key, value in texts.items() if key.startswith("aws:")}
    values = {key: value for key, value in texts.items() if not key.startswith("aws:")}
    # Each drill has a token of its own.
    return parse_without_token(values, stack=stack, aws=aws)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
