"""The network: its own or a given one, and who came, written down."""

from __future__ import annotations

import json
from typing import Any

from tests.support.main_program import first_update, program
from tests.support.recorder import Existing
from tests.unit.program.existing_group import network, stands

LOGS = {
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:ec2/flowLog:FlowLog",
}


def test_in_production_it_is_written_down_who_came_in_a_closed_bucket_that_forgets() -> None:
    done = program(protect=True, allowedCidrs=["10.0.0.0/8"])
    assert {one.type for one in done.resources} >= LOGS
    bucket = done.one("aws:s3/bucket:Bucket")
    assert (bucket.protect, bucket.inputs["forceDestroy"]) == (True, False)
    assert "bucket" not in bucket.inputs, "its name is autonamed"
    closed = done.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs
    assert [closed[key] for key in closed if key != "bucket"] == [True] * 4
    [rule] = done.one("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration").inputs[
        "rules"
    ]
    # A load balancer writes to no bucket under a key of KMS.
    assert rule == {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
    [expiry] = done.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    assert (expiry["status"], expiry["expiration"]) == ("Enabled", {"days": 90})
    balancer = done.one("aws:lb/loadBalancer:LoadBalancer")
    assert balancer.inputs["accessLogs"] == {"bucket": "phoenix-dev-logs-id", "prefix": "access", "enabled": True}
    assert "phoenix-dev-logs" in balancer.depends_on, "AWS asks at once whether it may write there"
    flow = done.one("aws:ec2/flowLog:FlowLog").inputs
    assert (flow["trafficType"], flow["logDestinationType"]) == ("ALL", "s3")
    assert flow["logDestination"].endswith(":phoenix-dev-logs")


def test_the_bucket_of_logs_lets_two_services_of_aws_write_for_this_account_and_nobody_come_without_tls() -> None:
    done = program(logDays=7)
    said = json.loads(done.one("aws:s3/bucketPolicy:BucketPolicy").inputs["policy"])["Statement"]
    allowed = {one["Sid"]: one for one in said if one["Effect"] == "Allow"}
    assert {one["Principal"]["Service"] for one in allowed.values()} == {
        "logdelivery.elasticloadbalancing.amazonaws.com",
        "delivery.logs.amazonaws.com",
    }
    arn = "arn:aws:s3/bucket:eu-west-1:123456789012:phoenix-dev-logs"  # the recorder's
    assert allowed["AccessLogs"]["Resource"] == f"{arn}/access/AWSLogs/123456789012/*"
    assert allowed["FlowLogs"]["Resource"] == f"{arn}/AWSLogs/123456789012/*"
    for name in ("FlowLogs", "LookBeforeFlowLogs"):
        assert allowed[name]["Condition"]["StringEquals"]["aws:SourceAccount"] == "123456789012"
    [denied] = [one for one in said if one["Effect"] == "Deny"]
    assert (denied["Principal"], denied["Condition"]) == ("*", {"Bool": {"aws:SecureTransport": "false"}})
    bucket = done.one("aws:s3/bucket:Bucket")
    assert (bucket.protect, bucket.inputs["forceDestroy"]) == (False, True), "so a destroy is not in the logs' way"


def test_no_logs_are_kept_where_nobody_asks_and_flow_logs_of_no_network_of_others() -> None:
    without: list[dict[str, Any]] = [{}, {"protect": True, "allowedCidrs": ["10.0.0.0/8"], "logDays": 0}]
    for config in without:
        done = program(**config)
        assert not {one.type for one in done.resources} & LOGS
        assert "accessLogs" not in done.one("aws:lb/loadBalancer:LoadBalancer").inputs
    vpc, subnets = network("ab")
    done = program(vpcId=vpc, albSubnetIds=subnets, serverSubnetIds=subnets, logDays=7)
    assert {one.type for one in done.resources} & LOGS == LOGS - {"aws:ec2/flowLog:FlowLog"}
    assert done.all("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup") == [], "the network is its owner's"


def test_logs_that_are_kept_no_longer_are_turned_off_before_their_bucket_goes(existing: Existing) -> None:
    balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/phoenix-dev/1"
    stands(
        existing,
        "phoenix-dev",
        "aws:lb/loadBalancer:LoadBalancer",
        arn=balancer,
        tags={"phoenix:stack": "phoenix/dev"},
        accessLogs={"bucket": "phoenix-dev-logs-1a2b3c4", "enabled": True},
    )
    # Without a word of it the provider would leave them on.
    assert program(existing=existing).one("aws:lb/loadBalancer:LoadBalancer").inputs["accessLogs"] == {
        "bucket": "phoenix-dev-logs-1a2b3c4",
        "enabled": False,
    }


def test_the_default_security_group_of_the_stacks_network_has_no_rule() -> None:
    emptied = first_update().one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup").inputs
    assert emptied == {"vpcId": "phoenix-dev-vpc-id"}


def test_a_given_network_is_adopted_and_none_is_made() -> None:
    vpc, (front, other, back) = network("ab", "a")
    done = program(vpcId=vpc, albSubnetIds=[front, other], serverSubnetIds=[back])
    assert not [resource.type for resource in done.resources if resource.type.startswith("aws:ec2/vpc")]
    assert done.all("aws:ec2/natGateway:NatGateway") == []
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["subnets"] == [front, other]
    assert done.one("aws:autoscaling/group:Group").inputs["vpcZoneIdentifiers"] == [back]


def test_a_load_balancer_and_servers_wait_for_their_subnets_way_out() -> None:
    done = first_update()
    assert {"phoenix-dev-public", "phoenix-dev-public-0"} <= done.one("aws:lb/loadBalancer:LoadBalancer").depends_on
    assert {"phoenix-dev-private", "phoenix-dev-private-1"} <= done.one("aws:autoscaling/group:Group").depends_on


def test_a_network_of_our_own_spans_two_zones_and_gives_no_public_addresses() -> None:
    done = program(vpcCidr="10.9.0.0/20")
    subnets = {subnet.name: subnet.inputs for subnet in done.all("aws:ec2/subnet:Subnet")}
    assert {name: (said["cidrBlock"], said["availabilityZone"]) for name, said in subnets.items()} == {
        "phoenix-dev-public-0": ("10.9.0.0/22", "eu-west-1a"),
        "phoenix-dev-public-1": ("10.9.4.0/22", "eu-west-1b"),
        "phoenix-dev-private-0": ("10.9.8.0/22", "eu-west-1a"),
        "phoenix-dev-private-1": ("10.9.12.0/22", "eu-west-1b"),
    }
    assert not any(said["mapPublicIpOnLaunch"] for said in subnets.values())
