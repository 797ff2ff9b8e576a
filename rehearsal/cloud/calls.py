"""Every call that reaches the local cloud's control plane: recorded, and, where a fault says so, not answered as asked.

A `Fault` stands between the network and moto, where AWS's own front door is: it can refuse a call before anything
happened, let it happen and lose the answer, which is what a caller sees of a fault inside AWS, or have something else
asked. A call can also be held there, while others pass: then its caller is at a known point for as long as somebody
wants.
"""

from __future__ import annotations

import io
import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape


def new_key() -> str:
    """An access key's id as AWS writes them; here it is what opens the cloud, so nobody can guess it (128 bits)."""
    return f"AKIA{secrets.token_hex(16).upper()}"


# Who looks on from outside (`Cloud.client`), and so meets no fault. Another one in each process, and told to nobody.
OBSERVER_KEY = new_key()

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/([^/]+)/([^/]+)/aws4_request")
_RPC_PATH = re.compile(r"/service/[^/]+/operation/(\w+)$")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. `service` is its signing name (ec2, elasticloadbalancing, autoscaling, monitoring, sts, ..)."""

    t: float
    """Seconds since the epoch."""
    service: str
    operation: str
    access_key: str
    agent: str
    """The caller's User-Agent."""
    body: str
    """Form fields or JSON, as sent."""

    @property
    def name(self) -> str:
        """service:Operation, as IAM writes it but for services whose signing name is another."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An error in AWS's words. With `performed` the call does what was asked, and only its answer is this error."""

    status: int
    code: str
    message: str
    performed: bool = False


@dataclass(frozen=True, kw_only=True)
class Substitute:
    """The call is answered as if this had been sent (form fields): moto knows AWS's words for it."""

    body: str


Fault = Callable[[Call], Refusal | Substitute | None]
"""Asked for each call but the observer's, in the order in which they arrive, by one thread at a time."""


@dataclass(eq=False)
class HeldCall:
    """The first call that is `wanted` waits until `released`; with `performed` what it asks for is done before."""

    matches: Callable[[Call], bool]
    performed: bool
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    call: Call | None = None

    def wait(self) -> None:
        self.reached.set()
        self.released.wait()


