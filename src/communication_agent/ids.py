"""Ids (UUIDv7) and queue numbers, made in Python: ordered by real time, unique without a sequence."""

import secrets
from uuid import UUID

from communication_agent.clock import unix_micros


def new_id() -> UUID:
    """A UUIDv7 of this millisecond."""
    return UUID(int=_stamp() | secrets.randbits(62) | secrets.randbits(12) << 64)


def id_prefix() -> str:
    """The first 24 hex digits of UUIDv7s whose last 8 are filled in by the statement that makes up to 4 billion rows."""
    return f"{_stamp() | secrets.randbits(30) << 32 | secrets.randbits(12) << 64:032x}"[:24]


def new_seq() -> int:
    """A time-ordered queue number with room for 2,048 rows per microsecond; fits a bigint until the year 2112."""
    return unix_micros() * 2048


def _stamp() -> int:
    # RFC 9562: 48 bits of milliseconds, version 7, variant 10.
    return (unix_micros() // 1000 & (1 << 48) - 1) << 80 | 0x7 << 76 | 0b10 << 62
