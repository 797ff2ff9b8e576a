"""The whole program under mocks: the exact inputs that AWS would get, and those that it must never get."""

from __future__ import annotations

import base64
import contextlib
import json
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import pulumi
import pytest

from core import engine_call, git, listener_rules
from core.engine_call import Call
from core.release_events import ReleaseEvent
from plan.config import pulumi_config, secret_references, systems_manager
from plan.readers.recorded_policies import attachment_name
from tests.support.factories import TOKEN
from tests.support.main_program import CONFIG, PROJECT, certificate, first_update, program
from tests.support.recorder import BAKED, Existing, Recorded, record, record_main

HSTS = "routingHttpResponseStrictTransportSecurityHeaderValue"
ANY_POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
)
LIVE_IMAGE = "ami-0a0a0a0a0a0a0a0a0"


def network(*zones: str) -> tuple[str, list[str]]:
    """A VPC with a subnet in each of these zones of eu-west-1."""
    ec2 = boto3.client("ec2", "eu-west-1")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    return vpc, [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{i}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for i, zone in enumerate("".join(zones))
    ]


def live_group(existing: Existing, color: str, generation: str) -> None:
    """A load balancer whose production rule sends everything to a verified group."""
    elb: Any = boto3.client("elbv2", "eu-west-1")
    vpc, subnets = network("ab")
    tags = [{"Key": "phoenix:stack", "Value": "phoenix/dev"}]
    balancer = elb.create_load_balancer(Name="lb", Subnets=subnets, Tags=tags)["LoadBalancers"][0]["LoadBalancerArn"]
    group = elb.create_target_group(
        Name=color,
        Protocol="HTTP",
        Port=8080,
        VpcId=vpc,
        Tags=[
            *tags,
            {"Key": "phoenix:color", "Value": color},
            {"Key": "phoenix:generation", "Value": generation},
            {"Key": "phoenix:image", "Value": LIVE_IMAGE},
            {"Key": "phoenix:recipe", "Value": "image=000000000000"},
        ],
    )["TargetGroups"][0]["TargetGroupArn"]
    existing.target_groups[f"phoenix-dev-{color}"] = group
    existing.in_production.append(group)
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": group, "Weight": 100}]}}
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[action])[
        "Listeners"
    ][0]["ListenerArn"]
    rule = elb.create_rule(
        ListenerArn=listener,
        Priority=100,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=[action],
        Tags=[*tags, {"Key": "phoenix:rule", "Value": "production"}],
    )["Rules"][0]["RuleArn"]
    existing.holds("aws:lb/loadBalancer:LoadBalancer", balancer, tags={"phoenix:stack": "phoenix/dev"})
    existing.holds("aws:lb/listener:Listener", listener)
    existing.holds("aws:lb/listenerRule:ListenerRule", rule, tags={"phoenix:stack": "phoenix/dev"})
    existing.holds("aws:lb/targetGroup:TargetGroup", group)
    existing.holds("aws:autoscaling/group:Group", color)
    template = boto3.client("ec2", "eu-west-1").create_launch_template(
        LaunchTemplateName=color, LaunchTemplateData={"ImageId": LIVE_IMAGE, "InstanceType": "t3.small"}
    )
    scaling: Any = boto3.client("autoscaling", "eu-west-1")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=color,
        MinSize=2,
        MaxSize=4,
        DesiredCapacity=2,
        TargetGroupARNs=[group],
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"},
        VPCZoneIdentifier=",".join(subnets),
        Tags=[{**tag, "PropagateAtLaunch": False} for tag in [*tags, {"Key": "phoenix:verified", "Value": generation}]],
    )


def test_servers_are_closed_encrypted_and_without_keys() -> None:
    template = first_update().one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    assert template["imageId"] == "ami-0123456789abcdef0"
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    assert template["blockDeviceMappings"] == [
        {
            "deviceName": "/dev/xvda",
            "ebs": {"volumeSize": 10, "volumeType": "gp3", "encrypted": "true", "deleteOnTermination": "true"},
        }
    ]
    assert template["networkInterfaces"] == [
        {
            "deviceIndex": 0,
            "associatePublicIpAddress": "false",
            "deleteOnTermination": "true",
            "securityGroups": ["phoenix-dev-blue-servers-id"],
        }
    ]
    assert {"keyName", "vpcSecurityGroupIds", "name", "namePrefix", "updateDefaultVersion"}.isdisjoint(template)
    assert {spec["resourceType"] for spec in template["tagSpecifications"]} == {"instance", "volume"}
    assert TOKEN not in base64.b64decode(template["userData"]).decode()


def test_only_the_load_balancer_reaches_the_servers_and_only_on_the_applications_port() -> None:
    done = program(appPort=9090, allowedCidrs=["192.0.2.0/24", "198.51.100.0/24"])
    ways_in = {rule.name: rule.inputs for rule in done.all("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")}
    assert ways_in == {
        "phoenix-dev-80-from-192.0.2.0/24": {
            "securityGroupId": "phoenix-dev-alb-id",
            "ipProtocol": "tcp",
            "fromPort": 80,
            "toPort": 80,
            "cidrIpv4": "192.0.2.0/24",
        },
        "phoenix-dev-80-from-198.51.100.0/24": {
            "securityGroupId": "phoenix-dev-alb-id",
            "ipProtocol": "tcp",
            "fromPort": 80,
            "toPort": 80,
            "cidrIpv4": "198.51.100.0/24",
        },
        "phoenix-dev-blue-from-alb": {
            "securityGroupId": "phoenix-dev-blue-servers-id",
            "ipProtocol": "tcp",
            "fromPort": 9090,
            "toPort": 9090,
            "referencedSecurityGroupId": "phoenix-dev-alb-id",
        },
    }
    for group in done.all("aws:ec2/securityGroup:SecurityGroup"):
        assert {"ingress", "egress"}.isdisjoint(group.inputs)


def test_the_group_runs_a_pinned_version_and_leaves_waiting_to_the_gate() -> None:
    group = program(minSize=3, maxSize=6).one("aws:autoscaling/group:Group")
    assert group.inputs["launchTemplate"] == {"id": "phoenix-dev-blue-template-id", "version": "1"}
    assert group.inputs["waitForCapacityTimeout"] == "0"
    assert (group.inputs["minSize"], group.inputs["maxSize"]) == (3, 6)
    assert group.inputs["healthCheckType"] == "ELB"
    assert {"name", "desiredCapacity", "instanceRefresh", "minElbCapacity", "forceDelete"}.isdisjoint(group.inputs)
    tags = {tag["key"]: tag["value"] for tag in group.inputs["tags"] if tag["propagateAtLaunch"]}
    assert tags["phoenix:stack"] == "phoenix/dev"
    assert tags["phoenix:color"] == "blue"
    assert len(tags["phoenix:generation"]) == 12


