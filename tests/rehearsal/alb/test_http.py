"""What goes through the rehearsal's load balancer unharmed, and which failure is which error."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from rehearsal.servers import scripted
from tests.rehearsal.alb.site import Site, says
from tests.rehearsal.boto3_stack import until


def resets(connection: socket.socket) -> None:
    scripted.head(connection)


def garbles(connection: socket.socket) -> None:
    scripted.head(connection)
    connection.sendall(b"this is not HTTP\r\n\r\n")


@pytest.mark.parametrize("script", [resets, garbles])
def test_target_that_breaks_its_answer_is_502(site: Site, script: scripted.Script) -> None:
    site.stack.rule({site.targets("green", scripted.checked(script)): 1})
    site.healthy("green")
    assert site.get().status == 502


def test_target_that_refuses_connections_is_502(site: Site) -> None:
    green = site.targets("green", says("green"))
    site.stack.rule({green: 1})
    site.healthy("green")
    (server,) = site.stack.health(green)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        site.machines.addresses[server] = nobody.getsockname()
        assert site.get().status == 502


def test_target_that_never_answers_is_504(site: Site) -> None:
    elbv2 = site.stack.cloud.client("elbv2")
    attribute = {"Key": "idle_timeout.timeout_seconds", "Value": "1"}
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=site.stack.balancer, Attributes=[attribute])
    release = threading.Event()

    def waits(_: socket.socket) -> None:
        release.wait(60)

    site.stack.rule({site.targets("green", scripted.checked(waits)): 1})
    site.healthy("green")
    try:
        assert site.get().status == 504
    finally:
        release.set()
        elbv2.modify_load_balancer_attributes(
            LoadBalancerArn=site.stack.balancer, Attributes=[{**attribute, "Value": "60"}]
        )


def test_idle_connection_that_the_target_closed_costs_no_request(site: Site) -> None:
    """The second request on a connection finds it closed before any byte came back; a fresh one is opened."""

    def once(connection: socket.socket) -> None:
        scripted.head(connection)
        connection.sendall(scripted.ok("kept alive"))
        scripted.head(connection)

    site.stack.rule({site.targets("green", scripted.checked(once)): 1})
    site.healthy("green")
    assert [site.get().status for _ in range(10)] == [200] * 10


def test_request_with_a_body_is_not_sent_twice(site: Site) -> None:
    def once(connection: socket.socket) -> None:
        scripted.head(connection)
        connection.sendall(scripted.ok("kept alive"))
        scripted.head(connection)

    site.stack.rule({site.targets("green", scripted.checked(once)): 1})
    site.healthy("green")
    assert site.get().status == 200
    assert site.get(method="POST", body=b"order").status == 502


def test_bodies_and_headers_go_through_unchanged(site: Site) -> None:
    def echoes(connection: socket.socket) -> None:
        while request := scripted.head(connection):
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in request.split("\r\n")[1:])}
            received = scripted.body(connection, int(headers.get("content-length", 0)))
            text = json.dumps({"line": request.split("\r\n")[0], "headers": headers, "bytes": len(received)})
            connection.sendall(scripted.ok(text, headers="X-Phoenix-Color: green\r\n"))

    site.stack.rule({site.targets("green", scripted.checked(echoes)): 1})
    site.healthy("green")
    answer = site.get("/a%20b?q=%2F", method="POST", body=b"x" * 300_000, X_Forwarded_For="10.1.1.1", Host="shop.test")
    seen = json.loads(answer.body)
    assert answer.headers["X-Phoenix-Color"] == "green"
    assert seen["line"] == "POST /a%20b?q=%2F HTTP/1.1"
    assert seen["bytes"] == 300_000
    assert seen["headers"]["host"] == "shop.test"
    assert seen["headers"]["x-forwarded-for"] == "10.1.1.1, 127.0.0.1"
    assert seen["headers"]["x-forwarded-port"] == str(site.stack.port)
    assert "user-agent" not in seen["headers"] and "accept-encoding" in seen["headers"]


def test_large_answer_streams_through(site: Site) -> None:
    def chunks(connection: socket.socket) -> None:
        scripted.head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        connection.sendall(b"0\r\n\r\n")

    site.stack.rule({site.targets("green", scripted.checked(chunks)): 1})
    site.healthy("green")
    assert len(site.get().body) == 100 * 0x4000


def test_redirect_action(site: Site) -> None:
    site.stack.cloud.client("elbv2").create_rule(
        ListenerArn=site.stack.listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/old/*"]}],
        Actions=[
            {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", "Port": "443", "Protocol": "HTTPS"}}
        ],
    )
    until(lambda: site.get("/old/x").status == 301, what="the rule")
    assert site.get("/old/x?a=1", Host="shop.test:80").headers["Location"] == "https://shop.test:443/old/x?a=1"


def test_a_listener_says_what_it_is_unless_it_was_told_not_to(site: Site) -> None:
    site.answers(503)
    assert site.get().headers["Server"] == "awselb/2.0"
    site.stack.cloud.client("elbv2").modify_listener_attributes(
        ListenerArn=site.stack.listener,
        Attributes=[{"Key": "routing.http.response.server.enabled", "Value": "false"}],
    )
    until(lambda: "Server" not in site.get().headers, what="an answer without Server")