@dataclass
class Calls:
    """What was called, oldest first, and the faults that calls meet."""

    seen: list[Call] = field(default_factory=list)
    accounts: dict[str, str] = field(default_factory=dict)
    """Access keys that belong to other accounts than the cloud's own."""
    report_error: Callable[[str, str], None] = lambda operation, answer: None
    """Called with the errors of the local cloud itself (5xx), which an SDK would hide by trying again."""
    authorize: Fault = lambda call: None
    """Asked before any fault, of each call but the observer's: what AWS refuses to whoever calls."""
    _delay_seconds: float = 0.0
    _faults: list[Fault] = field(default_factory=list)
    _holds: list[HeldCall] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def delaying(self, seconds: float) -> Iterator[None]:
        """Inside it each call but the observer's is on its way for so long, as one from far away is."""
        self._delay_seconds = seconds
        try:
            yield
        finally:
            self._delay_seconds = 0.0

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Inside it calls meet this fault; of several the first that refuses decides."""
        with self._lock:
            self._faults.append(fault)
        try:
            yield
        finally:
            with self._lock:
                self._faults.remove(fault)

    @contextmanager
    def holding(self, wanted: Callable[[Call], bool], *, performed: bool = False) -> Iterator[HeldCall]:
        """Inside it the first call that is `wanted` waits for its answer; leaving it lets that call go on."""
        held = HeldCall(wanted, performed)
        with self._lock:
            self._holds.append(held)
        try:
            yield held
        finally:
            with self._lock:
                self._holds.remove(held)
            held.released.set()

    def _find_hold(self, call: Call) -> HeldCall | None:
        """Who holds this call, if anybody."""
        with self._lock:
            found = next((held for held in self._holds if held.call is None and held.matches(call)), None)
            if found is not None:
                found.call = call
            return found

    def record_and_check(self, call: Call) -> Refusal | Substitute | None:
        """Records a call. Returns the error that it is to end with, or what is asked in its place, if any."""
        with self._lock:
            self.seen.append(call)
        if call.access_key == OBSERVER_KEY:
            return None
        if refusal := self.authorize(call):
            return refusal
        with self._lock:
            return next((struck for fault in self._faults if (struck := fault(call))), None)

    def through(self, application: Application) -> Application:
        """The application behind this front door."""

        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            call = _read(environ)
            if call is None:
                start("403 MissingAuthenticationToken", [("Content-Type", "text/plain")])
                return [b"Request is missing Authentication Token"]
            if account := self.accounts.get(call.access_key):
                environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
            refusal = self.record_and_check(call)
            if self._delay_seconds and call.access_key != OBSERVER_KEY:
                time.sleep(self._delay_seconds)
            if isinstance(refusal, Substitute):
                _send(environ, refusal.body.encode())
                refusal = None
            held = self._find_hold(call)
            if held is not None and not held.performed:
                held.wait()
            if refusal is None:
                answered = self._watched(call, application)(environ, start)
                if held is not None and held.performed:
                    answered = [b"".join(answered)]
                    held.wait()
                return answered
            if refusal.performed:
                b"".join(application(environ, lambda *_: lambda data: None))
            status, headers, body = _refused(environ, call, refusal)
            start(status, headers)
            return [body]

        return answer

    def _watched(self, call: Call, application: Application) -> Application:
        """The application, whose own errors are complained of: no fault asked for them."""

        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            statuses: list[str] = []

            def started(status: str, *arguments: Any) -> Any:
                statuses.append(status)
                return start(status, *arguments)

            body = b"".join(application(environ, started))
            if statuses[0].startswith("5"):
                self.report_error(call.operation, f"{statuses[0]}: {body.decode(errors='replace')}")
            return [body]

        return answer


def _read(environ: dict[str, Any]) -> Call | None:
    """The call that a request is; None when nobody signed it, as whoever asks for moto's own pages does not."""
    signed = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if signed is None:
        return None
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    _send(environ, body)
    text = body.decode("utf-8", errors="replace")
    return Call(
        t=time.time(),
        service=signed.group(3),
        operation=_operation(environ, text),
        access_key=signed.group(1),
        agent=environ.get("HTTP_USER_AGENT", ""),
        body=text,
    )


def _send(environ: dict[str, Any], body: bytes) -> None:
    """The request's body from now on."""
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))


def _operation(environ: Mapping[str, Any], body: str) -> str:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rsplit(".", 1)[-1]
    if path := _RPC_PATH.search(environ.get("PATH_INFO", "")):
        return path.group(1)
    fields = parse_qs(body) or parse_qs(environ.get("QUERY_STRING", ""))
    return fields.get("Action", [f"{environ.get('REQUEST_METHOD', '')} {environ.get('PATH_INFO', '')}"])[0]


def _refused(environ: Mapping[str, Any], call: Call, refusal: Refusal) -> tuple[str, list[tuple[str, str]], bytes]:
    """The error as the call's protocol writes it. Source: botocore/parsers.py."""
    request = str(uuid.uuid4())
    code, message = escape(refusal.code), escape(refusal.message)
    if "HTTP_X_AMZ_TARGET" in environ:
        kind, text = "application/x-amz-json-1.0", json.dumps({"__type": refusal.code, "message": refusal.message})
    elif call.service == "ec2":
        kind = "text/xml"
        text = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{request}</RequestID></Response>"
        )
    else:
        kind, side = "text/xml", "Sender" if refusal.status < 500 else "Receiver"
        text = (
            f"<ErrorResponse><Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{request}</RequestId></ErrorResponse>"
        )
    body = text.encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-RequestId", request)]
    return f"{refusal.status} {refusal.code}", headers, body