def test_everything_of_a_color_is_replaced_with_its_generation_and_birth() -> None:
    done = first_update()
    group = done.one("aws:autoscaling/group:Group")
    own = [
        resource
        for resource in done.resources
        if "phoenix-dev-blue" in resource.name and "bake" not in resource.name and ":index:" not in resource.type
    ]
    assert len(own) >= 12
    tags = {tag["key"]: tag["value"] for tag in group.inputs["tags"]}
    generation, birth = tags["phoenix:generation"], tags["phoenix:birth"]
    assert {resource.trigger for resource in own} == {f"{generation} {birth}"}
    bake = done.one("command:local:Command", "bake")
    assert (bake.name, bake.trigger) == ("phoenix-dev-blue-image-bake", f"{generation} {birth}")
    assert all(resource.trigger is None for resource in done.resources if "blue" not in resource.name)


def test_no_name_in_the_state_changes_with_the_generation() -> None:
    """Else an update of some targets alone leaves things that hang on what was never made."""
    names = [{resource.name for resource in program(instanceType=kind).resources} for kind in ("t3.small", "t3.large")]
    assert names[0] == names[1]


def test_what_tells_a_bakes_leftovers_from_servers_is_on_no_server() -> None:
    done = first_update()
    template = done.one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    carried = [spec["tags"] for spec in template["tagSpecifications"]] + [
        group.inputs["tags"] for group in done.all("aws:ec2/securityGroup:SecurityGroup")
    ]
    assert len(carried) == 4
    assert not any("phoenix:baked-at" in tags for tags in carried)


def test_the_order_is_announce_then_birth_then_verify_then_promote_then_production() -> None:
    done = first_update()
    assert "phoenix-dev-blue" in done.one("aws:lb/listenerRule:ListenerRule", "preview").depends_on
    assert "phoenix-dev-preview" in done.one("aws:autoscaling/group:Group").depends_on
    assert {"phoenix-dev-blue-group", "phoenix-dev-blue-cpu"} <= done.one("command:local:Command", "retire").depends_on
    assert {"phoenix-dev-blue-out", "phoenix-dev-blue-template"} <= done.one(
        "command:local:Command", "clear"
    ).depends_on
    assert {"phoenix-dev-blue-clear"} <= done.one("aws:autoscaling/group:Group").depends_on
    assert {"phoenix-dev-blue-retire"} <= done.one("command:local:Command", "verify").depends_on
    assert "phoenix-dev-verify" in done.one("command:local:Command", "promote").depends_on
    assert "phoenix-dev-promote" in done.one("aws:lb/listenerRule:ListenerRule", "production").depends_on
    assert "phoenix-dev-production" in done.one("command:local:Command", "prune").depends_on


def test_the_load_balancer_answers_503_until_a_group_is_live_and_drops_bad_headers() -> None:
    done = first_update()
    balancer = done.one("aws:lb/loadBalancer:LoadBalancer")
    assert balancer.inputs["dropInvalidHeaderFields"] is True
    assert (balancer.inputs["enableDeletionProtection"], balancer.protect) == (False, False)
    listener = done.one("aws:lb/listener:Listener").inputs
    assert (listener["port"], listener["protocol"]) == (80, "HTTP")
    assert listener["defaultActions"] == [
        {
            "type": "fixed-response",
            "fixedResponse": {"contentType": "text/plain", "messageBody": "no group is live\n", "statusCode": "503"},
        }
    ]


def test_production_goes_to_the_active_color_without_stickiness() -> None:
    rule = first_update().one("aws:lb/listenerRule:ListenerRule", "production").inputs
    assert rule["conditions"] == [{"pathPattern": {"values": ["/*"]}}]
    assert rule["actions"] == [
        {
            "type": "forward",
            "forward": {
                "targetGroups": [
                    {"arn": "arn:aws:lb/targetGroup:eu-west-1:123456789012:phoenix-dev-blue", "weight": 100}
                ],
                "stickiness": {"enabled": False, "duration": 604800},
            },
        }
    ]
    assert rule["tags"]["phoenix:rule"] == "production"


@pytest.mark.parametrize(("traffic", "sticks"), [(10, True), (0, False), (100, False)])
def test_production_is_sticky_only_while_two_groups_share_it(existing: Existing, traffic: int, sticks: bool) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    for wanted in (True, False):
        done = program(existing=existing, active="green", traffic=traffic, stickyCanary=wanted)
        [declared] = done.one("aws:lb/listenerRule:ListenerRule", "production").inputs["actions"]
        assert declared["forward"]["stickiness"]["enabled"] == (wanted and sticks)
        asked = done.one("command:local:Command", "promote").inputs["environment"]
        assert ("PHOENIX_STICKY" in asked) == wanted


def test_a_step_sets_a_rules_weights_with_every_field_as_the_provider_does() -> None:
    """What it left out would read differently later, and an update without a change would have one."""
    [declared] = first_update().one("aws:lb/listenerRule:ListenerRule", "production").inputs["actions"]
    [group] = declared["forward"]["targetGroups"]
    [set_by_step] = listener_rules.forward_action({group["arn"]: group["weight"]})
    assert set_by_step == {
        "Type": declared["type"],
        "Order": 1,  # the provider numbers actions by their place
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": group["arn"], "Weight": group["weight"]}],
            "TargetGroupStickinessConfig": {
                "Enabled": declared["forward"]["stickiness"]["enabled"],
                "DurationSeconds": declared["forward"]["stickiness"]["duration"],
            },
        },
    }


def test_production_and_its_servers_say_from_which_commit_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "head", lambda folder: "c" * 40 if folder == Path.cwd() else "")
    done = program()
    assert done.one("aws:lb/listenerRule:ListenerRule", "production").inputs["tags"]["phoenix:commit"] == "c" * 40
    assert done.one("aws:lb/targetGroup:TargetGroup").inputs["tags"]["phoenix:launch-commit"] == "c" * 40
    assert "phoenix:commit" not in done.one("aws:lb/listenerRule:ListenerRule", "preview").inputs["tags"]


def test_the_preview_rule_comes_first_and_asks_for_the_token() -> None:
    rule = first_update().one("aws:lb/listenerRule:ListenerRule", "preview").inputs
    assert rule["priority"] == 10
    assert rule["conditions"] == {
        "secret": [{"httpHeader": {"httpHeaderName": "X-Phoenix-Preview", "values": [TOKEN]}}]
    }


def test_a_certificate_makes_https_with_a_current_policy_and_a_redirect() -> None:
    arn = certificate()
    done = program(certificateArn=arn, hostname="shop.example.com")
    listener = done.one("aws:lb/listener:Listener", "listener-443").inputs
    assert (listener["port"], listener["protocol"], listener["certificateArn"]) == (443, "HTTPS", arn)
    # No certificate is for the load balancer's own name, which is where DNS leads the host name to.
    assert done.outputs["url"] == "https://shop.example.com"
    assert done.outputs["dnsName"] == "phoenix-dev.elb.amazonaws.com"
    assert listener["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
    assert HSTS not in listener, "without protect nobody is told to stay with HTTPS"
    plain = done.one("aws:lb/listener:Listener", "listener-80").inputs
    assert (plain["port"], plain["protocol"]) == (80, "HTTP")
    assert "sslPolicy" not in plain
    assert plain["routingHttpResponseServerEnabled"] is listener["routingHttpResponseServerEnabled"] is False
    redirect = done.one("aws:lb/listenerRule:ListenerRule", "redirect")
    assert redirect.inputs["actions"] == [
        {"type": "redirect", "redirect": {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}}
    ]
    assert redirect.inputs["conditions"] == [{"pathPattern": {"values": ["/*"]}}]
    assert "phoenix-dev-production" in redirect.depends_on, "users would be led to where nobody serves yet"
    production = done.one("aws:lb/listenerRule:ListenerRule", "production").inputs
    assert redirect.inputs["priority"] > production["priority"], "a production rule that is there yet serves on"


def test_in_production_browsers_come_back_by_https_alone_until_that_is_taken_back(existing: Existing) -> None:
    https: dict[str, Any] = {"certificateArn": certificate(), "hostname": "shop.example.com", "protect": True}
    done = program(existing=existing, **https, tlsPolicy="ELBSecurityPolicy-TLS13-1-3-PQ-2025-09")
    listener = done.one("aws:lb/listener:Listener", "listener-443").inputs
    assert listener[HSTS] == "max-age=31536000"
    assert listener["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09"
    assert HSTS not in done.one("aws:lb/listener:Listener", "listener-80").inputs, "browsers obey it over TLS alone"
    assert (
        HSTS
        not in program(existing=existing, **https, hstsSeconds=0).one("aws:lb/listener:Listener", "listener-443").inputs
    )
    balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/phoenix-dev/1"
    stands(
        existing, "phoenix-dev", "aws:lb/loadBalancer:LoadBalancer", arn=balancer, tags={"phoenix:stack": "phoenix/dev"}
    )
    stands(
        existing,
        "phoenix-dev-listener-443",
        "aws:lb/listener:Listener",
        arn=f"{balancer}/1",
        port=443.0,
        protocol="HTTPS",
        loadBalancerArn=balancer,
        **{HSTS: "max-age=31536000"},
    )
    back = program(existing=existing, **https, hstsSeconds=0).one("aws:lb/listener:Listener", "listener-443").inputs
    assert back[HSTS] == "max-age=0", "an empty text is never sent by the provider"


def test_a_security_policy_that_aws_does_not_have_is_refused_before_anything_is_made() -> None:
    with pytest.raises(pulumi.RunError, match="tlsPolicy = 'ELBSecurityPolicy-Typo': must be a security policy"):
        program(certificateArn=certificate(), hostname="shop.example.com", tlsPolicy="ELBSecurityPolicy-Typo")


def test_a_web_acl_judges_from_the_first_request_on_and_one_that_is_not_there_is_refused() -> None:
    waf: Any = boto3.client("wafv2", "eu-west-1")
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "edge"}
    arn = waf.create_web_acl(Name="edge", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen)[
        "Summary"
    ]["ARN"]
    done = program(webAclArn=arn)
    joined = done.one("aws:wafv2/webAclAssociation:WebAclAssociation")
    assert joined.inputs["webAclArn"] == arn
    assert "phoenix-dev-web-acl" in done.one("aws:lb/listener:Listener").depends_on
    assert first_update().all("aws:wafv2/webAclAssociation:WebAclAssociation") == []
    with pytest.raises(pulumi.RunError, match="must be a web ACL of this account in eu-west-1; there is none such"):
        program(webAclArn=f"{arn}0")


def test_an_internal_load_balancer_has_no_public_address_and_the_plan_says_who_must_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vpc, subnets = network("ab")
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(tmp_path / "plan.md"))
    done = program(vpcId=vpc, albSubnetIds=subnets, serverSubnetIds=subnets, internal=True)
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["internal"] is True
    assert "the load balancer is internal" in (tmp_path / "plan.md").read_text()
    done = program(vpcId=vpc, albSubnetIds=subnets, serverSubnetIds=subnets)
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["internal"] is False
    assert (
        "; nothing writes down who came (logDays); no web ACL judges requests (webAclArn) |"
        in (tmp_path / "plan.md").read_text()
    )


def test_a_listener_opens_after_its_way_in_and_closes_before_it() -> None:
    done = program(
        certificateArn=certificate(), hostname="shop.example.com", allowedCidrs=["10.0.0.0/8", "192.0.2.0/24"]
    )
    for port in (80, 443):
        listener = done.one("aws:lb/listener:Listener", f"listener-{port}")
        assert {f"phoenix-dev-{port}-from-10.0.0.0/8", f"phoenix-dev-{port}-from-192.0.2.0/24"} <= listener.depends_on


def stands(existing: Existing, name: str, kind: str, **outputs: Any) -> None:
    """A thing of the state."""
    existing.state[f"urn:pulumi:dev::phoenix::{kind}::{name}"] = {"type": kind, "outputs": outputs}


def test_a_stack_of_an_older_version_keeps_the_listeners_that_it_has(existing: Existing) -> None:
    """Under their own names they stay; what the one does without a rule is not changed while users may meet it."""
    balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/phoenix-dev/1"
    stands(
        existing, "phoenix-dev", "aws:lb/loadBalancer:LoadBalancer", arn=balancer, tags={"phoenix:stack": "phoenix/dev"}
    )
    for name, port, protocol, action in (
        ("listener", 443.0, "HTTPS", "fixed-response"),
        ("redirect", 80.0, "HTTP", "redirect"),
    ):
        stands(
            existing,
            f"phoenix-dev-{name}",
            "aws:lb/listener:Listener",
            arn=f"{balancer}/{name}",
            port=port,
            protocol=protocol,
            loadBalancerArn=balancer,
            defaultActions=[{"type": action}],
        )
    done = program(existing=existing, certificateArn=certificate(), hostname="shop.example.com")
    found = {one.inputs["port"]: (one.name, one.ignore) for one in done.all("aws:lb/listener:Listener")}
    assert found == {443: ("phoenix-dev-listener", ()), 80: ("phoenix-dev-redirect", ("defaultActions",))}


def test_protect_covers_the_permanent_part_and_nothing_of_a_color() -> None:
    done = program(protect=True, allowedCidrs=["10.0.0.0/8"])
    assert {resource.type.split(":")[-1] for resource in done.resources if resource.protect} == {
        "Bucket",
        "LoadBalancer",
        "Listener",
        "ListenerRule",
    }
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["enableDeletionProtection"] is True


def test_the_token_in_clear_text_is_told_and_refused_in_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, told = tmp_path / "plan.md", "the preview token crosses the internet in clear text"
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(plan))
    program()
    assert f"{told}, and whoever reads it there reaches pre-production: HTTP 80 is open to 0.0.0.0/0" in (
        plan.read_text()
    )
    for said in ({"certificateArn": certificate(), "hostname": "shop.example.com"}, {"allowedCidrs": ["10.0.0.0/8"]}):
        program(protect=True, **said)
        assert told not in plan.read_text()
    with pytest.raises(pulumi.RunError, match=f"protect = 'true': must not be set while {told}"):
        program(protect=True)


def test_a_certificate_for_another_name_is_refused_before_anything_is_made() -> None:
    with pytest.raises(pulumi.RunError, match=r"hostname = 'blog\.example\.com': must be a name that a certificate"):
        program(certificateArn=certificate(), hostname="blog.example.com")


def test_steps_are_constant_commands_that_only_triggers_run_again() -> None:
    commands = first_update().all("command:local:Command")
    lines = {
        command.name.split("-")[-1]: (command.inputs["create"], command.inputs.get("delete")) for command in commands
    }
    assert lines == {
        "bake": ("sh steps/run bake; exit $?", None),
        "verify": ("sh steps/run verify; exit $?", None),
        "promote": ("sh steps/run promote; exit $?", None),
        "prune": ("sh steps/run prune; exit $?", None),
        "retire": (":", "sh steps/run retire; exit $?"),
        "clear": (":", "sh steps/run clear; exit $?"),
        "guard": (":", "sh steps/run guard; exit $?"),
    }
    for command in commands:
        assert command.inputs["update"] == ":"
        assert command.inputs["logging"] == "stderr"
        assert command.inputs["addPreviousOutputInEnv"] is False
        assert "dir" not in command.inputs
        assert TOKEN not in json.dumps(command.inputs)
        assert {name for name in command.inputs["environment"] if not name.startswith("PHOENIX_")} == set()


def test_the_profile_of_the_provider_reaches_the_steps() -> None:
    with pytest.raises(pulumi.RunError, match="AWS could not be asked what is live"):
        record_main(PROJECT, config={**CONFIG, "aws:profile": "nobody"})


def test_servers_may_read_what_the_environment_names_and_nothing_else() -> None:
    """What the policies say in full is in tests/unit/plan/config/test_secret_references.py."""

    def policy(**environment: str) -> str:
        made = program(environment=environment)
        assert made.all("aws:iam/rolePolicyAttachment:RolePolicyAttachment") == []
        agent, reads = made.all("aws:iam/rolePolicy:RolePolicy")
        assert agent.inputs["policy"] == systems_manager.POLICY
        return str(reads.inputs["policy"])

    names = {"DB": "ssm:/dev/db", "KEY": "secretsmanager:dev/key", "USER": "secretsmanager:dev/key:user"}
    for given in (names, {}):
        assert policy(**given, PLAIN="x") == secret_references.reference_policy(
            tuple(given.values()), account="123456789012", region="eu-west-1", partition="aws"
        )


def test_the_servers_role_is_bounded_where_the_settings_name_bounds() -> None:
    role, boundary = "aws:iam/role:Role", "arn:aws:iam::123456789012:policy/phoenix-shop-dev-servers"
    assert program(permissionsBoundary=boundary).one(role).inputs["permissionsBoundary"] == boundary
    assert "permissionsBoundary" not in first_update().one(role).inputs


def test_alarms_judge_traffic_and_are_quiet_without_it() -> None:
    alarms = {alarm.name: alarm.inputs for alarm in first_update().all("aws:cloudwatch/metricAlarm:MetricAlarm")}
    watched = {
        name: (alarm["metricQueries"][-1]["expression"], alarm["threshold"], alarm["evaluationPeriods"])
        for name, alarm in alarms.items()
    }
    assert watched == {
        "phoenix-dev-blue-5xx": ("100 * FILL(httpcode_target_5xx_count, 0) / requestcount", 5, 1),
        # Two are needed; one may be missing for 340 s, which are 6 minutes, and the one in which it begins.
        "phoenix-dev-blue-few-healthy": ("IF(requestcount > 0, 2 - healthyhostcount, 0)", 0, 7),
        "phoenix-dev-blue-slow": ("IF(requestcount > 100, targetresponsetime, 0)", 5.0, 2),
    }
    assert alarms["phoenix-dev-blue-slow"]["metricQueries"][1]["metric"]["stat"] == "p99"
    for alarm in alarms.values():
        assert alarm["treatMissingData"] == "notBreaching"
        assert [query["returnData"] for query in alarm["metricQueries"]] == [False, False, True]
        assert {key for query in alarm["metricQueries"][:2] for key in query["metric"]["dimensions"]} == {
            "TargetGroup",
            "LoadBalancer",
        }
        assert {
            "metricName",
            "namespace",
            "dimensions",
            "statistic",
            "extendedStatistic",
            "period",
            "evaluateLowSampleCountPercentiles",
        }.isdisjoint(alarm)


