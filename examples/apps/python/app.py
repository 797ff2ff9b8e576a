"""The application: any WSGI callable, so Flask, Django or FastAPI (by its own worker) stand here alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

# With the generation in its answers, verify and promote know which servers answer, and reports draw them.
HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("X-Phoenix-Generation", os.environ.get("PHOENIX_GENERATION", "none")),
]


def application(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """WSGI. /health is asked by verify and the load balancer: 200 when this server can answer users."""
    pages = {"/health": "ok\n", "/": f"{os.environ.get('GREETING', 'Hello')} from {os.uname().nodename}\n"}
    page = pages.get(environ["PATH_INFO"])
    start_response("200 OK" if page else "404 Not Found", HEADERS)
    return [(page or "nothing here\n").encode()]
