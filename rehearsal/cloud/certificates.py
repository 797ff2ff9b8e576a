"""TLS for HTTPS listeners, with the certificates that the local ACM has."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Any

from moto.acm.models import acm_backends

from rehearsal.state.cloud_state import ACCOUNT


def server_context(certificate_arn: str) -> ssl.SSLContext:
    """Raises LookupError when ACM has no such certificate, or has not issued it yet."""
    found = _certificate(certificate_arn)
    if found is None or found.status != "ISSUED":
        raise LookupError(f"no issued certificate {certificate_arn or '(none given)'}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        certificate.write_bytes(found.cert)
        key.touch(mode=0o600)
        key.write_bytes(found.key)
        context.load_cert_chain(certificate, key)
    return context


def _certificate(arn: str) -> Any:
    region = arn.split(":")[3] if arn.count(":") > 3 else ""
    if not region:
        return None
    return acm_backends[ACCOUNT][region]._certificates.get(arn)
