"""Which AWS a region belongs to: each partition has accounts, ARNs and names of its own."""

from __future__ import annotations

import re

# A region's name; which there are is AWS's to say, and there are new ones every year.
REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
# How the names of regions begin, where it is not the usual partition (botocore, data/partitions.json).
PREFIXES = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}


def of(region: str) -> str:
    """As ARNs begin there, behind `arn:`."""
    return next((partition for prefix, partition in PREFIXES.items() if region.startswith(prefix)), "aws")
