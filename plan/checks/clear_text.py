"""Whether the preview token crosses the internet in clear text: whoever reads it on the way reaches pre-production.

Probes and smoke tests send it with every look, from wherever the update runs, and so does everybody who previews.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from core.errors import Problem, problem
from plan.checks.permanent import PermanentResources
from plan.config.settings import Settings
from plan.readers.existing_balancer import ExistingBalancer

# Who is no internet: private networks, and those of carriers (RFC 1918, RFC 6598, RFC 4193).
INSIDE = [ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
INSIDE_IPV6 = ipaddress.IPv6Network("fc00::/7")
READ = "the preview token crosses the internet in clear text, and whoever reads it there reaches pre-production"


def token_path(s: Settings, shared: ExistingBalancer | None, before: PermanentResources, *, port: int) -> str:
    """By which it does, in words; empty when by none, as far as that is known.

    A load balancer of the program's own is internet-facing unless it is `internal`. `port`: of the main listener of one
    that several share.
    """
    if shared and shared.listener:
        plain = shared.is_public and shared.url.startswith("http:")
        return f"the listener {shared.listener} is HTTP, and its load balancer internet-facing" if plain else ""
    if shared:
        listener = before.ports.get(port)
        return f"HTTP {port} is open to the internet" if listener and listener.protocol == "HTTP" else ""
    if s.is_https or s.internal:
        return ""
    outside = [one for one in s.allowed_cidrs if not _is_inside(ipaddress.ip_network(one))]
    return f"HTTP {s.port} is open to {', '.join(outside)}" if outside else ""


def _is_inside(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    if isinstance(network, ipaddress.IPv6Network):
        return network.subnet_of(INSIDE_IPV6)
    return any(network.subnet_of(inside) for inside in INSIDE)


def problems(s: Settings, found: str) -> Iterator[Problem]:
    """`protect` says that this is production: there it is an error. `found`: the way."""
    if found and s.protect:
        yield problem(
            "PHX-317",
            "protect",
            "true",
            f"must not be set while {READ} ({found})",
            f"{_secure(s)}; or, where that is borne, pulumi config set protect false",
        )


def warning(s: Settings, found: str) -> Iterator[str]:
    """A line for the plan."""
    if found and not s.protect:
        yield f"{READ}: {found} ({_secure(s)})"


def _secure(s: Settings) -> str:
    if s.listener_arn:
        return "pulumi config set listenerArn ARN-OF-AN-HTTPS-LISTENER"
    return "pulumi config set certificateArn ARN && pulumi config set hostname NAME"
