"""What AWS says beforehand about servers to be launched: their type, the quota, subnets; and how the live ones do.

What can't be asked (a permission that is missing, a service that does not answer) is unknown, and no error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from core import base_images
from core.aws import LARGEST_PAGES, error_code
from core.credentials import credential_lifetime
from core.errors import StepError
from core.images import root_gib
from core.server_groups import MEMBER
from core.tags import ignore_not_found
from plan.config.settings import Settings
from plan.detection import LiveTraffic
from plan.readers import group_automation
from plan.readers.certificates import Certificate, read_certificates
from plan.readers.hosted_zone import HostedZone, read_hosted_zone
from plan.readers.live_state import LiveGroup, LiveState, account_id
from plan.readers.live_traffic import read_live_traffic
from plan.readers.load_balancers import idle_seconds, read_tls_versions, target_health
from plan.readers.managed_policies import missing_policies
from plan.readers.reads import QUICK, Reads
from plan.readers.volume_key import volume_key_problem
from plan.readers.web_acl import read_web_acl

if TYPE_CHECKING:
    import boto3
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDataQueryTypeDef
    from types_boto3_ec2 import EC2Client
    from types_boto3_service_quotas import ServiceQuotasClient
    from types_boto3_ssm import SSMClient

# States of a network that a subnet does not have (Amazon EC2 API reference, SubnetCidrBlockState).
LEAVING = ("disassociating", "disassociated", "failing", "failed")
# Quotas of running on-demand instances, in vCPUs of a region, by the family of the instance type (Amazon EC2 user
# guide, "On-Demand Instance quotas"; codes: service "ec2" in Service Quotas). The first pattern that fits counts.
QUOTAS = (
    (r"mac", ""),  # dedicated hosts, not vCPUs
    (r"u-|u\d", "L-43DA4232"),  # high memory
    (r"hpc", "L-F7808C92"),
    (r"inf", "L-1945791B"),
    (r"trn", "L-2C3B7624"),
    (r"dl", "L-6E869C2A"),
    (r"g|vt", "L-DB2E81BA"),
    (r"f\d", "L-74FC7D96"),
    (r"p\d", "L-417A185B"),
    (r"x", "L-7295265B"),
    (r"[acdhimrtz]", "L-1216C47A"),  # the standard families
)


@dataclass(frozen=True)
class InstanceType:
    """An instance type as AWS knows it. `vcpus` is 0 when AWS has none of that name in the region."""

    vcpus: int
    architectures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quota:
    """A quota of vCPUs. `used` is None when CloudWatch has no figure of the last quarter of an hour."""

    code: str
    name: str
    limit: float
    used: float | None


@dataclass(frozen=True)
class Subnet:
    """A subnet. `free`: IPv4 addresses that nobody has; `ipv6`: it has a network of IPv6 too."""

    id: str
    zone: str
    vpc: str
    free: int
    ipv6: bool = False


@dataclass(frozen=True)
class AccountLimits:
    """What could be found out. None is unknown, and `unknown` says why."""

    instance_types: Mapping[str, InstanceType] | None = None
    quota: Quota | None = None
    subnets: tuple[Subnet, ...] | None = None  # those that exist of the ones that were asked for
    launched_at: tuple[datetime, ...] | None = None  # when each live server was launched
    healthy: Mapping[str, int] | None = None  # servers of each live target group (ARN) that the balancer finds healthy
    automation: tuple[str, ...] | None = None  # what acts on the live groups beside the program, a line each
    certificates: tuple[Certificate, ...] | None = None  # that the listener has for the host name
    zone: HostedZone | None = None  # that the host name is to be led by
    tls_versions: tuple[str, ...] | None = None  # that the security policy of the listener allows; none: no such policy
    volume_key: str | None = None  # why servers can't get disks under the key for them; empty when they can
    web_acl: bool | None = None  # whether the web ACL is there
    missing_policies: tuple[str, ...] | None = None  # of policyArns
    idle_seconds: int | None = None  # after which a load balancer that is shared closes an idle connection
    base: int | None = None  # GiB of a base image by its id or a parameter's path, 0 when it is gone
    traffic: LiveTraffic | None = None  # of the groups that have production
    credentials_end: datetime | None = None
    unknown: tuple[str, ...] = ()


Question = Callable[[Reads], Any]
Answers = Mapping[str, "Future[tuple[Any, str]]"]


def ask_ahead(reads: Reads, settings: Settings, *, now: datetime) -> Answers:
    """Begins to ask what needs nothing of what is live."""
    s = settings
    questions: dict[str, Question] = {
        "instance_types": lambda its: read_instance_types(_quick(its, "ec2"), s.instance_types),
        "quota": lambda its: read_quota(
            _quick(its, "service-quotas"), _quick(its, "cloudwatch"), s.instance_types[0], now=now
        ),
        "certificates": lambda its: read_certificates(
            _quick(its, "acm", when=s.certificate_arn or s.listener_arn), its, s
        ),
        "zone": lambda its: read_hosted_zone(_quick(its, "route53", when=s.hosted_zone_id), s),
        "tls_versions": lambda its: read_tls_versions(_quick(its, "elbv2"), s),
        "volume_key": lambda its: volume_key_problem(
            _quick(its, "kms", when=s.volume_kms_key), s.volume_kms_key, account=its.ask(account_id)
        ),
        "missing_policies": lambda its: missing_policies(_quick(its, "iam", when=s.policy_arns), s.policy_arns),
        "web_acl": lambda its: read_web_acl(_quick(its, "wafv2", when=s.web_acl_arn), s.web_acl_arn),
        "base": lambda its: read_base_image(
            _quick(its, "ec2"), _quick(its, "ssm", when=s.base_image.startswith("/")), s.base_image
        ),
    }
    return _asked(reads, questions)


def read_account_limits(
    reads: Reads,
    settings: Settings,
    live: LiveState,
    *,
    now: datetime,
    shared: str = "",
    begun: Answers | None = None,
) -> AccountLimits:
    """Asks AWS everything at once. `begun`: what `ask_ahead` has asked already.

    `shared`: the load balancer (ARN) that others use too, whose idle timeout the settings don't say.
    """
    groups = live.groups
    questions: dict[str, Question] = {
        "subnets": lambda its: read_subnets(_quick(its, "ec2"), subnets_to_read(settings, live)),
        "launched_at": lambda its: read_launch_times(_quick(its, "ec2"), groups),
        "healthy": lambda its: read_healthy_counts(its, groups),
        "automation": lambda its: group_automation.find_automation(its, groups),
        "idle_seconds": lambda its: idle_seconds(_quick(its, "elbv2"), shared),
        "traffic": lambda its: read_live_traffic(_quick(its, "cloudwatch"), live, now=now),
    }
    answers = {**(begun or ask_ahead(reads, settings, now=now)), **_asked(reads, questions)}
    known, unknown = {}, []
    for name, words in NAMES.items():
        known[name], why = answers[name].result()
        if why:
            unknown.append(f"{words}: {why}")
    return AccountLimits(**known, credentials_end=credentials_end(reads.session), unknown=tuple(unknown))


def _quick(reads: Reads, service: str, *, when: object = True) -> Any:
    """A client that gives up soon; None where the settings ask for nothing of its service."""
    return reads.client(service, config=QUICK) if when else None


def _asked(reads: Reads, questions: Mapping[str, Question]) -> Answers:
    return {name: reads.start(partial(_unless_denied, question)) for name, question in questions.items()}


NAMES = {
    "instance_types": "the instance type",
    "quota": "the quota of vCPUs",
    "subnets": "free addresses",
    "launched_at": "the age of the live servers",
    "healthy": "the health of the live servers",
    "automation": "what else acts on the live groups",
    "certificates": "the names of the certificate",
    "zone": "the hosted zone",
    "tls_versions": "the security policy of the listener",
    "volume_key": "the key of servers' disks",
    "web_acl": "the web ACL",
    "missing_policies": "the managed policies of servers",
    "idle_seconds": "the idle timeout of the load balancer",
    "traffic": "the requests of the last hour",
    "base": "the base image",
}


def _unless_denied(question: Question, reads: Reads) -> tuple[Any, str]:
    try:
        return question(reads), ""
    except ClientError as error:
        said = error.response.get("Error", {})
        return None, f"{error.operation_name}: {said.get('Code', '')} {said.get('Message', '')}".strip()[:300]
    except BotoCoreError as error:
        return None, str(error)[:300]


def subnets_to_read(settings: Settings, live: LiveState) -> list[str]:
    """The subnets that matter: those that are adopted, and those in which the live groups exist."""
    return sorted(
        {
            *settings.alb_subnet_ids,
            *settings.server_subnet_ids,
            *(subnet for group in live.groups for subnet in group.subnets),
        }
    )


def quota_code(instance_type: str) -> str:
    """The code of the quota that an instance type counts against; empty when its family is not known here."""
    return next((code for family, code in QUOTAS if re.match(family, instance_type)), "")


def read_instance_types(ec2: EC2Client, types: Sequence[str]) -> dict[str, InstanceType]:
    """The vCPUs and architectures of instance types. By filter, since one that is not there would fail the call."""
    pages = ec2.get_paginator("describe_instance_types").paginate(
        Filters=[{"Name": "instance-type", "Values": list(types)}]
    )
    found = {one["InstanceType"]: one for page in pages for one in page["InstanceTypes"]}
    return {
        name: InstanceType(one["VCpuInfo"]["DefaultVCpus"], tuple(one["ProcessorInfo"]["SupportedArchitectures"]))
        if (one := found.get(name))  # type: ignore[call-overload]
        else InstanceType(0)
        for name in types
    }


def read_quota(
    quotas: ServiceQuotasClient, watch: CloudWatchClient, instance_type: str, *, now: datetime
) -> Quota | None:
    """The quota that an instance type counts against, and how much of it is used, as the quota itself says to measure.

    https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_MetricInfo.html
    """
    code = quota_code(instance_type)
    if not code:
        return None
    found = quotas.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]
    return Quota(code, found.get("QuotaName", code), found["Value"], _used(watch, found.get("UsageMetric"), now))


def _used(watch: CloudWatchClient, metric: Any, now: datetime) -> float | None:
    if not metric:
        return None
    dimensions: list[DimensionTypeDef] = [
        {"Name": name, "Value": value} for name, value in metric["MetricDimensions"].items()
    ]
    query: MetricDataQueryTypeDef = {
        "Id": "used",
        "MetricStat": {
            "Period": 60,
            "Stat": metric.get("MetricStatisticRecommendation", "Maximum"),
            "Metric": {
                "Namespace": metric["MetricNamespace"],
                "MetricName": metric["MetricName"],
                "Dimensions": dimensions,
            },
        },
    }
    found = watch.get_metric_data(
        StartTime=now - timedelta(minutes=15), EndTime=now, ScanBy="TimestampDescending", MetricDataQueries=[query]
    )
    return next((value for result in found["MetricDataResults"] for value in result["Values"]), None)


def read_subnets(ec2: EC2Client, ids: Sequence[str]) -> tuple[Subnet, ...]:
    """Those of the subnets that exist. By filter, since one that is gone would fail the call."""
    if not ids:
        return ()
    pages = ec2.get_paginator("describe_subnets").paginate(Filters=[{"Name": "subnet-id", "Values": list(ids)}])
    return tuple(
        Subnet(
            one["SubnetId"],
            one["AvailabilityZone"],
            one["VpcId"],
            one["AvailableIpAddressCount"],
            any(
                joined["Ipv6CidrBlockState"]["State"] not in LEAVING
                for joined in one.get("Ipv6CidrBlockAssociationSet", [])
            ),
        )
        for page in pages
        for one in page["Subnets"]
    )


def read_launch_times(ec2: EC2Client, groups: Sequence[LiveGroup]) -> tuple[datetime, ...]:
    """When the servers of groups were launched, the oldest first.

    By the tag that AWS gives them: a filter takes 200 ids, and no more (EC2 user guide, "Filter resources").
    """
    servers = {server for group in groups for server in group.instances}
    if not servers:
        return ()
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": f"tag:{MEMBER}", "Values": [group.name for group in groups if group.name]}],
        PaginationConfig=LARGEST_PAGES,
    )
    return tuple(
        sorted(
            one["LaunchTime"]
            for page in pages
            for lot in page["Reservations"]
            for one in lot["Instances"]
            if one["InstanceId"] in servers
        )
    )


def read_healthy_counts(reads: Reads, groups: Sequence[LiveGroup]) -> dict[str, int]:
    """How many servers of each group's target group the load balancer finds healthy; none in one that is gone."""
    arns = [group.target_group for group in groups]
    return dict(zip(arns, reads.each(_healthy, arns), strict=True))


def _healthy(reads: Reads, target_group: str) -> int:
    with ignore_not_found():
        return sum(one["TargetHealth"]["State"] == "healthy" for one in reads.ask(target_health, target_group))
    return 0


def read_base_image(ec2: EC2Client, ssm: SSMClient | None, base_image: str) -> int | None:
    """GiB of an image that is named by its id or a parameter's path, 0 when there is none, or none that is ours to use.

    None for other names: the vendors' images have 8, which no disk here is smaller than. None too when AWS does not say
    its size.
    """
    if not base_image.startswith("ami-") and ssm is None:
        return None
    try:
        id = base_images.published(ssm, base_image) if ssm else base_image
        found = ec2.describe_images(ImageIds=[id])["Images"]
    except StepError:
        return 0
    except ClientError as error:
        if error_code(error).startswith("InvalidAMIID"):
            return 0
        raise
    return (root_gib(found[0]) or None) if found else 0


def credentials_end(session: boto3.Session) -> datetime | None:
    """When the credentials end for good, if that is known."""
    return credential_lifetime(session.get_credentials()).ends
