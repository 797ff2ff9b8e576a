"""Answers that the balancer gives itself: its errors, fixed responses and redirects."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from rehearsal.alb.conditions import host
from rehearsal.alb.routing import Action, Listener


class _Unsigned:
    """Without the `Server` that aiohttp adds to each answer which has none."""

    async def _prepare_headers(self) -> None:
        signed = "Server" in self.headers  # type: ignore[attr-defined]
        await super()._prepare_headers()  # type: ignore[misc]
        if not signed:
            self.headers.pop("Server", None)  # type: ignore[attr-defined]


class Response(_Unsigned, web.Response):
    """An answer with its body."""


class StreamResponse(_Unsigned, web.StreamResponse):
    """An answer whose body comes piece by piece."""


def own_headers(listener: Listener | None) -> dict[str, str]:
    """What a listener puts into answers of its own (ELB user guide, "HTTP header modification")."""
    if listener is None:
        return {"Server": "awselb/2.0"}
    return {**({"Server": "awselb/2.0"} if listener.named else {}), **added_headers(listener)}


def added_headers(listener: Listener) -> dict[str, str]:
    """What it puts into every answer, a target's too."""
    return {"Strict-Transport-Security": listener.hsts} if listener.hsts else {}


def error(status: int, listener: Listener | None) -> web.Response:
    reason = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}[status]
    page = (
        f"<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {reason}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    return Response(status=status, text=page, content_type="text/html", headers=own_headers(listener))


def fixed(action: Action, listener: Listener) -> web.Response:
    return Response(
        status=int(action.settings["StatusCode"]),
        text=action.settings.get("MessageBody", ""),
        content_type=action.settings.get("ContentType", "text/plain"),
        headers=own_headers(listener),
    )


def redirect(action: Action, listener: Listener, request: web.BaseRequest) -> web.Response:
    path, _, query = request.raw_path.partition("?")
    parts: dict[str, Any] = {
        "protocol": listener.protocol,
        "host": host(request.host),
        "port": listener.port,
        "path": path[1:],
        "query": query,
    }

    def filled(key: str, default: str) -> str:
        text = action.settings.get(key, default)
        for name, value in parts.items():
            text = text.replace(f"#{{{name}}}", str(value))
        return text

    target = (
        f"{filled('Protocol', '#{protocol}').lower()}://{filled('Host', '#{host}')}:{filled('Port', '#{port}')}"
        f"{filled('Path', '/#{path}')}"
    )
    asked = filled("Query", "#{query}")
    status = int(action.settings["StatusCode"].removeprefix("HTTP_"))
    return Response(
        status=status,
        headers={"Location": f"{target}?{asked}" if asked else target, **own_headers(listener)},
    )
