"""One request through the balancer: rule, target group, target, answer; an ALB's own errors where it would make them.

Source: "Troubleshoot your Application Load Balancers" (which failure is which 5xx) and "HTTP headers and Application
Load Balancers" (X-Forwarded-*).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Set

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from rehearsal.alb import answers, stickiness, targets
from rehearsal.alb.conditions import Request, host
from rehearsal.alb.counters import Counters
from rehearsal.alb.routing import Group, Listener, Rule, Table
from rehearsal.alb.targets import Upstream
from rehearsal.alb.weighted_round_robin import WeightedRoundRobin
from rehearsal.servers.machines import Machines
from rehearsal.state.cloud_state import CloudState
from rehearsal.state.target_health import HEALTHY

_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_WHOLE_BODY = 65536
"""Bodies up to this many bytes are sent in one piece, larger and unknown ones are streamed."""


class Refusal(Exception):  # noqa: N818 - an answer, not a defect
    """The balancer's own error answer."""

    def __init__(self, status: int, *, group: Group | None = None, connect: bool = False) -> None:
        super().__init__(status)
        self.status = status
        self.group = group
        self.connect = connect


class Proxy:
    def __init__(self, state: CloudState, machines: Machines, counters: Counters, table: Callable[[], Table]) -> None:
        self._state = state
        self._machines = machines
        self._counters = counters
        self._table = table
        self._wheels: dict[tuple[str, tuple[tuple[str, int], ...]], WeightedRoundRobin] = {}
        self._turns: dict[str, int] = {}
        self._upstreams: dict[tuple[str, int], Upstream] = {}

    async def handle(self, listener_arn: str, request: web.BaseRequest) -> web.StreamResponse:
        table = self._table()
        listener = table.listeners.get(listener_arn)
        if listener is None:
            return answers.error(503, None)
        self._counters.add("RequestCount", balancer=listener.balancer)
        try:
            return await self._route(table, listener, request)
        except Refusal as refusal:
            for metric in ("HTTPCode_ELB_5XX_Count", f"HTTPCode_ELB_{refusal.status}_Count"):
                self._counters.add(metric, balancer=listener.balancer)
            if refusal.connect and refusal.group is not None:
                self._counters.add(
                    "TargetConnectionErrorCount", balancer=listener.balancer, group=refusal.group.dimension
                )
            return answers.error(refusal.status, listener)

    async def _route(self, table: Table, listener: Listener, request: web.BaseRequest) -> web.StreamResponse:
        rule = listener.rule(
            Request(
                method=request.method,
                path=request.raw_path.partition("?")[0],
                host=host(request.host),
                headers={key.lower(): value for key, value in request.headers.items()},
            )
        )
        if rule.action.kind == "fixed-response":
            return answers.fixed(rule.action, listener)
        if rule.action.kind == "redirect":
            return answers.redirect(rule.action, listener, request)
        group = self._group(table, rule, request)
        target_id, port = self._target(group)
        sticky = rule.action.sticky_seconds
        cookie = stickiness.cookie_for(group.arn, seconds=sticky, now=time.time()) if sticky else ""
        return await self._forward(listener, group, target_id, port, request, cookie=cookie)

    def _group(self, table: Table, rule: Rule, request: web.BaseRequest) -> Group:
        arn = ""
        if rule.action.sticky_seconds:
            named = [arn for arn, _ in rule.action.weights]
            arn = stickiness.remembered_group(request.headers.get("Cookie", ""), named, now=time.time())
        group = table.groups.get(arn or self._next(rule))
        if group is None or not group.targets:
            raise Refusal(503)
        return group

    def _next(self, rule: Rule) -> str:
        """The group whose turn it is; empty when no group of the rule has a weight."""
        key = (rule.arn, rule.action.weights)
        if key not in self._wheels:
            self._wheels = {k: round_robin for k, round_robin in self._wheels.items() if k[0] != rule.arn}
            self._wheels[key] = WeightedRoundRobin(rule.action.weights)
        return self._wheels[key].next() or ""

    def _target(self, group: Group) -> tuple[str, int]:
        """The healthy ones by turns; all of them when none is healthy (the balancer fails open)."""
        health = self._state.health
        usable = [
            target
            for target in group.targets
            if (known := health.get((group.arn, target[0]))) is not None and known.state == HEALTHY
        ] or list(group.targets)
        turn = self._turns.get(group.arn, 0)
        self._turns[group.arn] = turn + 1
        return usable[turn % len(usable)]

    async def _forward(
        self, listener: Listener, group: Group, target_id: str, port: int, request: web.BaseRequest, *, cookie: str
    ) -> web.StreamResponse:
        upstream = self._upstreams.get((target_id, port))
        if upstream is None:
            upstream = Upstream(self._machines, instance_id=target_id, port=port)
            self._upstreams[target_id, port] = upstream
        self._counters.gauge("RequestCount", balancer=listener.balancer, group=group.dimension, value=1)
        begun = time.monotonic()
        answer = await self._ask(listener, group, upstream, request)
        try:
            for metric, value in (
                ("TargetResponseTime", time.monotonic() - begun),
                (f"HTTPCode_Target_{answer.status // 100}XX_Count", 1.0),
            ):
                self._counters.add(metric, balancer=listener.balancer, group=group.dimension, value=value)
            return await _pass_on(answer, request, group, listener, cookie)
        finally:
            answer.release()

    async def _ask(
        self, listener: Listener, group: Group, upstream: Upstream, request: web.BaseRequest
    ) -> aiohttp.ClientResponse:
        """The target's answer, headers read. A connection that the target had closed while idle is no failure."""
        headers = _forwarded(request, listener)
        body = request.content if request.can_read_body else None
        while True:
            address = upstream.address()
            if address is None:
                raise Refusal(502, group=group, connect=True)
            context: dict[str, bool] = {}
            try:
                return await upstream.session().request(
                    request.method,
                    targets.url(address, request.raw_path),
                    headers=headers,
                    data=body,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(
                        total=None, sock_connect=targets.CONNECT_SECONDS, sock_read=listener.idle_seconds
                    ),
                    trace_request_ctx=context,
                )
            except aiohttp.ConnectionTimeoutError as error:
                raise Refusal(504, group=group, connect=True) from error
            except TimeoutError as error:
                raise Refusal(504, group=group) from error
            except aiohttp.ClientConnectorError as error:
                raise Refusal(502, group=group, connect=True) from error
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if context.get("reused") and body is None and request.method in _REPEATABLE:
                    continue
                raise Refusal(502, group=group) from error
            except aiohttp.ClientError as error:
                raise Refusal(502, group=group) from error

    async def remove_target(self, in_use: Set[str]) -> None:
        """Closes the connections to targets that are neither registered anywhere nor draining."""
        for key in [key for key in self._upstreams if key[0] not in in_use]:
            await self._upstreams.pop(key).close()

    async def close(self) -> None:
        await self.remove_target(set())


