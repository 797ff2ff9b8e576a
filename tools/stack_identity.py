"""Where a stack is in AWS, by what Pulumi says of its configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml  # type: ignore[import-untyped]  # it comes with pulumi
from botocore.exceptions import BotoCoreError, ClientError

from core import session
from plan.config.provider import provider_identity
from plan.config.settings import default_values
from tools.history import HistoryError, pulumi


@dataclass(frozen=True, kw_only=True)
class StackIdentity:
    """`identity` is SERVICE/STACK. `variables`: those by which other programs become the same caller.

    `taken_over`: the target group (ARN) of others that production is taken over from; empty when there is none.
    """

    service: str
    identity: str
    region: str
    account: str
    session: boto3.Session
    listener: str
    taken_over: str
    variables: Mapping[str, str]


def project_name() -> str:
    """The project's, as Pulumi.yaml here has it: the namespace of its keys."""
    file = Path(__file__).resolve().parents[1] / "Pulumi.yaml"
    return str(yaml.safe_load(file.read_text(encoding="utf-8"))["name"])


def read_identity(stack: str) -> StackIdentity:
    """Raises HistoryError, whose text says what to do, when Pulumi or AWS has no answer."""
    return identify(stack, pulumi("config", "--stack", stack))


def identify(stack: str, config: Mapping[str, Any]) -> StackIdentity:
    """The same, by what Pulumi has said of the configuration."""
    who = provider_identity({key.partition(":")[2]: _value(config, key) for key in config if key.startswith("aws:")})
    region = _value(config, "aws:region") or os.environ.get("AWS_REGION", "")
    connection = session.connect(region=region, **who)
    try:
        account = connection.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise HistoryError(
            f"AWS does not say whose credentials these are: {error}\nDo: aws sts get-caller-identity"
        ) from error
    project = project_name()
    service = _value(config, f"{project}:service") or default_values()["service"]
    name = stack.rpartition("/")[2]  # Pulumi takes ORGANIZATION/STACK too
    variables = {
        "AWS_PROFILE": who["profile"],
        "AWS_SHARED_CREDENTIALS_FILE": who["credentials_file"],
        "AWS_CONFIG_FILE": who["config_file"],
    }
    return StackIdentity(
        service=service,
        identity=f"{service}/{name}",
        region=region,
        account=account,
        session=connection,
        listener=_value(config, f"{project}:listenerArn"),
        taken_over=_value(config, f"{project}:takeOverTargetGroup"),
        variables={key: value for key, value in variables.items() if value},
    )


def _value(config: Mapping[str, Any], key: str) -> str:
    return str(config.get(key, {}).get("value", ""))
