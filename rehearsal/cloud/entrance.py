"""Who may ask the local cloud: whoever has the access key of this run, under a name of this machine's loopback.

Everybody on this machine reaches a port of its loopback, other users and pages in a browser too; none of them has the
key. A page can't even ask: its browser names the page's own host, also where that name leads here (DNS rebinding), and
says where the page is from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rehearsal.cloud.calls import Call, Refusal

_JSON = {"ssm", "secretsmanager", "kms", "logs"}


def foreign(environ: Mapping[str, Any], hosts: Collection[str]) -> str:
    """Why a request is none of an AWS client of this machine; empty when it may be one."""
    if environ.get("HTTP_ORIGIN"):
        return f"it comes from a page of {environ['HTTP_ORIGIN']}"
    host = str(environ.get("HTTP_HOST", ""))
    return "" if host in hosts else f"it asks for the host {host!r}"


def unknown_key(call: Call) -> Refusal:
    """What AWS answers to a key that it does not know. Source: "Common errors" of each service's API reference."""
    if call.service == "ec2":
        words = "AWS was not able to validate the provided access credentials"
        return Refusal(status=401, code="AuthFailure", message=words)
    code = "UnrecognizedClientException" if call.service in _JSON else "InvalidClientTokenId"
    return Refusal(
        status=400 if call.service in _JSON else 403,
        code=code,
        message="The security token included in the request is invalid.",
    )
