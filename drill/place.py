"""A real account as the scenario's `Place`. Where AWS's calls are led to somebody else, it says that it is local."""

from __future__ import annotations

import os
import re
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from drill.observe import AccountWatch
from rehearsal.engine import Engine
from rehearsal.scenario import inside_checks
from rehearsal.scenario.backend import break_image
from rehearsal.scenario.project_copy import ProjectCopy
from rehearsal.scenario.record import AWS, LOCAL
from rehearsal.scenario.watch import InvariantWatch
from rehearsal.state.journal import Event

# https://docs.aws.amazon.com/general/latest/gr/rande.html, with China's partition and the dual-stack endpoints
AWS_ITSELF = re.compile(r"https://[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|api\.aws)")
ANSWER_SECONDS = 600.0
"""A load balancer's name is known everywhere some minutes after it is made."""
# Many calls of a watch and a sweep, in an account that others use too.
RETRIES = Config(retries={"mode": "standard", "max_attempts": 8})


class NoAnswerError(Exception):
    """Nothing answered under the stack's address; the text says which."""


@dataclass
class AwsBackend:
    """`session` reaches it; `port`: of the listener where it is this machine's, else 0."""

    session: Any
    region: str
    account_id: str
    identity: str
    port: int = 0
    scripts_run: bool = True
    name: str = "drill"
    servers: str = "EC2 instances"
    cloud: str = field(init=False)
    account: str = field(init=False)
    _clients: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cloud = cloud_of(self.client("sts").meta.endpoint_url, self.client("ec2").meta.endpoint_url)
        self.account = self.account_id if self.cloud == AWS else ""
        if self.cloud == LOCAL:
            self.servers = "the local cloud's"

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.session.client(service, region_name=self.region, config=RETRIES)
        return self._clients[service]

    def watch(self) -> InvariantWatch:
        # Clients of its own: it asks beside everybody else, from a thread.
        watching: dict[str, Any] = {}

        def client(service: str) -> Any:
            if service not in watching:
                watching[service] = self.session.client(service, region_name=self.region, config=RETRIES)
            return watching[service]

        for service in ("autoscaling", "elbv2"):  # a session makes no clients in threads
            client(service)
        return AccountWatch(self.region, self.identity, clients=client)

    def url(self, engine: Engine) -> str:
        """The stack's own, once it answers. Raises NoAnswerError."""
        url = f"http://127.0.0.1:{self.port}/" if self.port else f"{str(engine.outputs()['url']).rstrip('/')}/"
        limit = time.monotonic() + ANSWER_SECONDS
        while (why := _answer_problem(url)) and time.monotonic() < limit:
            time.sleep(2)
        if why:
            raise NoAnswerError(f"{url} does not answer ({why})")
        return url

    def events(self, watch: InvariantWatch) -> Sequence[Event]:
        return watch.events if isinstance(watch, AccountWatch) else ()

    def break_image(self, project: ProjectCopy, engine: Engine) -> str:
        return break_image(project, engine, scripts_run=self.scripts_run)

    def patch_by_hand(self) -> inside_checks.PatchedServers | None:
        return None  # nobody gets onto a server's disk from here

    def check_inside(self, old: inside_checks.PatchedServers, url: str) -> tuple[list[str], list[str]]:
        return [], []


def cloud_of(*endpoints: str) -> str:
    """AWS only when each of them is AWS's own."""
    return AWS if all(AWS_ITSELF.fullmatch(one.rstrip("/")) for one in endpoints) else LOCAL


def session(profile: str, endpoint: str) -> Any:
    """For this process's own credentials, or a profile's; with `endpoint` all calls go there."""
    if endpoint:
        os.environ["AWS_ENDPOINT_URL"] = endpoint
    return boto3.Session(profile_name=profile or None)


def is_local(endpoint: str) -> bool:
    return urlsplit(endpoint).hostname in ("127.0.0.1", "localhost", "::1")


def _answer_problem(url: str) -> str:
    """Why a request is not answered by a server of the stack; empty when it is."""
    try:
        # As the load asks: without a proxy.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
            return "" if answer.headers.get("X-Phoenix-Generation") else "the answer is nobody's of this stack"
    except (OSError, ValueError) as error:
        return str(error)