def test_the_alarms_limits_are_keys_and_promote_watches_what_there_is() -> None:
    done = program(maxErrorPercent=2, maxResponseMilliseconds=250)
    alarms = {alarm.name: alarm.inputs for alarm in done.all("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert alarms["phoenix-dev-blue-5xx"]["threshold"] == 2
    assert alarms["phoenix-dev-blue-slow"]["threshold"] == 0.25
    assert set(json.loads(done.one("command:local:Command", "promote").inputs["environment"]["PHOENIX_ALARMS"])) == set(
        alarms
    )
    without = program(maxResponseMilliseconds=0).all("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert {alarm.name for alarm in without} == {"phoenix-dev-blue-5xx", "phoenix-dev-blue-few-healthy"}


def test_as_many_servers_as_the_smallest_group_has_are_needed_and_boots_are_allowed_for() -> None:
    done = program(minSize=3, bootSeconds=600, healthCheckIntervalSeconds=30)
    [alarm] = [one.inputs for one in done.all("aws:cloudwatch/metricAlarm:MetricAlarm") if "healthy" in one.name]
    assert alarm["metricQueries"][-1]["expression"] == "IF(requestcount > 0, 3 - healthyhostcount, 0)"
    assert alarm["evaluationPeriods"] == 15
    assert done.one("command:local:Command", "promote").inputs["environment"]["PHOENIX_REPLACEMENT_SECONDS"] == "840"


def test_no_alarm_counts_unhealthy_servers() -> None:
    """Each new one is unhealthy while it boots, in every group that grows."""
    for alarm in first_update().all("aws:cloudwatch/metricAlarm:MetricAlarm"):
        assert "UnHealthyHostCount" not in json.dumps(alarm.inputs)


def test_scaling_sees_each_minute_of_a_server() -> None:
    assert first_update().one("aws:ec2/launchTemplate:LaunchTemplate").inputs["monitoring"] == {"enabled": True}


def test_a_dashboard_is_made_where_it_is_asked_for_and_nowhere_else() -> None:
    kind = "aws:cloudwatch/dashboard:Dashboard"
    assert first_update().all(kind) == []
    dashboard = program(dashboard=True).one(kind)
    assert set(dashboard.inputs) == {"dashboardName", "dashboardBody"}
    assert dashboard.inputs["dashboardName"] == "phoenix-dev"
    assert dashboard.trigger is None
    widgets = json.loads(dashboard.inputs["dashboardBody"])["widgets"]
    assert widgets[0]["properties"]["metrics"][0] == [
        {
            "expression": 'SUM(SEARCH(\'{AWS/ApplicationELB,LoadBalancer,TargetGroup} MetricName="RequestCount"'
            " LoadBalancer=\"suffix/phoenix-dev\" TargetGroup=blue', 'Sum', 60))",
            "label": "blue",
            "color": "#0072B2",
            "id": "blue",
        }
    ]
    assert widgets[-1]["properties"]["alarms"] == [
        f"arn:aws:cloudwatch/metricAlarm:eu-west-1:123456789012:phoenix-dev-blue-{what}"
        for what in ("5xx", "few-healthy", "slow")
    ]


def test_servers_go_where_the_list_says_and_nowhere_else() -> None:
    def ways(**config: Any) -> dict[str, tuple[Any, ...]]:
        return {
            one.name: tuple(one.inputs.get(key) for key in ("cidrIpv4", "ipProtocol", "fromPort", "toPort"))
            for one in program(**config).all("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
            if "-out" in one.name
        }

    assert ways() == {"phoenix-dev-blue-out": ("0.0.0.0/0", "-1", None, None)}
    assert ways(allowedEgress=["0.0.0.0/0:443", "10.0.0.0/8:5432-5433", "10.0.0.5/32:514/udp", "10.1.0.0/16"]) == {
        "phoenix-dev-blue-out-0.0.0.0/0:443": ("0.0.0.0/0", "tcp", 443, 443),
        "phoenix-dev-blue-out-10.0.0.0/8:5432-5433": ("10.0.0.0/8", "tcp", 5432, 5433),
        "phoenix-dev-blue-out-10.0.0.5/32:514/udp": ("10.0.0.5/32", "udp", 514, 514),
        "phoenix-dev-blue-out-10.1.0.0/16": ("10.1.0.0/16", "-1", None, None),
    }
    assert ways(allowedEgress=[]) == {}


def test_a_kept_group_goes_where_it_went(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    for name in ("-out", "-out-10.0.0.0/8:5432"):
        stands(existing, f"phoenix-dev-blue{name}", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    done = program(existing=existing, active="green", traffic=10, allowedEgress=["0.0.0.0/0:443"])
    rules = {one.name for one in done.all("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")}
    assert {name for name in rules if "-out" in name} == {
        "phoenix-dev-blue-out",
        "phoenix-dev-blue-out-10.0.0.0/8:5432",
        "phoenix-dev-green-out-0.0.0.0/0:443",
    }


def test_disks_have_the_key_that_is_named_if_auto_scaling_may_use_it() -> None:
    kms: Any = boto3.client("kms", "eu-west-1")
    role = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    allowed = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    key, closed = (kms.create_key(**said)["KeyMetadata"]["Arn"] for said in ({"Policy": policy}, {}))
    template = program(volumeKmsKey=key).one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    assert template["blockDeviceMappings"][0]["ebs"]["kmsKeyId"] == key
    assert (
        "kmsKeyId"
        not in first_update().one("aws:ec2/launchTemplate:LaunchTemplate").inputs["blockDeviceMappings"][0]["ebs"]
    )
    with pytest.raises(
        pulumi.RunError, match=r"its policy does not let .*AWSServiceRoleForAutoScaling do kms:CreateGrant"
    ):
        program(volumeKmsKey=closed)
    with pytest.raises(pulumi.RunError, match="must be a key under which Auto Scaling can launch servers"):
        program(volumeKmsKey=key[:-3] + "000")


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


def test_below_100_percent_the_other_color_is_declared_as_it_is(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    done = program(existing=existing, active="green", traffic=10)
    blue = [
        resource
        for resource in done.resources
        if resource.name.startswith("phoenix-dev-blue") and ":index:" not in resource.type
    ]
    assert len(blue) >= 12
    for resource in blue:
        # By name: after "*" the physical names would count as ours, and the next update would replace everything.
        assert set(resource.ignore) >= (set(resource.inputs) if not resource.name.endswith("bake") else {"*"})
        assert not {"name", "namePrefix"} & set(resource.ignore)
    assert {resource.trigger for resource in blue if not resource.name.endswith("bake")} == {"abcdefabcdef"}
    green = done.one("aws:autoscaling/group:Group", "green")
    assert green.ignore == ("tags",)
    weights = done.one("aws:lb/listenerRule:ListenerRule", "production").inputs["actions"][0]["forward"]["targetGroups"]
    assert [target["weight"] for target in weights] == [10, 90]
    assert [target["arn"] for target in weights][1] == existing.target_groups["phoenix-dev-blue"]
    preview = done.one("aws:lb/listenerRule:ListenerRule", "preview").inputs["actions"][0]["forward"]["targetGroups"]
    assert [target["arn"].split("-")[-1] for target in preview] == ["green"]


def test_production_does_not_follow_a_kept_target_group_that_was_replaced(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    existing.target_groups["phoenix-dev-blue"] += "-replaced"
    with pytest.raises(pulumi.RunError, match="Production stays on"):
        program(existing=existing, active="green", traffic=10)


def test_a_second_look_declares_the_same_so_a_plan_that_was_saved_can_be_applied(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    looks = [program(existing=existing, active="green", traffic=10).resources for _ in range(2)]
    # A name may be of two types, and which of them comes first is of no meaning.
    first, second = (sorted(look, key=lambda one: (one.type, one.name)) for look in looks)
    assert first == second


def test_at_100_percent_the_other_color_leaves_the_program(existing: Existing) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    assert [group.name for group in program(existing=existing, active="green").all("aws:autoscaling/group:Group")] == [
        "phoenix-dev-green-group"
    ]


def test_a_group_that_leaves_is_remembered_on_the_production_rule_and_in_the_outputs(existing: Existing) -> None:
    assert program(existing=existing).outputs["history"] == []
    live_group(existing, "blue", "abcdefabcdef")
    done = program(existing=existing, active="green")
    said = done.one("aws:lb/listenerRule:ListenerRule", "production").inputs["tags"]["phoenix:past-1"]
    assert said.startswith("color=blue generation=abcdefabcdef ")
    assert [one["generation"] for one in done.outputs["history"]] == ["abcdefabcdef"]
    held = program(existing=existing, active="green", traffic=10)
    rule = held.one("aws:lb/listenerRule:ListenerRule", "production").inputs
    assert not [key for key in rule["tags"] if "past" in key]


def test_a_bake_is_told_which_image_is_live_to_compare_packages_with(existing: Existing) -> None:
    bake = program(existing=existing).one("command:local:Command", "bake").inputs["environment"]
    assert bake["PHOENIX_LIVE_IMAGE"] == ""
    live_group(existing, "blue", "abcdefabcdef")
    bake = program(existing=existing, active="green").one("command:local:Command", "green-image").inputs["environment"]
    assert bake["PHOENIX_LIVE_IMAGE"] == LIVE_IMAGE


def test_what_a_bake_says_of_packages_is_an_output_and_an_older_bakes_silence_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert first_update().outputs["live"]["packages"] == {}
    said = {"count": 3, "difference": "+ syslog-ng 3.38.1-5"}
    monkeypatch.setitem(BAKED, "packages", said)
    assert program().outputs["live"]["packages"] == said


def test_a_bad_configuration_declares_nothing_and_says_everything() -> None:
    with pytest.raises(pulumi.RunError) as error:
        program(minSzie="3", traffic=101)
    assert "the nearest is minSize" in str(error.value)
    assert "from 0 to 100 percent" in str(error.value)


def test_all_that_is_known_to_fail_comes_at_once_before_anything_is_declared() -> None:
    vpc, (front, _, back) = network("aab")
    with pytest.raises(pulumi.RunError) as error:
        program(vpcId=vpc, albSubnetIds=[front, "subnet-0b0b0b0b"], serverSubnetIds=[back], instanceType="t3.tiny")
    lines = str(error.value).splitlines()
    assert lines[0] == "4 things are known to fail; nothing was changed:"
    assert [line.split(" = ")[0].partition(": ")[2] for line in lines[1::2]] == [
        "albSubnetIds",
        "albSubnetIds",
        "serverSubnetIds",
        "instanceType",
    ]
    assert all(line.startswith("      type: ") for line in lines[2::2])


def test_the_plan_is_written_as_markdown_to_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "plan.md"
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(file))
    program()
    said = file.read_text()
    assert said.startswith("<!-- phoenix rollout plan of dev -->\n### Rollout plan of phoenix/dev\n")
    assert "**blue is launched, production begins**" in said
    with pytest.raises(pulumi.RunError):
        program(traffic=101, previewToken="short")
    refused = file.read_text()
    assert refused.startswith("<!-- phoenix rollout plan of dev -->\n")
    assert "from 0 to 100 percent" in refused
    assert "short" not in refused


def test_a_plan_that_can_not_be_written_stops_nothing_and_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(tmp_path / "nowhere" / "plan.md"))
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    assert program().one("aws:autoscaling/group:Group")
    with pytest.raises(pulumi.RunError, match="from 0 to 100 percent"):
        program(traffic=101)
    assert len(warned) == 2
    assert all("the plan could not be written there (No such file or directory)" in line for line in warned)


def test_an_image_that_does_not_exist_is_refused_before_anything_is_declared() -> None:
    with pytest.raises(pulumi.RunError, match=r"image = '0123456789ab': must be an image of the service 'phoenix'"):
        program(image="0123456789ab")


def test_a_stack_that_lives_elsewhere_is_refused_before_anything_is_declared(existing: Existing) -> None:
    arn = "arn:aws:ec2:eu-west-1:210987654321:vpc/vpc-0a0a0a0a"
    existing.state["urn:pulumi:dev::phoenix::aws:ec2/vpc:Vpc::net"] = {
        "type": "aws:ec2/vpc:Vpc",
        "outputs": {"arn": arn},
    }
    with pytest.raises(pulumi.RunError, match="but stack dev lives in account 210987654321; nothing was changed"):
        program(existing=existing)


def test_outputs_say_what_is_live_and_hang_on_the_production_rule() -> None:
    outputs = first_update().outputs
    assert outputs["url"] == "http://phoenix-dev.elb.amazonaws.com"
    said = outputs["live"]
    assert (said["color"], said["image"], said["commit"], said["weights"]) == (
        "blue",
        "ami-0123456789abcdef0",
        "c0ffee",
        {"blue": 100},
    )
    certificate = outputs["releases"]["blue"]
    assert certificate["base"] == {"image": "ami-0a", "name": "debian-12 -x86-", "date": "2026-11-20T00:00:00Z"}
    assert certificate["git"] == {"commit": "c0ffee", "tree": "clean"}


@pytest.mark.parametrize(("traffic", "serving"), [(0, "blue"), (49, "blue"), (50, "green")])
def test_what_is_live_is_the_group_with_most_of_production(existing: Existing, traffic: int, serving: str) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    said = program(existing=existing, active="green", traffic=traffic).outputs["live"]
    assert said["color"] == serving
    assert (said["generation"] == "abcdefabcdef") == (serving == "blue")
    assert (said["image"] == LIVE_IMAGE) == (serving == "blue")


def test_nothing_new_gets_production_in_a_freeze_but_with_a_reason_that_is_recorded(
    existing: Existing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    always: dict[str, Any] = {"freeze": ["2000-01-01/2999-12-31"]}
    live_group(existing, "blue", "abcdefabcdef")
    with pytest.raises(pulumi.RunError, match=r"PHX-226: freeze = '2000-01-01/2999-12-31': must be over"):
        program(existing=existing, active="green", **always)
    said = program(existing=existing, active="green", override="a leak: closed today", **always)
    group = said.one("aws:lb/targetGroup:TargetGroup", "green")
    assert group.inputs["tags"]["phoenix:override"] == "a leak: closed today"
    assert said.outputs["releases"]["green"]["override"] == "a leak: closed today"
    monkeypatch.setattr(engine_call, "read_engine_call", lambda: Call(operation="preview"))
    assert program(existing=existing, active="green", **always).all("aws:lb/targetGroup:TargetGroup")


def test_aws_is_told_of_an_update_that_is_planned_and_of_one_that_is_refused_but_of_no_preview(
    existing: Existing, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_group(existing, "blue", "abcdefabcdef")
    frozen: dict[str, Any] = {"freeze": ["2000-01-01/2999-12-31"]}
    told: list[ReleaseEvent] = []

    def runs(operation: str, *, preview: bool) -> list[ReleaseEvent]:
        """A good update, and one that is refused."""
        told.clear()
        monkeypatch.setattr(engine_call, "read_engine_call", lambda: Call(operation=operation))
        monkeypatch.setattr(pulumi_config, "is_preview", lambda: preview)
        program(existing=existing, told=told, active="green")
        with contextlib.suppress(pulumi.RunError):
            program(existing=existing, told=told, active="green", traffic=0, **frozen)
        return list(told)

    planned, refused = runs("up", preview=False)
    assert (planned.kind, planned.color, planned.production) == ("Release Planned", "green", {"blue": 100})
    assert planned.detail()["release"]["generation"] == planned.generation
    assert len(planned.detail()["release"]["fingerprint"]) == 64
    assert (refused.kind, refused.stack) == ("Release Refused", "phoenix/dev")
    assert refused.reason.startswith("PHX-226: freeze = ")
    assert [one.kind for one in runs("up", preview=True)] == ["Release Refused"], "the run before the update decides"
    assert runs("preview", preview=True) == []
    assert runs("destroy", preview=False) == []


def test_a_topic_is_told_by_alarms_and_steps() -> None:
    topic = "arn:aws:sns:eu-west-1:210987654321:releases"
    done = program(notifyTopicArn=topic)
    for alarm in done.all("aws:cloudwatch/metricAlarm:MetricAlarm"):
        assert alarm.inputs["alarmActions"] == [topic]
        assert "okActions" not in alarm.inputs
    for step in ("bake", "verify", "promote"):
        assert done.one("command:local:Command", step).inputs["environment"]["PHOENIX_NOTIFY_TOPIC"] == topic
    without = program()
    assert all("alarmActions" not in one.inputs for one in without.all("aws:cloudwatch/metricAlarm:MetricAlarm"))
    environments = [one.inputs["environment"] for one in without.all("command:local:Command")]
    assert all("PHOENIX_NOTIFY_TOPIC" not in one for one in environments)


def test_a_target_group_says_what_its_servers_were_made_from() -> None:
    tags = program().one("aws:lb/targetGroup:TargetGroup").inputs["tags"]
    assert {key: tags[f"phoenix:{key}"] for key in ("image", "commit", "tree", "base", "base-name", "base-date")} == {
        "image": "ami-0123456789abcdef0",
        "commit": "c0ffee",
        "tree": "clean",
        "base": "ami-0a",
        "base-name": "debian-12 -x86-",
        "base-date": "2026-11-20T00:00:00Z",
    }
    assert len(tags) <= 50


def test_the_floor_that_the_bench_measures_beside_makes_the_same() -> None:
    floor = record(
        lambda: runpy.run_path(str(PROJECT / "bench" / "floor")),
        project="floor",
        config={"floor:image": LIVE_IMAGE, "floor:listenerPort": "8080", "floor:token": TOKEN},
    )
    ours, theirs = (
        Counter(one.type for one in made.resources if one.type.startswith("aws:"))
        for made in (program(dashboard=True), floor)
    )
    assert ours == theirs


def test_a_listener_that_is_adopted_is_not_touched_and_gets_two_rules_for_one_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vpc, subnets = network("ab")
    elb = boto3.client("elbv2", "eu-west-1")
    firewall = boto3.client("ec2", "eu-west-1").create_security_group(GroupName="edge", Description="edge", VpcId=vpc)[
        "GroupId"
    ]
    balancer = elb.create_load_balancer(Name="edge", Subnets=subnets, SecurityGroups=[firewall])["LoadBalancers"][0][
        "LoadBalancerArn"
    ]
    listener = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )["Listeners"][0]["ListenerArn"]
    done = program(
        listenerArn=listener,
        vpcId=vpc,
        albSubnetIds=subnets,
        serverSubnetIds=subnets,
        hostname="shop.example.com",
        rulePriority="30",
    )
    assert not [
        one for one in done.resources if one.type in ("aws:lb/loadBalancer:LoadBalancer", "aws:lb/listener:Listener")
    ]
    host = {"hostHeader": {"values": ["shop.example.com"]}}
    rules = {one.inputs["priority"]: one.inputs for one in done.all("aws:lb/listenerRule:ListenerRule")}
    assert set(rules) == {30, 31}
    assert {one["listenerArn"] for one in rules.values()} == {listener}
    assert rules[31]["conditions"] == [host]
    assert rules[30]["conditions"]["secret"][0] == host
    assert [*rules[30]["conditions"]["secret"][1]] == ["httpHeader"]
    way_in = done.one("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").inputs
    assert way_in["referencedSecurityGroupId"] == firewall
    assert done.one("command:local:Command", "promote").inputs["environment"]["PHOENIX_SHARED"] == "true"
    assert done.outputs["url"] == "http://shop.example.com"
    assert done.outputs["dnsName"] == elb.describe_load_balancers()["LoadBalancers"][0]["DNSName"]
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancer, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "600"}]
    )
    monkeypatch.setenv("PHOENIX_PLAN_MARKDOWN", str(tmp_path / "plan.md"))
    again = program(
        listenerArn=listener,
        vpcId=vpc,
        albSubnetIds=subnets,
        serverSubnetIds=subnets,
        hostname="shop.example.com",
        rulePriority="30",
    )
    assert again.outputs["url"], "others need the timeout: it is told, and stops nothing"
    assert "keepAliveTimeout), and the load balancer 600 s" in (tmp_path / "plan.md").read_text()


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
                "two-services:shop": json.dumps({"hostname": "shop.example.com", "rulePriority": 10}),
                "two-services:blog": json.dumps({"hostname": "blog.example.com", "rulePriority": 20, "minSize": 1}),
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


def test_a_bake_through_session_manager_has_its_way_to_the_internet_without_a_public_address() -> None:
    vpc, (front, other, back) = network("ab", "a")
    adopted: dict[str, Any] = {"vpcId": vpc, "albSubnetIds": [front, other], "serverSubnetIds": [back]}
    bake = program(**adopted).one("command:local:Command", "bake").inputs["environment"]
    assert bake["PHOENIX_SUBNET_ID"] == front
    inside = {"session_manager_profile": "builder"}
    bake = program(**adopted, packerVariables=inside).one("command:local:Command", "bake").inputs["environment"]
    assert bake["PHOENIX_SUBNET_ID"] == back


def test_one_type_on_demand_is_the_templates_own() -> None:
    group = program().one("aws:autoscaling/group:Group").inputs
    assert group["launchTemplate"]["version"]
    assert not {"mixedInstancesPolicy", "capacityRebalance"} & group.keys()


def test_several_types_and_spot_are_a_mixed_instances_policy_in_their_order() -> None:
    done = program(instanceType="t3.small, t3a.small", spotPercent=75, onDemandBase=2)
    group = done.one("aws:autoscaling/group:Group").inputs
    assert "launchTemplate" not in group, "AWS takes one of both"
    policy = group["mixedInstancesPolicy"]
    assert policy["launchTemplate"]["overrides"] == [{"instanceType": "t3.small"}, {"instanceType": "t3a.small"}]
    assert policy["launchTemplate"]["launchTemplateSpecification"].keys() == {"launchTemplateId", "version"}
    assert policy["instancesDistribution"] == {
        "onDemandAllocationStrategy": "prioritized",
        "onDemandBaseCapacity": 2,
        "onDemandPercentageAboveBaseCapacity": 25,
        "spotAllocationStrategy": "capacity-optimized-prioritized",
    }
    assert group["capacityRebalance"] is True, "a server that AWS is about to end is replaced before"
    assert done.one("aws:ec2/launchTemplate:LaunchTemplate").inputs["instanceType"] == "t3.small"


def test_several_types_on_demand_are_bought_on_demand_alone() -> None:
    group = program(instanceType="t3.small,t3a.small").one("aws:autoscaling/group:Group").inputs
    distribution = group["mixedInstancesPolicy"]["instancesDistribution"]
    assert distribution["onDemandPercentageAboveBaseCapacity"] == 100
    assert group["capacityRebalance"] is False


def test_servers_may_do_what_the_policies_and_statements_of_the_settings_say(existing: Existing) -> None:
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    arn = boto3.client("iam").create_policy(PolicyName="queue", PolicyDocument=ANY_POLICY)["Policy"]["Arn"]
    said = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/*"}
    done = program(existing=existing, policyArns=[arn], policyStatements=[said])
    attached = done.one(attachment)
    assert attached.inputs["policyArn"] == arn
    _, reads = done.all("aws:iam/rolePolicy:RolePolicy")
    assert json.loads(reads.inputs["policy"])["Statement"][-1] == said
    assert attached.name in done.one("aws:iam/instanceProfile:InstanceProfile").depends_on


def test_a_managed_policy_that_is_not_there_is_refused_before_anything_is_made() -> None:
    gone = "arn:aws:iam::123456789012:policy/nobodys"
    with pytest.raises(pulumi.RunError, match="must be a policy that is there") as refused:
        program(policyArns=[gone])
    assert f"policyArns = {gone!r}" in str(refused.value)


def test_a_group_that_stays_keeps_its_policies_whatever_the_settings_say(existing: Existing) -> None:
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    iam = boto3.client("iam")
    old, new = (
        iam.create_policy(PolicyName=name, PolicyDocument=ANY_POLICY)["Policy"]["Arn"] for name in ("old", "new")
    )
    live_group(existing, "blue", "abcdefabcdef")
    stands(existing, f"phoenix-dev-blue{attachment_name(old)}", attachment, policyArn=old)
    done = program(existing=existing, active="green", traffic=0, policyArns=[new])
    assert sorted((one.name[:17], one.inputs["policyArn"]) for one in done.all(attachment)) == [
        ("phoenix-dev-blue-", old),
        ("phoenix-dev-green", new),
    ]


def test_idle_timeout_and_slow_start_are_what_aws_does_without_them() -> None:
    done = program()
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["idleTimeout"] == 60
    assert done.one("aws:lb/targetGroup:TargetGroup").inputs["slowStart"] == 0
    done = program(idleTimeoutSeconds=4000, slowStartSeconds=900)
    assert done.one("aws:lb/loadBalancer:LoadBalancer").inputs["idleTimeout"] == 4000
    group = done.one("aws:lb/targetGroup:TargetGroup").inputs
    assert (group["slowStart"], group["loadBalancingAlgorithmType"]) == (900, "round_robin")


def test_scaling_is_by_cpu_by_requests_by_both_or_by_none() -> None:
    def policies(**keys: Any) -> dict[str, Any]:
        done = program(**keys)
        found = done.all("aws:autoscaling/policy:Policy")
        assert {one.name for one in found} <= done.one("command:local:Command", "retire").depends_on
        return {one.name.removeprefix("phoenix-dev-blue-"): one.inputs["targetTrackingConfiguration"] for one in found}

    cpu = {"predefinedMetricSpecification": {"predefinedMetricType": "ASGAverageCPUUtilization"}, "targetValue": 50}
    both = policies(requestsPerServer=3000)
    assert both["cpu"] == policies()["cpu"] == cpu
    assert both["requests"]["targetValue"] == 3000
    metric = both["requests"]["predefinedMetricSpecification"]
    assert metric["predefinedMetricType"] == "ALBRequestCountPerTarget"
    assert metric["resourceLabel"] == "suffix/phoenix-dev/suffix/phoenix-dev-blue", "of load balancer and target group"
    assert list(policies(targetCpuPercent=0, requestsPerServer=3000)) == ["requests"]
    assert policies(targetCpuPercent=0) == {}
