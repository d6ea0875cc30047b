"""What stands for a customer outside: a hash of an address, and the signed token in a preference link."""

import base64
import binascii
import hashlib
import hmac
import re
from contextlib import suppress
from dataclasses import dataclass

from communication_agent.domain import Channel
from communication_agent.keys import Keys

_FORMAT = b"\x01"
_MAC = 16  # bytes: nobody guesses 128 bits
_LONGEST = 1024  # characters; nothing that long was ever signed
_CHANNELS = {Channel.EMAIL: b"e", Channel.SMS: b"s"}
_ADDRESS_HASH = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class PreferenceToken:
    """Whose wishes a link is about; it names the address by its hash and never expires (an unsubscribe link must not)."""

    tenant_id: str
    customer_id: str
    channel: Channel
    address_hash: str


def address_hash(keys: Keys, channel: Channel, address: str) -> str:
    """32 hex digits of HMAC-SHA256: the same for every spelling of an address, meaningless without the key."""
    text = f"{channel}|{_normalised(channel, address)}"
    return hmac.new(keys.hashing, text.encode(), hashlib.sha256).hexdigest()[:32]


def sign(keys: Keys, token: PreferenceToken) -> str:
    """URL-safe text of about 90 characters; raises ValueError for a token whose ids could not be told apart again."""
    if "\x00" in token.tenant_id + token.customer_id or not _ADDRESS_HASH.fullmatch(token.address_hash):
        raise ValueError("a token holds ids without NUL and a hash of 32 hex digits")
    body = b"".join(
        (
            _FORMAT,
            _CHANNELS[token.channel],
            bytes.fromhex(token.address_hash),
            token.tenant_id.encode(),
            b"\x00",
            token.customer_id.encode(),
        )
    )
    return _text(_mac(keys.current.signing, body) + body)


def read(keys: Keys, text: str) -> PreferenceToken | None:
    """What was signed with this installation's key, or with an older one of its keys; None for anything else."""
    signed = _bytes(text)
    if signed is None or len(signed) < _MAC + 18:
        return None
    mac, body = signed[:_MAC], signed[_MAC:]
    # Every key is tried, whatever the first one says: the time tells nothing.
    if not any([hmac.compare_digest(mac, _mac(key.signing, body)) for key in keys.all]):  # noqa: C419
        return None
    return _parsed(body)


def _parsed(body: bytes) -> PreferenceToken | None:
    channel = next((channel for channel, letter in _CHANNELS.items() if letter == body[1:2]), None)
    tenant_id, _, customer_id = body[18:].partition(b"\x00")
    if body[:1] != _FORMAT or channel is None:
        return None  # signed by a newer version of this program
    return PreferenceToken(tenant_id.decode(), customer_id.decode(), channel, body[2:18].hex())


def _normalised(channel: Channel, address: str) -> str:
    bare = address.strip()
    if channel is Channel.EMAIL:
        return bare.casefold()
    digits = "".join(character for character in bare if character.isascii() and character.isdigit())
    return f"+{digits}" if bare.startswith("+") or len(digits) != 10 else f"+1{digits}"


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"preference|" + body, "sha256")[:_MAC]


def _text(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def _bytes(text: str) -> bytes | None:
    """None unless it is exactly what `_text` writes: base64 has several spellings of the same bytes."""
    with suppress(binascii.Error, ValueError):
        if len(text) <= _LONGEST:
            signed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            return signed if _text(signed) == text else None
    return None
