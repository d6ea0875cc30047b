"""One message: what exactly was sent, what happened to it, and what it was made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from communication_agent.content.gsm7 import septets
from communication_agent.content.template_renderer import compile_template
from communication_agent.db import audit_log
from communication_agent.db.console_repository import Whole
from communication_agent.delivery import payload_hash, unpack
from communication_agent.domain import Channel, Message
from communication_agent.errors import Problem
from communication_agent.mime import split_mailbox, to_bytes
from communication_agent.web.console.desk import Desk, Visit, named
from communication_agent.web.console.preview import FRAME_CSP, framed, links_of
from communication_agent.web.console.words import Entry, provider_name, timeline, why

VIEWS: Mapping[Channel, Mapping[str, str]] = {
    Channel.EMAIL: {"phone": "Phone", "desktop": "Desktop", "dark": "Dark", "text": "Plain text", "source": "Source"},
    Channel.SMS: {"sms": "Text message", "source": "Source"},
}
SHOWN_SOURCE = 48_000  # characters: a page stays below 100 kB, the file has all of it
OPEN = frozenset({"held", "uncertain"})
ONE_SMS, SMS_PART = 160, 153  # septets


@dataclass(frozen=True, slots=True)
class Frozen:
    """What was fixed before the first byte left."""

    message: Message
    provider: str
    provider_id: str | None
    delivery: str | None
    payload_hash: str
    intact: bool
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OneMessage:
    """The screen at `/t/{tenant}/messages/{id}`, and the documents in its frames."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        base = "/t/{tenant}/messages/{id:uuid}"
        return [Route(base, self.page), Route(f"{base}/frame", self.frame), Route(f"{base}/source.eml", self.source)]

    async def page(self, request: Request) -> Response:
        """The screen; raises Problem CA-503 for a message that is not this dealer's."""
        visit = await self.desk.visit(request)
        id_ = cast("UUID", request.path_params["id"])
        async with self.desk.house.central.tenant(visit.tenant.id) as conn:
            message = await self.desk.reads.whole(conn, visit.tenant.id, id_)
            if message is None:
                raise _unknown(visit, id_)
            frozen = _frozen(await self.desk.house.messages.frozen(conn, visit.tenant.id, id_))
            steps = await self.desk.house.messages.timeline(conn, visit.tenant.id, id_)
            changes = await audit_log.entries(conn, visit.tenant.id, f"message:{id_}")
            went_on_as = await self.desk.reads.fallback(conn, visit.tenant.id, message)
        customers = await self.desk.customers(visit.tenant, [message.customer_id])
        entries = timeline(message, steps, changes, frozen.provider if frozen else None)
        values = {
            "message": message,
            "title": self.desk.title(message.communication),
            "name": named(customers.get(message.customer_id), message.customer_id),
            "open_state": why(message.state) if message.state in OPEN else None,
            "reason": why(message.reason),
            "entries": entries,
            "went_on_as": went_on_as,
            "frozen": frozen,
            "used": self._used(message, frozen) if frozen else frozenset[str](),
            "provider": provider_name(frozen.provider) if frozen else "",
            "evidence": _evidence(message, frozen, entries),
            **(await self._shown(request, visit, frozen) if frozen else {"views": {}, "view": None}),
        }
        return self.desk.page("message.html", visit, "messages", values)

    async def frame(self, request: Request) -> Response:
        """The HTML part alone, for a sandboxed frame; `scheme` is light or dark."""
        _, frozen = await self._load(request)
        scheme = "dark" if request.query_params.get("scheme") == "dark" else "light"
        headers = {"content-security-policy": FRAME_CSP, "cross-origin-opener-policy": "unsafe-none"}
        return HTMLResponse(framed(frozen.message.html, scheme), headers=headers)

    async def source(self, request: Request) -> Response:
        """The exact bytes as a file."""
        visit, frozen = await self._load(request)
        name = f"{frozen.message.id}.{'eml' if frozen.message.channel is Channel.EMAIL else 'txt'}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(await self._source(visit, frozen), headers=headers, media_type="application/octet-stream")

    async def _load(self, request: Request) -> tuple[Visit, Frozen]:
        visit = await self.desk.visit(request)
        id_ = cast("UUID", request.path_params["id"])
        async with self.desk.house.central.tenant(visit.tenant.id) as conn:
            frozen = _frozen(await self.desk.house.messages.frozen(conn, visit.tenant.id, id_))
        if frozen is None:
            raise _unknown(visit, id_)
        return visit, frozen

    def _used(self, message: Whole, frozen: Frozen) -> frozenset[str]:
        """The facts that the type's words of this channel speak of, as they stand today."""
        known = self.desk.house.communications.get(message.communication)
        if known is None:
            return frozenset()
        words = known.wording
        email = (words.subject, words.preheader, words.body)
        sources = email if frozen.message.channel is Channel.EMAIL else (words.sms,)
        return frozenset[str]().union(*(compile_template(source, html=False).variables for source in sources))

    async def _shown(self, request: Request, visit: Visit, frozen: Frozen) -> dict[str, object]:
        """What the chosen view needs."""
        message, asked = frozen.message, request.query_params.get("view", "")
        views = VIEWS[message.channel]
        view = asked if asked in views else next(iter(views))
        source = (await self._source(visit, frozen)).decode("utf-8", "replace") if view == "source" else ""
        return {
            "views": views,
            "view": view,
            "sender": _sender(message),
            "source": source[:SHOWN_SOURCE],
            "cut": len(source) > SHOWN_SOURCE,
            "links": links_of(message.html),
            "septets": septets(message.text) if message.channel is Channel.SMS else 0,
            "parts": _parts(message.text) if message.channel is Channel.SMS else 0,
        }

    async def _source(self, visit: Visit, frozen: Frozen) -> bytes:
        """The mail as it left, byte for byte; of a text its words."""
        message = frozen.message
        if message.channel is Channel.SMS:
            return f"From: {message.sender}\nTo: {message.to}\n\n{message.text}\n".encode()
        files: dict[str, bytes] = {}
        async with self.desk.house.central.tenant(visit.tenant.id) as conn:
            for attachment in message.attachments:
                content = await self.desk.reads.attachment(conn, visit.tenant.id, attachment.sha256)
                files[attachment.sha256] = content or b""
        return to_bytes(message, files)


