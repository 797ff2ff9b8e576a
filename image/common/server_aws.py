"""What the programs of a server ask: its own metadata, and AWS by the server's role and no other credentials.

Runs on the Python and the botocore of every distribution that the image can be made from (3.10 and 1.23 at least).
"""

from __future__ import annotations

import http.client
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialResolver, InstanceMetadataProvider
from botocore.utils import InstanceMetadataFetcher

METADATA = "169.254.169.254"
TOKEN_SECONDS = 300


def client(service: str, region: str, *, read_seconds: float = 10, attempts: int = 3) -> Any:
    """A client of botocore's with the credentials of the server's role, fresh ones: what was refused is not kept."""
    session = botocore.session.Session()
    session.register_component(
        "credential_provider",
        CredentialResolver(
            [InstanceMetadataProvider(iam_role_fetcher=InstanceMetadataFetcher(timeout=2, num_attempts=3))]
        ),
    )
    config = Config(
        connect_timeout=3, read_timeout=read_seconds, retries={"mode": "standard", "max_attempts": attempts}
    )
    return session.create_client(service, region_name=region, config=config)


def metadata(path: str) -> str | None:
    """An item of the instance's metadata; None when there is none. Raises OSError when the service does not answer."""
    token = _ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)})
    return _ask("GET", f"/latest/meta-data/{path}", {"X-aws-ec2-metadata-token": token or ""})


def _ask(method: str, path: str, headers: dict[str, str]) -> str | None:
    """Not by a proxy, which the environment may name: only this machine's own service knows it."""
    connection = http.client.HTTPConnection(METADATA, timeout=2)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    except http.client.HTTPException as error:
        raise OSError(f"the metadata service broke off: {error!r}") from None
    finally:
        connection.close()
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise OSError(f"the metadata service answers {answer.status}")
    return text
