"""Stands before every request: whose name was called, from which page it comes, how long it is, and what leaves with the answer."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from communication_agent import telemetry
from communication_agent.config import Config

LONGEST_BODY = 64 * 1024  # bytes; no form here is longer
TOO_LONG = "That is more than any form of ours holds."
SAFE = frozenset({"GET", "HEAD"})
# What people outside may reach; the rest is for whoever sits at this machine, because there are no logins yet.
PUBLIC = ("/p/", "/static/")
# Whoever adds one of these hands on somebody else's request.
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")

PAGE_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": PAGE_CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-robots-tag": "noindex, nofollow",
    "cache-control": "no-store",
}

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?")

Refuse = Callable[[int, str], Response]  # a status and one sentence for people


class Doorman:
    """ASGI middleware; `refuse` makes the page that says no."""

    def __init__(self, app: ASGIApp, *, config: Config, refuse: Refuse) -> None:
        self.app = app
        self.refuse = refuse
        self.public = public_host(config)
        self.own = frozenset({"localhost", "127.0.0.1", "::1", config.web_host.lower()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        guarded = _Answer(send)
        refusal = self._refusal(Headers(scope=scope), str(scope["method"]), str(scope["path"]))
        if refusal:
            return await refusal(scope, receive, guarded)
        try:
            await self.app(scope, _limited(receive), guarded)
        except _TooLongError:
            await self.refuse(413, TOO_LONG)(scope, receive, guarded)
        except Exception as error:
            _tell(error, str(scope["method"]), str(scope["path"]))
            if guarded.begun:
                raise
            await self.refuse(500, "Something went wrong on our side. It has been written down.")(scope, receive, guarded)

    def _refusal(self, headers: Headers, method: str, path: str) -> Response | None:
        host = host_name(headers)
        if host is None or host not in self.own | {self.public}:
            # Else a web page elsewhere could give its own name this address and read what is meant for this machine.
            return self.refuse(421, "This program does not answer to that name.")
        outside = host not in self.own or any(name in headers for name in FORWARDED)
        if outside and not path.startswith(PUBLIC):
            return self.refuse(403, "This page is open on the machine itself only.")
        if method not in SAFE and not path.startswith("/p/") and not same_origin(headers):
            return self.refuse(403, "The form was not sent by a page of this program.")
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > LONGEST_BODY:
            return self.refuse(413, TOO_LONG)
        return None


def host_name(headers: Headers) -> str | None:
    """The host that was asked for, without its port, in lower case; None when there is not exactly one."""
    values = headers.getlist("host")
    match = _HOST.fullmatch(values[0]) if len(values) == 1 else None
    return match["name"].strip("[]").lower() if match else None


def same_origin(headers: Headers) -> bool:
    """Whether a form was sent by a page of ours, as the browser says it; who says nothing is no browser."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is None or origin == "null":
        return site == "same-origin"
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def public_host(config: Config) -> str | None:
    """The name in PUBLIC_URL, None when it is not set."""
    return (urlsplit(config.public_url).hostname or "").lower() or None if config.public_url else None


def is_loopback(host: str) -> bool:
    """Whether the name or address is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class _TooLongError(Exception):
    """The body does not end."""


class _Answer:
    """Sends with the headers that every answer has, unless it brings its own."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self.send(message)


def _limited(receive: Receive) -> Receive:
    length = 0

    async def limited() -> Message:
        nonlocal length
        message = await receive()
        length += len(message.get("body", b""))
        if length > LONGEST_BODY:
            raise _TooLongError
        return message

    return limited


def _tell(error: Exception, method: str, path: str) -> None:
    place, trace = "", error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        place = f" ({code.co_qualname}:{trace.tb_lineno})" if "communication_agent" in code.co_filename else place
        trace = trace.tb_next
    # The first part of the path only: what follows may be a capability or a customer.
    door = "/" + path.lstrip("/").partition("/")[0]
    kind = type(error).__name__
    telemetry.warned("request failed", method=method, path=door, status=500, exception=kind, error=f"{error}{place}")