def _frozen(row: Mapping[str, object] | None) -> Frozen | None:
    if row is None:
        return None
    payload, stored = str(row["payload"]), str(row["payload_hash"])
    facts = cast("Mapping[str, str]", row["facts"])
    return Frozen(
        message=unpack(payload),
        provider=str(row["provider"]),
        provider_id=cast("str | None", row["provider_id"]),
        delivery=cast("str | None", row["delivery"]),
        payload_hash=stored,
        intact=payload_hash(payload) == stored,
        facts={name: value for name, value in sorted(facts.items()) if value},
    )


def _sender(message: Message) -> tuple[str, str]:
    """The name and the address that the reader's mail program shows."""
    if message.channel is Channel.SMS:
        return message.sender, ""
    name, address = split_mailbox(message.sender)
    return name or address, address


def _parts(text: str) -> int:
    length = septets(text)
    return 1 if length <= ONE_SMS else -(-length // SMS_PART)


def _evidence(message: Whole, frozen: Frozen | None, entries: Sequence[Entry]) -> list[tuple[str, object]]:
    """What is known about a message that nobody but a person, or the provider, can settle; empty for every other."""
    if message.state not in OPEN:
        return []
    handed = [entry.at for entry in entries if entry.kind == "gate"]
    known: list[tuple[str, object]] = [
        ("Handed to the provider", _times(len(handed))),
        ("Last handed over", handed[-1] if handed else None),
        ("May have arrived since", message.unknown_since),
        ("Looked for and not found", _times(message.checks) if message.checks else None),
        ("Looked for again", message.check_at),
        ("Failed for certain before", _times(message.attempts) if message.attempts else None),
        ("Ends by itself as failed", message.useful_until),
        ("Provider", provider_name(frozen.provider) if frozen else None),
        ("Message-ID to look for", frozen.message.message_id or str(message.id) if frozen else None),
    ]
    return [(label, value) for label, value in known if value is not None]


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _unknown(visit: Visit, id_: UUID) -> Problem:
    return Problem(
        "CA-503", "There is no such message.", f"{visit.tenant.name} has no message {id_}", "look in the list of messages"
    )
