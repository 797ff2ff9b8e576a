"""Why launches fail: what AWS says of each, whether it can heal by itself, and what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """Whether a failed launch can heal by itself."""

    PERMANENT = "hopeless"
    TRANSIENT = "passing"


@dataclass(frozen=True, kw_only=True)
class Cause:
    trouble: Severity
    do: str


# What StatusMessage of a scaling activity says (EC2 Auto Scaling user guide, "Troubleshoot issues"); the first that
# fits counts.
CAUSES: tuple[tuple[str, Severity, str], ...] = (
    (
        r"sufficient .*capacity|Insufficient(Instance|Volume)Capacity|no Spot capacity|UnfulfillableCapacity",
        Severity.TRANSIENT,
        "AWS has no such machine free: name more types that would do (pulumi config set instanceType 'FIRST, SECOND'), "
        "or more Availability Zones, or try later",
    ),
    (
        r"vCPU|InstanceLimitExceeded|instance limit|quota|Max spot instance count|already running|VolumeLimitExceeded"
        r"|maximum .*(storage|IOPS) limit|MaxIOPSLimitExceeded",
        Severity.TRANSIENT,
        "ask for a higher limit in Service Quotas (Amazon EC2), or end what is not needed; "
        "two groups live at once during a flip",
    ),
    (
        r"enough free addresses|InsufficientFreeAddresses",
        Severity.TRANSIENT,
        "the subnets are full: end what is not needed there, or name larger ones as serverSubnetIds",
    ),
    (
        r"[Rr]equest limit exceeded|RequestLimitExceeded|Server\.InternalError|^Internal error",
        Severity.TRANSIENT,
        "AWS itself had trouble, and its group tries again: pulumi up later",
    ),
    (
        r"is pending, and cannot be run",
        Severity.TRANSIENT,
        "the image is being made: pulumi up when it is available (aws ec2 describe-images)",
    ),
    (
        r"PendingVerification|is being validated",
        Severity.TRANSIENT,
        "AWS looks at an account's first machines of a region, which takes hours: pulumi up later",
    ),
    (
        r"account is .*blocked|accept terms and subscribe|OptInRequired",
        Severity.PERMANENT,
        "AWS asks the account's owner for something: do what it says above",
    ),
    (
        r"smaller than +snapshot",
        Severity.PERMANENT,
        "no disk can be smaller than the image it is made from: pulumi config set rootVolumeGiB N, at least the size "
        "that AWS expects",
    ),
    (
        r"iamInstanceProfile|IAM Instance Profile",
        Severity.TRANSIENT,
        "check the role of the servers: IAM shows a new one to EC2 within seconds, so this one is wrong",
    ),
    (
        # The last of them may be true of one zone alone.
        r"requested Availability Zone|Availability Zone is no longer supported"
        r"|requested configuration is currently not supported",
        Severity.TRANSIENT,
        "pulumi config set instanceType OTHER, or subnets in other Availability Zones",
    ),
    (
        r"architecture",
        Severity.PERMANENT,
        "the image and the instance type are of different architectures: pulumi config set instanceType OTHER",
    ),
    (
        r"key pair|InvalidKeyPair",
        Severity.PERMANENT,
        "the launch template names a key pair that is not there; servers of Phoenix need none",
    ),
    (
        r"Client\.InternalError|Client error on launch|KMS",
        Severity.PERMANENT,
        "let the role AWSServiceRoleForAutoScaling use the key that the image's snapshots are encrypted with",
    ),
    (
        r"\bAMI\b|image id|ami-[0-9a-f]+|InvalidAMIID|InvalidSnapshot",
        Severity.PERMANENT,
        "the image is gone or not ours to use: run `pulumi up` again after the image is baked anew, "
        "or pulumi config set image FINGERPRINT of one that exists",
    ),
    (
        r"not authorized|UnauthorizedOperation|AccessDenied|Access denied",
        Severity.PERMANENT,
        "give the group's role AWSServiceRoleForAutoScaling, or whoever deploys, what AWS names above",
    ),
    (
        r"does not exist|not supported|does not match|[Ii]nvalid|[Ll]aunch template|for parameter|may not be used"
        r"|User data is limited|is too (low|high)",
        Severity.PERMANENT,
        "the launch template asks for what AWS can't give: change the setting that AWS names above",
    ),
)
SHOWN = 4
UNKNOWN = Cause(trouble=Severity.TRANSIENT, do="see the group's Activity tab in the EC2 console")


def causes(failures: Sequence[str]) -> str:
    """What launches failed of, the newest first, each once: of several types and zones each has its own."""
    different = list(dict.fromkeys(failures))
    more = f"\nand {len(different) - SHOWN} more" if len(different) > SHOWN else ""
    return "\n".join(different[:SHOWN]) + more


def classify(message: str) -> Cause:
    """What a failed launch means."""
    for pattern, trouble, do in CAUSES:
        if re.search(pattern, message):
            return Cause(trouble=trouble, do=do)
    return UNKNOWN
