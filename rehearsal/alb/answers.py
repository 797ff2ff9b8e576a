"""Answers that the balancer gives itself: its errors, fixed responses and redirects."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from rehearsal.alb.conditions import host
from rehearsal.alb.routing import Action, Listener


def error(status: int) -> web.Response:
    reason = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}[status]
    page = (
        f"<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {reason}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    return web.Response(status=status, text=page, content_type="text/html", headers={"Server": "awselb/2.0"})


def fixed(action: Action) -> web.Response:
    return web.Response(
        status=int(action.settings["StatusCode"]),
        text=action.settings.get("MessageBody", ""),
        content_type=action.settings.get("ContentType", "text/plain"),
        headers={"Server": "awselb/2.0"},
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
    return web.Response(
        status=status,
        headers={"Location": f"{target}?{asked}" if asked else target, "Server": "awselb/2.0"},
    )
