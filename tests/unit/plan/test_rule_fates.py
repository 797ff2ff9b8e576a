"""Taking production over: what becomes of each rule of the listener, what is refused, and what the plan says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from plan.checks import take_over
from plan.readers.live_state import LiveGroup
from plan.readers.old_target_group import ForeignRule, OldTargetGroup, read_old_target_group
from plan.readers.reads import Reads
from plan.readers.stack_state import Resource
from plan.report import take_over_rows
from plan.rollout_plan import decide_rollout
from plan.rule_fates import describe_rules, rule_fates
from tests.support.account import moto_only
from tests.support.factories import NOW, group, live, recipe, settings

HOST = "shop.example.com"
ELB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
LISTENER, OLD, ELSE = f"{ELB}:listener/app/edge/0a/0b", f"{ELB}:targetgroup/legacy/01", f"{ELB}:targetgroup/blog/02"
LEGACY = OldTargetGroup(arn=OLD, name="legacy", targets=("i-1", "i-2", "i-3"), healthy=3)
SAID: dict[str, Any] = {
    "listener_arn": LISTENER,
    "hostname": HOST,
    "rule_priority": 10,
    "take_over_target_group": OLD,
}


def rule(priority: int | None, *hosts: str, **said: Any) -> ForeignRule:
    said = {"weights": {OLD: 1}, **said}
    return ForeignRule(arn=f"{LISTENER}/{priority}", priority=priority, hosts=hosts, **said)


def taken_over(weight: int = 100) -> LiveGroup:
    """The old servers, as the plan sees them."""
    return replace(
        group("x", weight=weight),
        color="legacy/01",
        generation="",
        target_group=OLD,
        name="",
        server_spec="",
        image="",
        fingerprint="",
        commit="",
        baked_at=None,
        desired=0,
        created_at=None,
        verified=False,
        is_taken_over=True,
    )


@pytest.mark.parametrize(
    ("rules", "fates"),
    [
        ([rule(30, HOST)], {"taken": "rule 30 (shop.example.com)"}),
        # Several rules, and the default action: each that leads there is taken.
        (
            [rule(20, HOST, paths=("/api/*",)), rule(25, "*.example.com", paths=("/x",)), rule(None)],
            {"taken": "rule 20 (shop.example.com /api/*), rule 25 (*.example.com /x), the default action"},
        ),
        # Of another host it stays, whatever it leads to.
        ([rule(30, HOST), rule(40, "blog.example.com", weights={ELSE: 1})], {"taken": "rule 30 (shop.example.com)"}),
        # No request for the host comes behind a rule that takes all of them.
        ([rule(30, HOST), rule(40, paths=("/old",), weights={ELSE: 1})], {"taken": "rule 30 (shop.example.com)"}),
        # Before the stack's own: plain ones would keep their requests, whoever logs in there keeps them too.
        ([rule(5, HOST, paths=("/api/*",))], {"before": "rule 5 (shop.example.com /api/*)"}),
        (
            [rule(5, HOST, paths=("/admin",), does=("authenticate-oidc", "forward")), rule(30, HOST)],
            {"kept": "rule 5 (shop.example.com /admin)", "taken": "rule 30 (shop.example.com)"},
        ),
        ([rule(5, HOST, paths=("/blog",), weights={ELSE: 1}), rule(30, HOST)], {"taken": "rule 30 (shop.example.com)"}),
        # Behind it, and not only a way to the old servers.
        *(
            ([rule(20, HOST, paths=("/a",), **said), rule(30, HOST)], {"hidden": "20", "taken": "rule 30"})
            for said in (
                {"weights": {ELSE: 1}},
                {"weights": {OLD: 1, ELSE: 1}},
                {"weights": {}, "does": ("redirect",)},
                {"does": ("authenticate-cognito", "forward")},
                {"does": ("url-rewrite", "forward")},
            )
        ),
        ([rule(20, HOST, asks_more=True), rule(None, weights={ELSE: 1})], {"taken": "and more", "hidden": "default"}),
        (
            [rule(20, HOST, paths=("/a",)), rule(None, weights={}, does=("fixed-response",))],
            {"taken": "rule 20", "rest": "the default action"},
        ),
    ],
)
def test_each_rule_is_taken_comes_first_or_would_be_hidden(rules: list[ForeignRule], fates: dict[str, str]) -> None:
    found = rule_fates(replace(LEGACY, rules=tuple(rules)), hostname=HOST, priority=11)
    for kind in ("taken", "before", "kept", "hidden"):
        said = describe_rules(getattr(found, kind))
        assert (fates[kind] in said) if kind in fates else said == "", (kind, said)
    assert (found.rest is not None) == ("rest" in fates)


@pytest.mark.parametrize(
    ("old", "said"),
    [
        (replace(LEGACY, rules=(rule(30, HOST),)), ""),
        (OldTargetGroup(arn=OLD), "PHX-369: takeOverTargetGroup = '.*': must be a target group that is there"),
        (replace(LEGACY, owner="phoenix/dev"), "PHX-370: .* this one is the stack's own"),
        (replace(LEGACY, target_type="lambda", rules=(rule(30, HOST),)), r"PHX-371: .* \(it is lambda, HTTP1\)"),
        (replace(LEGACY, protocol_version="GRPC", rules=(rule(30, HOST),)), "PHX-371"),
        (replace(LEGACY, sticky=True, rules=(rule(30, HOST),)), "PHX-372: .*Key=stickiness.enabled,Value=false"),
        (LEGACY, "PHX-373: .*: no rule of it leads there"),
        (replace(LEGACY, rules=(rule(30, "blog.example.com"),)), "PHX-373: .*only rule 30 .blog.example.com. lead"),
        (replace(LEGACY, rules=(rule(8, HOST),)), "PHX-374: rulePriority = 10: must be below 7: .*A-NUMBER-BELOW-7"),
        (
            replace(LEGACY, rules=(rule(20, HOST, paths=("/a",), weights={ELSE: 1}), rule(30, HOST))),
            "PHX-375: rulePriority = 10: .*rule 20 .*: it leads to another target group.*A-NUMBER-ABOVE-20",
        ),
        (
            replace(
                LEGACY,
                rules=(rule(20, HOST, paths=("/a",)), rule(25, HOST, paths=("/b",), does=("redirect",)), rule(30)),
            ),
            "PHX-375: .*rule 25 .*: redirect.*set-rule-priorities .*/25,Priority=NUMBER",
        ),
    ],
)
def test_what_can_not_be_taken_over_is_refused_before_anything_is_made(old: OldTargetGroup, said: str) -> None:
    found = list(take_over.problems(settings(**SAID), live(taken_over()), old))
    if not said:
        assert found == []
        return
    assert len(found) == 1
    assert re.search(said, str(found[0]), re.DOTALL), str(found[0])
    # Once the production rule is there its weights say how far it is.
    begun = replace(live(taken_over()), rules={"production": "arn"})
    assert list(take_over.problems(settings(**SAID), begun, old)) == []


def rows(old: OldTargetGroup, *groups: LiveGroup, begun: bool = True, **said: Any) -> str:
    given = settings(**{**SAID, **said})
    found = replace(live(*groups), rules={"production": "arn"} if begun else {})
    plan = decide_rollout(given, recipe(), found, now=NOW)
    return "\n".join(f"{what}: {line}" for what, line in take_over_rows.rows(given, plan, found, old)) + (
        take_over_rows.last_line(plan, found, old)
    )


RULES = (rule(20, HOST, paths=("/a",)), rule(30, HOST, "www.example.com"), rule(None))


def test_the_plan_says_what_is_taken_over_and_what_is_left_to_remove_by_hand() -> None:
    old = replace(LEGACY, rules=RULES)
    said = rows(old, taken_over(), begun=False)
    assert said.startswith(
        "takes over: legacy (3 of 3 servers healthy): rule 11 takes the requests for shop.example.com of rule 20"
        " (shop.example.com /a), rule 30 (shop.example.com www.example.com), which stay as they are behind it\n"
        "note: 3 servers have production now, and minSize launches 2\n"
        "left: nothing of the old servers is deleted. While takeOverTargetGroup is set, `pulumi config set traffic 0 &&"
        " pulumi up` goes back to them; when nobody will: pulumi config rm takeOverTargetGroup && pulumi up, then\n"
    )
    assert said.endswith(
        f"left: aws elbv2 delete-rule --region eu-west-1 --rule-arn {LISTENER}/20\n"
        "left: by hand: rule 30 (shop.example.com www.example.com) serves www.example.com too, and leads to legacy\n"
        "left: by hand: the default action serves any host too, and leads to legacy\n"
        "left: aws ec2 terminate-instances --region eu-west-1 --instance-ids i-1 i-2 i-3\n"
        f"left: aws elbv2 delete-target-group --region eu-west-1 --target-group-arn {OLD}"
        "; left: 3 rules, 3 servers, legacy"
    )
    assert "delete-auto-scaling-group --region eu-west-1 --force-delete --auto-scaling-group-name old" in rows(
        replace(old, scaling_group="old"), taken_over(0), group("blue")
    )


def test_nothing_is_left_to_remove_while_the_old_servers_have_production() -> None:
    old = replace(LEGACY, rules=RULES)
    assert rows(old, taken_over(90), group("blue", weight=10), traffic=10) == ""
    assert rows(old, taken_over(0), group("blue"), traffic=0) == ""


def test_a_key_that_is_done_says_so() -> None:
    # Of the second release too: after it the old servers are out of the rule.
    second = rows(replace(LEGACY, rules=RULES), taken_over(0), group("blue", "222222222222"), active="green")
    assert second.startswith("left: takeOverTargetGroup does nothing any more")
    assert rows(replace(LEGACY, rules=RULES), group("blue")).startswith(
        "left: takeOverTargetGroup does nothing any more (pulumi config rm takeOverTargetGroup). Of the old servers"
    )
    assert rows(OldTargetGroup(arn=OLD), group("blue")) == (
        f"left: nothing of {OLD}: AWS does not know it any more (pulumi config rm takeOverTargetGroup)"
    )


@pytest.mark.parametrize(("old", "blue", "said"), [(100, 0, True), (0, 100, False)])
def test_an_update_that_only_writes_the_state_says_so(old: int, blue: int, *, said: bool) -> None:
    found = live(taken_over(0), group("blue"))
    named = [{"arn": OLD, "weight": old}, {"arn": group("blue").target_group, "weight": blue}]
    rule = Resource("urn", "type", {"actions": [{"type": "forward", "forward": {"targetGroups": named}}]})
    plan = decide_rollout(settings(**SAID), recipe(), found, now=NOW)
    assert ("the state gets the weights" in str(list(take_over_rows.state_rows(plan, found, rule)))) == said
    assert list(take_over_rows.state_rows(plan, live(group("blue")), rule)) == []
    assert list(take_over_rows.state_rows(plan, found, None)) == []


@mock_aws
def test_the_old_world_is_read_as_aws_describes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    moto_only(monkeypatch)
    session = boto3.Session(region_name="eu-west-1")
    ec2: Any = session.client("ec2")
    elb: Any = session.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{i}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for i, zone in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name="edge", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    old = elb.create_target_group(Name="legacy", Protocol="HTTP", Port=8080, VpcId=vpc)["TargetGroups"][0][
        "TargetGroupArn"
    ]
    to_old = {"Type": "forward", "TargetGroupArn": old}
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[to_old])[
        "Listeners"
    ][0]["ListenerArn"]
    host = {"Field": "host-header", "HostHeaderConfig": {"Values": [HOST]}}
    for priority, conditions, tags in (
        (30, [host, {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a", "/b"]}}], []),
        (20, [host, {"Field": "query-string", "QueryStringConfig": {"Values": [{"Value": "beta"}]}}], []),
        (40, [host, {"Field": "path-pattern", "Values": ["/*"]}], []),
        (10, [host], [{"Key": "phoenix:stack", "Value": "phoenix/dev"}]),
    ):
        elb.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=conditions,
            Actions=[to_old],
            **({"Tags": tags} if tags else {}),
        )
    elb.modify_target_group_attributes(TargetGroupArn=old, Attributes=[{"Key": "stickiness.enabled", "Value": "true"}])
    found = read_old_target_group(Reads(session), old, stack="phoenix/dev", listener=listener)
    assert (found.name, found.target_type, found.sticky, found.owner, found.targets) == (
        "legacy",
        "instance",
        True,
        "",
        (),
    )
    assert [
        (one.priority, one.hosts, one.paths, one.asks_more, one.does, dict(one.weights)) for one in found.rules
    ] == [
        (20, (HOST,), (), True, ("forward",), {old: 1}),
        (30, (HOST,), ("/a", "/b"), False, ("forward",), {old: 1}),
        (40, (HOST,), (), False, ("forward",), {old: 1}),
        (None, (), (), False, ("forward",), {old: 1}),
    ]
    gone = read_old_target_group(Reads(session), f"{old}0", stack="phoenix/dev", listener=listener)
    assert gone == OldTargetGroup(arn=f"{old}0")
