"""AWS's bucket with the agent of Systems Manager, as a build machine finds it: over TLS, with the agent's signature.

The agent is a stand-in (`packages/`), signed with a key of the rehearsal's own. `files` make a machine believe both;
the metadata layer brings them (`rehearsal.servers.images.metadata_layer`), and nothing of them is ever in an image.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import boto3
from aiohttp import web

from rehearsal.servers import debs
from rehearsal.servers.network import tls
from rehearsal.servers.network.openpgp import Key

BUCKET_PORT = 3143
"""Where a build machine finds the bucket on its loopback, by TLS."""

_AGENT = Path(__file__).parents[1] / "images" / "packages" / "amazon-ssm-agent"
_PLACE = "etc/cloud-of-this-machine"
_OBJECT = re.compile(r"/amazon-ssm-([a-z0-9-]+)/latest/debian_amd64/amazon-ssm-agent\.deb(\.sig)?")


class AgentBucket:
    """`broken`: somebody has changed the package since it was signed."""

    def __init__(self) -> None:
        self.broken = False

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """S3 of whichever region the host's name says."""
        found = _OBJECT.fullmatch(request.path)
        if found is None or request.host != f"s3.{found[1]}.amazonaws.com":
            return web.Response(status=404, text="NoSuchKey\n")
        package, signature = self._agent
        if found[2]:
            return web.Response(body=signature)
        return web.Response(body=package + b"\n" if self.broken else package)

    @property
    def files(self) -> Mapping[str, bytes]:
        """By their paths on the machine."""
        return {f"{_PLACE}/bucket.gpg": self._key.public, f"{_PLACE}/bucket.pem": self._identity.certificate.encode()}

    @property
    def context(self) -> ssl.SSLContext:
        return self._identity.context

    @cached_property
    def _key(self) -> Key:
        return Key("The rehearsal, in the place of SSM Agent")

    @cached_property
    def _agent(self) -> tuple[bytes, bytes]:
        package = debs.build_deb(_AGENT)
        return package, self._key.signature(package)

    @cached_property
    def _identity(self) -> tls.Identity:
        """Of the buckets of all regions."""
        return tls.issue_identity(
            [f"s3.{region}.amazonaws.com" for region in boto3.Session().get_available_regions("ec2")]
        )
