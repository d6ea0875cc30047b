"""The grammar of a provider: one frozen declaration per file in `providers/`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from communication_agent.domain import Attachment, Channel, Message, Receipt

Credentials = Mapping[str, str]
# Reads the bytes of an attachment from wherever they are kept.
Fetch = Callable[[Attachment], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One call of a provider: the frozen message, the account, and the bytes of its attachments by sha256."""

    message: Message
    credentials: Credentials
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    timeout: float = 15.0  # seconds, for the whole request


@dataclass(frozen=True, slots=True)
class Provider:
    """A way out of the house."""

    name: str  # == file name
    channels: frozenset[Channel]
    needs: tuple[str, ...]  # credentials without which it cannot work
    idempotent: bool  # the same message sent twice arrives once
    send: Callable[[Dispatch], Awaitable[Receipt]]
    # Looks for a message that may have been taken; None where the provider cannot be asked.
    find: Callable[[Dispatch], Awaitable[Receipt | None]] | None = None
    grace: timedelta = timedelta(minutes=10)  # how long evidence may take before "absent" means absent
