"""Buckets for logs, and flow logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.engine.standin.aws import Aws, AwsType, pairs
from rehearsal.engine.standin.provider import Call
from rehearsal.engine.standin.provider_network import Ec2Type
from rehearsal.engine.standin.values import Properties


class Bucket(AwsType):
    """`aws:s3/bucket:Bucket`."""

    token = "aws:s3/bucket:Bucket"
    replaced_by = frozenset({"bucket"})
    name_input, name_length = "bucket", 63
    gone = ("NoSuchBucket", "404")

    def make(self, call: Call, inputs: Properties) -> str:
        name = str(inputs["bucket"])
        where: Any = {"CreateBucketConfiguration": {"LocationConstraint": self.aws.region}}
        self.aws.s3.create_bucket(Bucket=name, **({} if self.aws.region == "us-east-1" else where))
        call.made.append(name)
        self._tag(name, inputs)
        return name

    def look(self, ident: str, inputs: Properties) -> Properties:
        self.aws.s3.head_bucket(Bucket=ident)
        return {"arn": f"arn:aws:s3:::{ident}", "bucket": ident}

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        if "tags" in changed:
            self._tag(ident, inputs)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        if outputs.get("forceDestroy"):
            for page in self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=ident):
                for one in page.get("Contents", []):
                    self.aws.s3.delete_object(Bucket=ident, Key=one["Key"])
        self.aws.s3.delete_bucket(Bucket=ident)

    def _tag(self, name: str, inputs: Mapping[str, Any]) -> None:
        if inputs.get("tags"):
            self.aws.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": pairs(inputs["tags"])})


class BucketPart(AwsType):
    """What is set of a bucket: its id is the bucket's, and it has outputs of its inputs alone."""

    replaced_by = frozenset({"bucket"})
    gone = (
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
    )

    def put(self, inputs: Properties) -> None:
        """Set it."""
        raise NotImplementedError

    def make(self, call: Call, inputs: Properties) -> str:
        self.put(inputs)
        return str(inputs["bucket"])

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.put(inputs)


class PublicAccessBlock(BucketPart):
    """`aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock`."""

    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"

    def put(self, inputs: Properties) -> None:
        self.aws.s3.put_public_access_block(
            Bucket=inputs["bucket"],
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": inputs.get("blockPublicAcls", False),
                "BlockPublicPolicy": inputs.get("blockPublicPolicy", False),
                "IgnorePublicAcls": inputs.get("ignorePublicAcls", False),
                "RestrictPublicBuckets": inputs.get("restrictPublicBuckets", False),
            },
        )

    def look(self, ident: str, inputs: Properties) -> Properties:
        self.aws.s3.get_public_access_block(Bucket=ident)
        return {"bucket": ident}

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.s3.delete_public_access_block(Bucket=ident)


class Encryption(BucketPart):
    """`aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration`."""

    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"

    def put(self, inputs: Properties) -> None:
        rules: Any = [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": said["sseAlgorithm"]}}
            for rule in inputs["rules"]
            for said in [rule["applyServerSideEncryptionByDefault"]]
        ]
        self.aws.s3.put_bucket_encryption(Bucket=inputs["bucket"], ServerSideEncryptionConfiguration={"Rules": rules})

    def look(self, ident: str, inputs: Properties) -> Properties:
        self.aws.s3.get_bucket_encryption(Bucket=ident)
        return {"bucket": ident}

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.s3.delete_bucket_encryption(Bucket=ident)


class Lifecycle(BucketPart):
    """`aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration`, rules that expire what a prefix has."""

    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"

    def put(self, inputs: Properties) -> None:
        rules: Any = [
            {
                "ID": rule["id"],
                "Status": rule["status"],
                "Filter": {"Prefix": rule["filter"]["prefix"]},
                "Expiration": {"Days": int(rule["expiration"]["days"])},
            }
            for rule in inputs["rules"]
        ]
        self.aws.s3.put_bucket_lifecycle_configuration(Bucket=inputs["bucket"], LifecycleConfiguration={"Rules": rules})

    def look(self, ident: str, inputs: Properties) -> Properties:
        self.aws.s3.get_bucket_lifecycle_configuration(Bucket=ident)
        return {"bucket": ident}

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.s3.delete_bucket_lifecycle(Bucket=ident)


class Policy(BucketPart):
    """`aws:s3/bucketPolicy:BucketPolicy`."""

    token = "aws:s3/bucketPolicy:BucketPolicy"

    def put(self, inputs: Properties) -> None:
        self.aws.s3.put_bucket_policy(Bucket=inputs["bucket"], Policy=inputs["policy"])

    def look(self, ident: str, inputs: Properties) -> Properties:
        self.aws.s3.get_bucket_policy(Bucket=ident)
        return {"bucket": ident}

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.s3.delete_bucket_policy(Bucket=ident)


class FlowLog(Ec2Type):
    """`aws:ec2/flowLog:FlowLog`, of a VPC to a bucket."""

    token, kind = "aws:ec2/flowLog:FlowLog", "vpc-flow-log"
    replaced_by = frozenset({"vpcId", "trafficType", "logDestination", "logDestinationType", "maxAggregationInterval"})

    def make(self, call: Call, inputs: Properties) -> str:
        answer = self.aws.ec2.create_flow_logs(
            ResourceIds=[inputs["vpcId"]],
            ResourceType="VPC",
            TrafficType=inputs["trafficType"],
            LogDestinationType=inputs["logDestinationType"],
            LogDestination=inputs["logDestination"],
            MaxAggregationInterval=int(inputs["maxAggregationInterval"]),
            TagSpecifications=self.tags(inputs),
        )
        return answer["FlowLogIds"][0]

    def look(self, ident: str, inputs: Properties) -> Properties | None:
        found = self.aws.ec2.describe_flow_logs(FlowLogIds=[ident])["FlowLogs"]
        return {} if found else None

    def change(self, call: Call, ident: str, inputs: Properties, changed: frozenset[str]) -> None:
        self.retag(ident, inputs, changed)

    def remove(self, call: Call, ident: str, outputs: Properties) -> None:
        self.aws.ec2.delete_flow_logs(FlowLogIds=[ident])


def types(aws: Aws) -> list[AwsType]:
    """The types of this file."""
    return [
        Bucket(aws),
        PublicAccessBlock(aws),
        Encryption(aws),
        Lifecycle(aws),
        Policy(aws),
        FlowLog(aws),
    ]
