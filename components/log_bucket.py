"""Where AWS writes down who came: the load balancer's access logs and the network's flow logs, in a bucket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from plan.readers.live_state import Account

# Below it the load balancer writes; flow logs lie beside it. Both put AWSLogs/ACCOUNT/ before what they write.
ACCESS = "access"


class LogBucket(pulumi.ComponentResource):
    """A bucket that is closed to the public, encrypted, and forgets what is older than `days`.

    Encrypted by S3's own keys: a load balancer writes to no bucket with others (ELB user guide, "Enable access logs for
    your Application Load Balancer"). `protect` keeps it, with all that is in it; without, what is in it goes with it.

    Outputs: `name`, `arn`; `ready`, without which nobody may write.
    """

    def __init__(
        self,
        name: str,
        *,
        account: Account,
        days: int,
        protect: bool,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("phoenix:index:LogBucket", name, {"days": days}, opts)
        mine = pulumi.ResourceOptions(parent=self)
        bucket = aws.s3.Bucket(
            f"{name}-logs",
            force_destroy=not protect,
            tags={**tags, "Name": f"{name}-logs"},
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )
        closed = aws.s3.BucketPublicAccessBlock(
            f"{name}-logs",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=mine,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-logs",
            bucket=bucket.id,
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
            opts=mine,
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-logs",
            bucket=bucket.id,
            rules=[{"id": "expire", "status": "Enabled", "filter": {"prefix": ""}, "expiration": {"days": days}}],
            opts=mine,
        )
        policy = aws.s3.BucketPolicy(
            f"{name}-logs",
            bucket=bucket.id,
            policy=bucket.arn.apply(lambda arn: json.dumps(bucket_policy(arn, account))),
            # AWS refuses two changes of a bucket's policy and its block at once.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[closed]),
        )
        self.name: pulumi.Output[str] = bucket.id
        self.arn: pulumi.Output[str] = bucket.arn
        self.ready: list[pulumi.Resource] = [policy]
        self.register_outputs({"name": self.name, "arn": self.arn})


def bucket_policy(arn: str, account: Account) -> dict[str, Any]:
    """Who may write, for this account alone, and that nobody comes without TLS.

    Sources: ELB user guide, "Enable access logs for your Application Load Balancer" (the principal, for all regions;
    accounts of ELB's own are what it calls the legacy policy); Amazon VPC user guide, "Amazon S3 bucket permissions
    for flow logs".
    """
    mine = {"StringEquals": {"aws:SourceAccount": account.id}}
    flows = {"Service": "delivery.logs.amazonaws.com"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccessLogs",
                "Effect": "Allow",
                "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": f"{arn}/{ACCESS}/AWSLogs/{account.id}/*",
            },
            {
                "Sid": "FlowLogs",
                "Effect": "Allow",
                "Principal": flows,
                "Action": "s3:PutObject",
                "Resource": f"{arn}/AWSLogs/{account.id}/*",
                "Condition": {
                    "StringEquals": {**mine["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"},
                },
            },
            {
                "Sid": "LookBeforeFlowLogs",
                "Effect": "Allow",
                "Principal": flows,
                "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
                "Resource": arn,
                "Condition": mine,
            },
            {
                "Sid": "NobodyWithoutTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }
