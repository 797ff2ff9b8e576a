"""moto behind HTTP on the loopback of this machine, with every connection closed when it is."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Collection, Iterable
from typing import Any

from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from rehearsal.cloud import entrance
from rehearsal.cloud.calls import Application, Calls


class ControlPlane:
    """Unlike moto's `ThreadedMotoServer` it keeps neither its socket nor its clients' threads when it is closed.

    `names` are those that machines ask it under, beside its own address.
    """

    def __init__(self, *, calls: Calls, port: int = 0, names: Collection[str] = ()) -> None:
        forget_everything()
        self._hosts = set(names)
        self._connections: set[socket.socket] = set()
        self._server = make_server(
            "127.0.0.1",
            port,
            self._guarded(calls.through(DomainDispatcherApplication(create_backend_app))),
            threaded=True,
            request_handler=_handler(self._connections),
        )
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._hosts.add(f"127.0.0.1:{self._server.server_port}")
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="control-plane", daemon=True
        )
        self._thread.start()

    def _guarded(self, application: Application) -> Application:
        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            if why := entrance.foreign(environ, self._hosts):
                start("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")])
                return [f"The local cloud does not answer this request: {why}.\n".encode()]
            return application(environ, start)

        return answer

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        forget_everything()


def _handler(connections: set[socket.socket]) -> type[Any]:
    class Handler(MotoRequestHandler):  # type: ignore[misc]
        """Knows the open connections, and writes no access log."""

        def setup(self) -> None:
            connections.add(self.request)
            super().setup()

        def finish(self) -> None:
            connections.discard(self.request)
            with contextlib.suppress(OSError):
                super().finish()

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):
                super().handle()

        def log(self, *arguments: Any, **settings: Any) -> None:
            return None

    return Handler


def forget_everything() -> None:
    """moto's records are global to a process: what an earlier cloud (or a test) left must not be found in this one.

    moto's own list of them does not do: when a mock ends, moto empties the list and keeps most of the records.
    """
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("moto.")]
    for backend in {
        id(value): value for module in modules for value in vars(module).values() if isinstance(value, BackendDict)
    }.values():
        backend.clear()
    BackendDict._instances.clear()
