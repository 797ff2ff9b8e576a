"""AWS as a step sees it: one session, one account, one region, and errors in words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, SSOError

from core import session
from core.errors import StepError
from core.names import ARN

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import PaginatorConfigTypeDef
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client
    from types_boto3_iam import IAMClient
    from types_boto3_kms import KMSClient
    from types_boto3_ssm import SSMClient
    from types_boto3_sts import STSClient


def client_config(environment: Mapping[str, str]) -> Config:
    """Throttling and passing faults are retried with growing pauses; a dead endpoint is noticed within seconds.

    AWS_RETRY_MODE and AWS_MAX_ATTEMPTS are the user's word on retries, as with every AWS tool.
    """
    retries: dict[str, str | int] = {"mode": "standard", "total_max_attempts": 10}
    if environment.get("AWS_RETRY_MODE"):
        del retries["mode"]
    if environment.get("AWS_MAX_ATTEMPTS"):
        del retries["total_max_attempts"]
    return Config(retries=retries, connect_timeout=5, read_timeout=20, user_agent_extra="phoenix")  # type: ignore[arg-type]


CONFIG = client_config(os.environ)

# For what only informs: nobody waits for a service that fails.
BEST_EFFORT = CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 2}))

# The most that EC2 gives at once; not asked, it chooses the size of its pages (API reference, DescribeInstances).
LARGEST_PAGES: PaginatorConfigTypeDef = {"PageSize": 1000}

RENEW = "renew the credentials (for example `aws sso login`), then run `pulumi up` again"
# Codes that AWS's services use for the same thing; IAM Identity Center has the last one for a session that ended.
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnauthorizedException"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


class Aws:
    """The clients of one session, made when first used."""

    def __init__(self, session: boto3.Session) -> None:
        self.session = session

    @cached_property
    def autoscaling(self) -> AutoScalingClient:
        return self.session.client("autoscaling", config=CONFIG)

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        return self.session.client("cloudwatch", config=CONFIG)

    @cached_property
    def dynamodb(self) -> Any:
        return untyped_client(self.session, "dynamodb", CONFIG)

    @cached_property
    def ec2(self) -> EC2Client:
        return self.session.client("ec2", config=CONFIG)

    @cached_property
    def elbv2(self) -> ElasticLoadBalancingv2Client:
        return self.session.client("elbv2", config=CONFIG)

    @cached_property
    def events(self) -> Any:
        return untyped_client(self.session, "events", CONFIG)

    @cached_property
    def iam(self) -> IAMClient:
        return self.session.client("iam", config=CONFIG)

    @cached_property
    def inspector(self) -> Any:
        return untyped_client(self.session, "inspector2", CONFIG)

    @cached_property
    def kms(self) -> KMSClient:
        return self.session.client("kms", config=CONFIG)

    @cached_property
    def scheduler(self) -> Any:
        return untyped_client(self.session, "scheduler", CONFIG)

    @cached_property
    def ssm(self) -> SSMClient:
        return self.session.client("ssm", config=CONFIG)

    @cached_property
    def best_effort_ssm(self) -> SSMClient:
        return self.session.client("ssm", config=BEST_EFFORT)

    @cached_property
    def sts(self) -> STSClient:
        return self.session.client("sts", config=CONFIG)


def untyped_client(connected: boto3.Session, service: str, config: Config) -> Any:
    """A client of a service whose types are not installed."""
    create: Any = connected.client
    return create(service, config=config)


def connect(*, account: str, region: str, arns: Iterable[str]) -> Aws:
    """A session in `region`, once credentials and ARNs are seen to be of `account`. Raises StepError."""
    foreign = foreign_arns(account=account, region=region, arns=arns)
    if foreign:
        raise StepError(
            "PHX-004",
            f"the step works in account {account}, region {region}, and was given things from elsewhere",
            why="\n".join(foreign),
            do="check aws:profile and aws:region of the stack; nothing was changed",
        )
    aws = Aws(session.connect(region=region))
    actual = aws.sts.get_caller_identity()["Account"]
    if actual != account:
        raise StepError(
            "PHX-003",
            f"these credentials belong to account {actual}, but the stack lives in account {account}",
            do="use the stack's own profile (pulumi config set aws:profile NAME); nothing was changed",
        )
    return aws


def foreign_arns(*, account: str, region: str, arns: Iterable[str]) -> list[str]:
    """The ARNs that name another account or region, each with which."""
    found = []
    for arn in arns:
        match = ARN.fullmatch(arn)
        if match and match.groups() != (region, account):
            found.append(f"{arn} is of account {match[2] or 'none'}, region {match[1] or 'none'}")
    return found


def error_code(error: ClientError) -> str:
    """AWS's error code, like AccessDenied."""
    return str(error.response.get("Error", {}).get("Code", ""))


def error_reason(error: ClientError | BotoCoreError) -> str:
    """AWS's own words, with the call they answered."""
    if isinstance(error, ClientError):
        words = error.response.get("Error", {}).get("Message", "") or str(error)
        return f"{error.operation_name}: {error_code(error)}: {words}"
    return str(error)


def explain_error(error: ClientError | BotoCoreError) -> StepError:
    """An error of AWS that no step expected, with what to do about the usual ones."""
    if isinstance(error, session.CredentialsEndedError):
        return StepError("PHX-001", "the credentials ended before the step did", why=error_reason(error), do=RENEW)
    do = "run `pulumi up` again when AWS answers; it goes on from what is there"
    if isinstance(error, ClientError) and error_code(error) in DENIED:
        denied = re.search(r"perform: (\S+)", str(error))
        action = denied[1] if denied else error.operation_name
        do = f"allow {action} to whoever deploys, then run `pulumi up` again"
    if lacks_credentials(error):
        do = RENEW
    return StepError("PHX-002", "AWS did not do what it was asked", why=error_reason(error), do=do)


def lacks_credentials(error: ClientError | BotoCoreError) -> bool:
    """Whether only new credentials help: AWS refuses those that have expired, or there are none."""
    if isinstance(error, ClientError):
        return error_code(error) in EXPIRED
    words = str(error).lower()
    return isinstance(error, SSOError) or "credentials" in words or "token" in words
