"""The rehearsal's load balancer, for real HTTP: rules, weights, health, draining."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from typing import Any

from rehearsal.servers import scripted
from tests.rehearsal.alb.site import Answer, Site, says
from tests.rehearsal.boto3_stack import SECRET, forward, until


def test_default_action_answers_until_there_is_a_rule(site: Site) -> None:
    site.answers(503)
    site.stack.rule({site.targets("green", says("green")): 1})
    site.answers(200, b"green")


def test_rules_are_tried_by_priority(site: Site) -> None:
    green, blue = site.targets("green", says("green")), site.targets("blue", says("blue"))
    site.stack.rule({blue: 1}, priority=100)
    site.answers(200, b"blue")
    site.stack.rule({green: 1}, priority=1, header=SECRET)
    until(lambda: site.get(X_Phoenix_Preview=SECRET.upper()).body == b"green", what="the preview")
    assert site.get(X_Phoenix_Preview="something else").body == b"blue"
    assert site.get().body == b"blue"


def test_weights_are_kept_exactly_and_change_at_once(site: Site) -> None:
    green, blue = site.targets("green", says("green")), site.targets("blue", says("blue"))
    rule = site.stack.rule({green: 10, blue: 90})
    site.healthy("green")
    site.healthy("blue")
    assert Counter(site.get().body for _ in range(100)) == {b"green": 10, b"blue": 90}
    site.stack.cloud.client("elbv2").modify_rule(RuleArn=rule, Actions=[forward({green: 100, blue: 0})])
    until(lambda: {site.get().body for _ in range(20)} == {b"green"}, what="green alone")


def test_no_weight_or_no_target_is_503(site: Site) -> None:
    green = site.targets("green", says("green"))
    rule = site.stack.rule({green: 1})
    site.answers(200)
    elbv2 = site.stack.cloud.client("elbv2")
    elbv2.modify_rule(RuleArn=rule, Actions=[forward({green: 0})])
    site.answers(503)
    elbv2.modify_rule(RuleArn=rule, Actions=[forward({site.targets("empty"): 1})])
    site.answers(503)


def test_targets_take_turns_and_only_healthy_ones_get_requests(site: Site) -> None:
    def sick(connection: socket.socket) -> None:
        scripted.head(connection)
        connection.sendall(b"HTTP/1.1 500 Broken\r\nContent-Length: 4\r\n\r\nsick")

    green = site.targets("green", says("one"), says("two"), sick)
    site.stack.rule({green: 1})
    site.healthy("green", 2)
    assert Counter(site.get().body for _ in range(20)) == {b"one": 10, b"two": 10}


def test_group_without_a_healthy_target_fails_open(site: Site) -> None:
    def refuses_checks(connection: socket.socket) -> None:
        if "HealthChecker" not in scripted.head(connection):
            connection.sendall(scripted.ok("served anyway"))

    green = site.targets("green", refuses_checks)
    site.stack.rule({green: 1})
    until(lambda: "unhealthy" in [state for state, _ in site.stack.health(green).values()], what="unhealthy")
    assert site.get().body == b"served anyway"


def test_request_in_flight_ends_although_the_rule_stopped_naming_its_group(site: Site) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def slow(connection: socket.socket) -> None:
        while "GET /slow" in scripted.head(connection):
            arrived.set()
            go_on.wait(60)
            connection.sendall(scripted.ok("blue to the end"))

    blue, green = site.targets("blue", scripted.checked(slow)), site.targets("green", says("green"))
    rule = site.stack.rule({blue: 1})
    site.healthy("blue")
    answers: list[Answer] = []
    user = threading.Thread(target=lambda: answers.append(site.get("/slow")))
    user.start()
    assert arrived.wait(60)
    site.stack.cloud.client("elbv2").modify_rule(RuleArn=rule, Actions=[forward({green: 1})])
    site.answers(200, b"green")
    go_on.set()
    user.join()
    assert (answers[0].status, answers[0].body) == (200, b"blue to the end")


def test_request_in_flight_ends_while_its_target_drains_and_no_new_one_comes(site: Site) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def slow(connection: socket.socket) -> None:
        while request := scripted.head(connection):
            if "GET /slow" in request:
                arrived.set()
                go_on.wait(60)
            connection.sendall(scripted.ok("slow server"))

    green = site.targets("green", slow)
    site.stack.rule({green: 1})
    site.healthy("green")
    answers: list[Answer] = []
    user = threading.Thread(target=lambda: answers.append(site.get("/slow")))
    user.start()
    assert arrived.wait(60)
    (server,) = site.stack.health(green)
    site.stack.cloud.client("elbv2").deregister_targets(TargetGroupArn=green, Targets=[{"Id": server}])
    site.answers(503)
    assert site.stack.health(green)[server][0] == "draining"
    go_on.set()
    user.join()
    assert (answers[0].status, answers[0].body) == (200, b"slow server")


def test_while_a_rule_is_sticky_who_keeps_cookies_stays_with_a_group_whatever_its_weight(site: Site) -> None:
    green, blue = site.targets("green", says("green")), site.targets("blue", says("blue"))
    sticky = {"Enabled": True, "DurationSeconds": 60}
    elbv2 = site.stack.cloud.client("elbv2")

    def split(weights: dict[str, int], stickiness: dict[str, Any]) -> None:
        action = forward(weights)
        action["ForwardConfig"]["TargetGroupStickinessConfig"] = stickiness
        elbv2.modify_rule(RuleArn=rule, Actions=[action])

    rule = site.stack.rule({green: 50, blue: 50})
    site.healthy("blue")
    site.healthy("green")
    split({green: 50, blue: 50}, sticky)
    until(lambda: "Set-Cookie" in site.get().headers, what="a cookie")
    jars = {answer.body: answer.headers["Set-Cookie"].partition(";")[0] for answer in (site.get(), site.get())}
    assert set(jars) == {b"green", b"blue"}
    split({green: 100, blue: 0}, sticky)
    until(lambda: {site.get().body for _ in range(10)} == {b"green"}, what="green alone for who comes anew")
    assert {site.get(Cookie=f"a=b; {jars[b'blue']}").body for _ in range(10)} == {b"blue"}
    split({green: 100, blue: 0}, {"Enabled": False, "DurationSeconds": 60})
    until(lambda: site.get(Cookie=jars[b"blue"]).body == b"green", what="nobody sticks any more")
    assert "Set-Cookie" not in site.get().headers
    assert site.get(Cookie="AWSALBTG=nonsense").body == b"green"
