"""An account that many use: images of the service, launch templates of others, rules on the load balancer.

The templates are put into the cloud without its API, which would take a minute for them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.ec2.models import ec2_backends

from bench.fleet import SERVICE, STACK, Fleet
from core import images
from core.times import iso

IMAGES, TEMPLATES, RULES = 200, 5000, 100


def fill(there: Fleet) -> None:
    """`IMAGES` of the service that nobody uses, `TEMPLATES` of others, and up to `RULES` on the load balancer."""
    cloud = there.cloud
    backend: Any = ec2_backends[cloud.account][cloud.region]
    data = {"ImageId": there.image, "InstanceType": "t3.small"}
    for number in range(TEMPLATES):
        backend.create_launch_template(f"theirs-{number}", "", data, {})
    ec2, now = cloud.client("ec2"), datetime.now(UTC)
    for number in range(IMAGES):
        fingerprint = f"{number:064x}"
        made = ec2.register_image(
            Name=f"{images.name(SERVICE, fingerprint, now)[:-2]}{number % 60:02}", RootDeviceName="/dev/xvda"
        )
        said = images.tags(
            service=SERVICE,
            stack=STACK,
            fingerprint=fingerprint,
            base="ami-1",
            base_name="debian-12",
            commit="0" * 40,
            tree="clean",
            baked_at=iso(now),
        )
        ec2.create_tags(Resources=[made["ImageId"]], Tags=[{"Key": key, "Value": text} for key, text in said.items()])
    _rules(there)


def _rules(there: Fleet) -> None:
    """Of others, each with a target group of its own. The stack's own two are among the hundred."""
    elb = there.cloud.client("elbv2")
    vpc = elb.describe_target_groups(TargetGroupArns=[there.target_groups["blue"]])["TargetGroups"][0]["VpcId"]
    for number in range(RULES - 2):
        made = elb.create_target_group(Name=f"theirs-{number}", Protocol="HTTP", Port=80, VpcId=vpc)
        forward = {"TargetGroups": [{"TargetGroupArn": made["TargetGroups"][0]["TargetGroupArn"], "Weight": 1}]}
        elb.create_rule(
            ListenerArn=there.listener,
            Priority=1000 + number,
            Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": [f"{number}.example.com"]}}],
            Actions=[{"Type": "forward", "ForwardConfig": forward}],
        )
