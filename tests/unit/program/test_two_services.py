"""Two services of one program, on a load balancer of its own."""

from __future__ import annotations

import json

import pytest

from tests.support.factories import TOKEN
from tests.support.main_program import PROJECT
from tests.support.recorder import Recorded, record_main

IMAGE = {"imageDir": "../../image"}


def two_services(**config: str) -> Recorded:
    """The example, with these keys too."""
    example = PROJECT / "examples" / "two-services"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(example)
        return record_main(
            example,
            project="two-services",
            config={
                "aws:region": "eu-west-1",
                "two-services:previewToken": TOKEN,
                "two-services:listenerPort": "80",
                "two-services:shop": json.dumps({**IMAGE, "hostname": "shop.example.com", "rulePriority": 10}),
                "two-services:blog": json.dumps(
                    {**IMAGE, "hostname": "blog.example.com", "rulePriority": 20, "minSize": 1}
                ),
                **{f"two-services:{key}": value for key, value in config.items()},
            },
        )


def test_two_services_in_production_have_a_load_balancer_that_stays_and_writes_down_who_came() -> None:
    assert not two_services().all("aws:s3/bucket:Bucket")
    done = two_services(protect="true")
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["accessLogs"]["enabled"] is True
    assert done.one("aws:lb/loadBalancer:LoadBalancer").protect and done.one("aws:s3/bucket:Bucket").protect
    assert done.one("aws:ec2/flowLog:FlowLog").parent == "edge-dev"
    [rule] = done.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    assert rule["expiration"] == {"days": 90}


def test_two_services_of_one_program_have_rules_of_their_own_on_one_listener() -> None:
    done = two_services()
    assert done.one("aws:lb/loadBalancer:LoadBalancer").name == "edge-dev"
    rules = {one.name: (one.inputs["priority"], one.parent) for one in done.all("aws:lb/listenerRule:ListenerRule")}
    assert rules == {
        "shop-dev-preview": (10, "shop-dev"),
        "shop-dev-production": (11, "shop-dev"),
        "blog-dev-preview": (20, "blog-dev"),
        "blog-dev-production": (21, "blog-dev"),
    }
    bakes = {one.inputs["create"] for one in done.all("command:local:Command") if "bake" in one.inputs["create"]}
    assert bakes == {'PHOENIX_PROJECT="$PWD" sh ../../steps/run bake; exit $?'}
    assert done.outputs["shop"]["url"] == "http://shop.example.com"
