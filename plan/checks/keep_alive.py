"""Whether the application keeps idle connections longer than the load balancer does.

The balancer must be the one that closes: it sends a request into a connection that the application is just closing, and
its user gets 502 (User Guide for Application Load Balancers, "Troubleshoot", HTTP 502; "Connection idle timeout").
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from core import image_base

# Where the sample application says it, in milliseconds; -1 is for ever, and without it connectionTimeout counts, whose
# default is 60,000 (Tomcat's configuration reference, "The HTTP Connector").
FILE = "server.xml"
TOMCATS_DEFAULT = 60_000


def keep_alive_seconds(folder: Path) -> float | None:
    """How long the application of an image's folder keeps an idle connection; None when it is another application."""
    try:
        text = (image_base.application(folder) / FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    connector = re.search(r"<Connector\b[^>]*>", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
    if connector is None:
        return None
    for name in ("keepAliveTimeout", "connectionTimeout"):
        if said := re.search(rf"\b{name}\s*=\s*[\"'](-?\d+)[\"']", connector[0]):
            return math.inf if int(said[1]) < 0 else int(said[1]) / 1000
    return TOMCATS_DEFAULT / 1000


def warning(kept: float | None, idle: int | None, *, image_dir: str, load_balancer: str) -> Iterator[str]:
    """A line for the plan. `kept`: by the application; `idle`: by the load balancer; in seconds, None: unknown.

    `load_balancer`: the ARN of one that others made; empty for the stack's own.
    """
    if kept is None or idle is None or kept > idle:
        return
    shorter = (
        f"or, where no other service needs it so long: aws elbv2 modify-load-balancer-attributes --load-balancer-arn"
        f" {load_balancer} --attributes Key=idle_timeout.timeout_seconds,Value=60"
        if load_balancer
        else "or a shorter idleTimeoutSeconds"
    )
    yield (
        f"the application keeps an idle connection {kept:g} s ({FILE} of {image_dir}, keepAliveTimeout), and the load"
        f" balancer {idle} s: requests that it sends into one that is just being closed get 502 (keepAliveTimeout ="
        f" {(idle + 15) * 1000}, in milliseconds; {shorter})"
    )
