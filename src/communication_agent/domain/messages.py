"""What leaves the house."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from communication_agent.domain.jobs import Attachment, Channel


@dataclass(frozen=True, slots=True)
class Content:
    """Composed words, before the envelope; email: subject, html, text; SMS: sms."""

    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    sms: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A frozen message with its envelope: the same value always makes the same bytes."""

    id: UUID
    tenant_id: str
    channel: Channel
    sender: str  # email: display name and address; SMS: number, messaging service or short name
    to: str
    date: datetime
    subject: str = ""
    html: str = ""
    text: str = ""  # email: the plain-text part; SMS: the body
    reply_to: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    message_id: str = ""  # email: deterministic Message-ID with its angle brackets
    attachments: tuple[Attachment, ...] = ()
