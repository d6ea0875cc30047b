"""A row of `communication_queue`: its schema, checked per type, with errors that name the field."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from communication_agent.communication import Communication
from communication_agent.domain import Attachment

MAX_ATTACHMENT = 10 * 1024 * 1024
_KINDS = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class InvalidRow(ValueError):  # noqa: N818 - it is kept with its error, nothing failed
    """What is wrong with a row, in words for the one who wrote it."""


def _text(value: object) -> object:
    # Other systems send numbers where an id or an amount is meant.
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_text)]


class RowAttachment(BaseModel):
    """A file in a row: PDF, PNG or JPEG by its content, at most 10 MB."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filename: str = Field(min_length=1, max_length=120, pattern=r'^[^/\\\x00-\x1f"]+$')
    content_type: str | None = None
    content_base64: str = Field(max_length=MAX_ATTACHMENT * 4 // 3 + 8)

    def content(self) -> bytes:
        """The bytes; raises InvalidRow."""
        try:
            content = base64.b64decode(self.content_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidRow(f"attachments: {self.filename} is not base64") from error
        if len(content) > MAX_ATTACHMENT:
            raise InvalidRow(f"attachments: {self.filename} is larger than 10 MB")
        if not any(content.startswith(magic) for magic in _KINDS):
            raise InvalidRow(f"attachments: {self.filename} is neither PDF nor PNG nor JPEG")
        return content

    def kept(self, sha256: str, content: bytes) -> Attachment:
        """The attachment under its hash, with the type that its content has."""
        kind = next(kind for magic, kind in _KINDS.items() if content.startswith(magic))
        return Attachment(self.filename, kind, sha256)


class QueueRow(BaseModel):
    """What another system asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: str | None = None
    external_id: Text = Field(min_length=1, max_length=200)
    communication: str
    customer_id: Text = Field(min_length=1, max_length=100)
    equipment_id: Text | None = None
    work_order_id: Text | None = None
    facts: Mapping[str, Text | None] = {}
    send_after: datetime | None = None
    attachments: tuple[RowAttachment, ...] = Field((), max_length=5)

    @field_validator("external_id", "customer_id", "equipment_id", "work_order_id")
    @classmethod
    def _no_nul(cls, value: str | None) -> str | None:
        if value is not None and "\0" in value:
            message = "must not contain a NUL character"
            raise ValueError(message)
        return value

    @field_validator("send_after")
    @classmethod
    def _with_offset(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            message = "needs an offset, such as 2026-11-23T09:00:00-05:00"
            raise ValueError(message)
        return value


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A valid row with its type and the bytes of its files."""

    row: QueueRow
    communication: Communication
    files: tuple[tuple[RowAttachment, bytes], ...]

    @property
    def facts(self) -> dict[str, str]:
        """The given facts that say something."""
        return {name: value.replace("\0", "") for name, value in self.row.facts.items() if value}


def check(raw: object, tenant_id: str, communications: Mapping[str, Communication]) -> CheckedRow:
    """The row as its type needs it; raises InvalidRow naming what is wrong."""
    try:
        row = QueueRow.model_validate(raw)
    except ValidationError as error:
        raise InvalidRow("; ".join(f"{'.'.join(str(p) for p in e['loc']) or 'row'}: {e['msg']}" for e in error.errors())) from error
    if row.tenant not in {None, tenant_id}:
        raise InvalidRow(f"tenant: {row.tenant!r} is not {tenant_id!r}")
    communication = communications.get(row.communication)
    if communication is None:
        raise InvalidRow(f"communication: there is no type {row.communication!r}")
    if communication.schedule is not None:
        raise InvalidRow(f"communication: {row.communication!r} is made by the scheduler, not by queue rows")
    lacking = [name for name in communication.given if not row.facts.get(name)]
    if lacking:
        raise InvalidRow(f"facts: {', '.join(lacking)} missing")
    return CheckedRow(row, communication, tuple((a, a.content()) for a in row.attachments))
