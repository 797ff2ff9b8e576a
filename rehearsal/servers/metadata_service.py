"""What a server reaches of AWS: the instance metadata service, and the API under the names that AWS gives it.

Version 2 of the service alone, as the launch template asks for (`http_tokens = required`). Source: "Use the Instance
Metadata Service to access instance metadata", EC2 user guide.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from core.times import iso

ADDRESS = "169.254.169.254"
API_ADDRESS = "127.0.0.80"
"""Where a machine finds AWS's API on its loopback; its /etc/hosts says so."""
SERVICES = ("ssm", "secretsmanager", "autoscaling", "dynamodb")
_TOKEN, _TTL = "X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds"
_LONGEST_SECONDS = 21600


@dataclass(frozen=True, kw_only=True)
class RoleCredentials:
    role: str
    access_key: str
    secret_key: str
    token: str
    expires: datetime


@dataclass(frozen=True, kw_only=True)
class AwsEndpoint:
    """`endpoint` is the local cloud's; `credentials` gives those of an instance's role, or None when it has none;
    `target_state` says what state its group brings an instance to (None: it is in none)."""

    endpoint: str
    region: str
    credentials: Callable[[str], RoleCredentials | None]
    target_state: Callable[[str], str | None] = lambda instance_id: None

    @property
    def names(self) -> list[str]:
        """The names of the API that a machine can resolve."""
        return api_names(self.region)


def api_names(region: str) -> list[str]:
    """Those of AWS's services that servers ask."""
    return [f"{service}.{region}.amazonaws.com" for service in SERVICES]


class MetadataService:
    """Answers one instance."""

    def __init__(self, instance_id: str, aws: AwsEndpoint) -> None:
        self._instance_id, self._aws = instance_id, aws
        self._tokens: dict[str, float] = {}

    async def handle(self, request: web.BaseRequest) -> web.Response:
        if "X-Forwarded-For" in request.headers:  # somebody on the server forwards for others
            return web.Response(status=403)
        if request.path == "/latest/api/token":
            return self._token(request)
        if self._tokens.get(request.headers.get(_TOKEN, ""), 0) < time.monotonic():
            return web.Response(status=401)
        if request.method != "GET":
            return web.Response(status=405)
        # Whoever holds the cloud's records may do so for a while.
        text = await asyncio.to_thread(self._answer, request.path.removeprefix("/latest/meta-data/"))
        return web.Response(status=404) if text is None else web.Response(text=text)

    def _token(self, request: web.BaseRequest) -> web.Response:
        if request.method != "PUT":
            return web.Response(status=405)
        wanted = request.headers.get(_TTL, "")
        if not wanted.isdigit() or not 1 <= int(wanted) <= _LONGEST_SECONDS:
            return web.Response(status=400)
        token = secrets.token_urlsafe(40)
        self._tokens[token] = time.monotonic() + int(wanted)
        return web.Response(text=token, headers={_TTL: wanted})

    def _answer(self, path: str) -> str | None:
        plain = {"instance-id": self._instance_id, "placement/region": self._aws.region}
        if path in plain:
            return plain[path]
        if path == "autoscaling/target-lifecycle-state":
            return self._aws.target_state(self._instance_id)
        if not path.startswith("iam/security-credentials/"):
            return None
        given = self._aws.credentials(self._instance_id)
        asked = path.removeprefix("iam/security-credentials/")
        if given is None or asked not in ("", given.role):
            return None
        return (
            given.role
            if not asked
            else json.dumps(
                {
                    "Code": "Success",
                    "LastUpdated": iso(datetime.now(UTC)),
                    "Type": "AWS-HMAC",
                    "AccessKeyId": given.access_key,
                    "SecretAccessKey": given.secret_key,
                    "Token": given.token,
                    "Expiration": iso(given.expires),
                }
            )
        )