async def _pass_on(
    answer: aiohttp.ClientResponse, request: web.BaseRequest, group: Group, listener: Listener, cookie: str
) -> web.StreamResponse:
    headers = CIMultiDict((k, v) for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP)
    headers.update(answers.added_headers(listener))
    if cookie:
        headers.add("Set-Cookie", cookie)
    length = answer.content_length
    bodiless = request.method == "HEAD" or answer.status in (204, 304)
    if not bodiless and length is not None and length <= _WHOLE_BODY:
        try:
            body = await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            raise Refusal(502, group=group) from error
        headers.popall("Content-Length", None)
        return answers.Response(status=answer.status, reason=answer.reason, headers=headers, body=body)
    response = answers.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    if not bodiless and length is None:
        response.enable_chunked_encoding()
    await response.prepare(request)
    if not bodiless:
        try:
            async for piece in answer.content.iter_any():
                await response.write(piece)
        except (aiohttp.ClientError, OSError):
            # The status is out already: a cut connection is all that tells the client, as it does with an ALB.
            if request.transport is not None:
                request.transport.abort()
            return response
    await response.write_eof()
    return response


def _forwarded(request: web.BaseRequest, listener: Listener) -> CIMultiDict[str]:
    headers = CIMultiDict((k, v) for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP)
    peer = request.remote or "127.0.0.1"
    earlier = headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{earlier}, {peer}" if earlier else peer
    headers["X-Forwarded-Proto"] = listener.protocol.lower()
    headers["X-Forwarded-Port"] = str(listener.port)
    headers.setdefault("X-Amzn-Trace-Id", f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}")
    return headers
