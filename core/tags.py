"""Tags of load balancers, listeners, rules and target groups, as AWS describes them: many at once, and one may be gone.

DescribeTags answers for none of the resources that it is asked about when one of them does not exist (Elastic Load
Balancing API reference, DescribeTags, "Errors"). An account has those of other teams too, deleted at any time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from core.aws import error_code

if TYPE_CHECKING:
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client

# DescribeTags takes at most this many resources (Elastic Load Balancing API reference).
AT_ONCE = 20
GONE = frozenset({"LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound", "TargetGroupNotFound"})
# What EventBridge, its Scheduler and Systems Manager say.
UNKNOWN = frozenset({"ResourceNotFoundException"})


def read_tags(balancers: ElasticLoadBalancingv2Client, arns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Tags by ARN, without those of what is gone."""
    wanted = list(arns)
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(wanted), AT_ONCE):
        found.update(_described(balancers, wanted[start : start + AT_ONCE]))
    return found


def _described(balancers: ElasticLoadBalancingv2Client, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """The error does not say which one is gone: it is alone in a half of a half at last."""
    try:
        answer = balancers.describe_tags(ResourceArns=arns)["TagDescriptions"]
    except ClientError as error:
        if not is_gone(error):
            raise
        half = len(arns) // 2
        return {**_described(balancers, arns[:half]), **_described(balancers, arns[half:])} if half else {}
    return {one["ResourceArn"]: tags_to_dict(one.get("Tags", [])) for one in answer}


def is_gone(error: ClientError) -> bool:
    """Whether AWS says that what it was asked about does not exist."""
    return error_code(error) in GONE


@contextmanager
def ignore_not_found(codes: Collection[str] = GONE) -> Iterator[None]:
    """Inside it the end of what somebody deletes meanwhile is no error: the block ends there. `codes`: AWS says so."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in codes:
            raise


def tags_to_dict(tags: Iterable[Any]) -> dict[str, str]:
    """Tags by key, of AWS's lists of pairs."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags}
