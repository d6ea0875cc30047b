"""Writes a message as mail: the same message always makes the same bytes, and no value can smuggle in a header.

The standard library's writer is not used: it folds differently from one Python to the next and puts long addresses
(`List-Unsubscribe`) into encoded words, which breaks them. What is written here is read back by its parser in the tests.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from urllib.parse import quote

from communication_agent.domain import Attachment, Channel, Message

# RFC 5322 allows 998 octets in a line and asks for 78; RFC 2047 for 76 in one with encoded words.
_LONGEST_WORD = 900
_LINE = 76
# 39 octets make 52 characters of base64: with =?utf-8?b?…?= and the longest name before it still below 76.
_ENCODED_OCTETS = 39

_BREAKS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u00a1-\U0010ffff-]+")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+"
_ATOMS = re.compile(f"{_ATOM}( {_ATOM})*")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_CONTENT_TYPE = re.compile(r"(application|audio|image|text|video)/[A-Za-z0-9!#$&^_.+-]+")
# IDNA 2003, which Python brings, turns these into other letters: the mail would go to somebody else's domain.
_AMBIGUOUS_IN_DOMAINS = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")
_OURS = frozenset({"date", "from", "to", "cc", "bcc", "reply-to", "sender", "return-path", "subject", "message-id", "mime-version"})


@dataclass(frozen=True, slots=True)
class _Part:
    headers: tuple[str, ...]
    body: bytes


def to_bytes(message: Message, files: Mapping[str, bytes]) -> bytes:
    """The mail (RFC 5322, MIME) with CRLF line ends; `files` holds the attachments by their sha256.

    Only a local part beyond ASCII makes bytes beyond ASCII (RFC 6532: the server has to offer SMTPUTF8).
    Raises ValueError when a value cannot stand in a mail: line breaks in headers, no valid address, a missing file.
    """
    if message.channel is not Channel.EMAIL:
        raise ValueError(f"a message by {message.channel} is not a mail")
    part = _entity(message, files)
    lines = [*_headers(message), "MIME-Version: 1.0", *part.headers]
    return _joined(lines, part.body if part.body.endswith(b"\r\n") else part.body + b"\r\n")


def mailbox(name: str, address: str) -> str:
    """`Name <address>`, the name quoted where it has to be; the opposite of `split_mailbox`."""
    return f"{_quoted(name)} <{address}>" if name else address


def split_mailbox(text: str) -> tuple[str, str]:
    """The display name (may be empty) and the address of `Name <address>` or of a bare address; raises ValueError."""
    bare = text.strip()
    name, _, address = bare[:-1].rpartition("<") if bare.endswith(">") and "<" in bare else ("", "", bare)
    name = name.strip()
    wire_address(address)
    if len(name) >= 2 and name.startswith('"') and name.endswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, address


def wire_address(address: str) -> str:
    """The address as it travels: the domain in ASCII (IDNA), the local part as it is; raises ValueError when it is none."""
    local, at, domain = address[:255].rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or _BREAKS.search(address) or re.search(r"\s", address):
        raise ValueError("not an email address")
    wire = f"{local}@{_ascii_domain(domain)}"
    if len(address) > 254 or len(wire.encode()) > 254:
        raise ValueError("an email address has at most 254 octets")
    return wire


def _ascii_domain(domain: str) -> str:
    if _AMBIGUOUS_IN_DOMAINS.search(domain):
        raise ValueError("the domain has letters that not all systems read alike; write it in its xn-- form")
    wire = domain if domain.isascii() else domain.encode("idna").decode()
    if not _DOMAIN.fullmatch(wire):
        raise ValueError("not an email address: its domain is not valid")
    return wire


# ---- headers -------------------------------------------------------------------------------------------------------


def _headers(message: Message) -> list[str]:
    if not _MESSAGE_ID.fullmatch(message.message_id):
        raise ValueError("the Message-ID must look like <id@domain>")
    lines = [
        f"Date: {format_datetime(message.date.astimezone(UTC))}",
        _mailbox_header("From", message.sender),
        _mailbox_header("To", message.to),
        *([_mailbox_header("Reply-To", message.reply_to)] if message.reply_to else []),
        _text_header("Subject", message.subject),
        _folded("Message-ID", [message.message_id]),
    ]
    return lines + [_extra_header(name, value) for name, value in message.headers]


def _mailbox_header(name: str, value: str) -> str:
    display, address = split_mailbox(_one_line(value))
    wire = wire_address(address)
    return _folded(name, [*_phrase(display), f" <{wire}>"] if display else [wire])


def _text_header(name: str, value: str) -> str:
    text = _one_line(value)
    return _folded(name, _words(text) if _is_plain(text) else _encoded_words(text))


def _extra_header(name: str, value: str) -> str:
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS or name.lower().startswith(("content-", "resent-")):
        raise ValueError(f"{name!r} is not a header that a message may add")
    if not value.isascii():
        raise ValueError(f"the header {name} must be ASCII")
    return _folded(name, _words(_one_line(value)))


def _one_line(value: str) -> str:
    if _BREAKS.search(value):
        raise ValueError("a header must be one line without control characters")
    return value


def _phrase(name: str) -> list[str]:
    return _words(_quoted(name)) if _is_plain(name) else _encoded_words(name)


def _quoted(name: str) -> str:
    if _ATOMS.fullmatch(name):
        return name
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text and text == text.strip() and max(map(len, _words(text)), default=0) <= _LINE


def _words(text: str) -> list[str]:
    # Each word keeps the white space before it, where a line may be folded.
    return re.findall(r"[ \t]*[^ \t]+", text)


def _encoded_words(text: str) -> list[str]:
    chunks = [b""]
    for character in text:
        octets = character.encode()
        if len(chunks[-1]) + len(octets) > _ENCODED_OCTETS:
            chunks.append(b"")
        chunks[-1] += octets
    return [f" =?utf-8?b?{base64.b64encode(chunk).decode()}?=" for chunk in chunks]


def _folded(name: str, words: Sequence[str]) -> str:
    if max((len(word.encode()) for word in words), default=0) > _LONGEST_WORD:
        raise ValueError(f"the header {name} has a word that is too long for a line")
    lines = [f"{name}:"]
    for place, word in enumerate(words):
        piece = word if word.startswith((" ", "\t")) else f" {word}" if place == 0 else word
        if place and len(lines[-1]) + len(piece) > _LINE:
            lines.append("")
        lines[-1] += piece
    return "\r\n".join(lines)


# ---- parts ---------------------------------------------------------------------------------------------------------


def _entity(message: Message, files: Mapping[str, bytes]) -> _Part:
    texts = [_text_part(kind, text) for kind, text in (("plain", message.text), ("html", message.html)) if text]
    body = _multipart("alternative", message, texts or [_text_part("plain", "")])
    return _multipart("mixed", message, [body, *(_attached(attachment, files) for attachment in message.attachments)])


def _multipart(kind: str, message: Message, parts: Sequence[_Part]) -> _Part:
    if len(parts) == 1:
        return parts[0]
    # Neither quoted-printable (= is always followed by two digits) nor base64 can contain it.
    boundary = f"=_{kind}_{message.id.hex}"
    pieces = [f"--{boundary}\r\n".encode() + _joined(part.headers, part.body) + b"\r\n" for part in parts]
    return _Part((f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"',), b"".join(pieces) + f"--{boundary}--\r\n".encode())


def _text_part(kind: str, text: str) -> _Part:
    unix = re.sub(r"\r\n?", "\n", text).encode()
    encoded = binascii.b2a_qp(unix, istext=True).replace(b"\n", b"\r\n")
    return _Part((f"Content-Type: text/{kind}; charset=utf-8", "Content-Transfer-Encoding: quoted-printable"), encoded)


def _attached(attachment: Attachment, files: Mapping[str, bytes]) -> _Part:
    content = files.get(attachment.sha256)
    if content is None:
        raise ValueError(f"the content of {attachment.filename!r} is missing")
    if not _CONTENT_TYPE.fullmatch(attachment.content_type):
        raise ValueError(f"{attachment.content_type!r} cannot be attached")
    headers = (
        _folded("Content-Type", [attachment.content_type]),
        _folded("Content-Disposition", ["attachment;", *_filename(_one_line(attachment.filename))]),
        "Content-Transfer-Encoding: base64",
    )
    return _Part(headers, base64.encodebytes(content).replace(b"\n", b"\r\n"))


def _filename(name: str) -> list[str]:
    if re.fullmatch(r"[\w .()+-]{1,60}", name, re.ASCII):
        return [f' filename="{name}"']
    # RFC 2231: percent-encoded, in numbered pieces that fit into lines.
    octets = re.findall(r"%..|.", quote(name, safe=""))
    pieces = ["".join(octets[start : start + 18]) for start in range(0, len(octets), 18)] or [""]
    pieces[0] = f"utf-8''{pieces[0]}"
    ends = [";"] * (len(pieces) - 1) + [""]
    return [f" filename*{place}*={piece}{end}" for place, (piece, end) in enumerate(zip(pieces, ends, strict=True))]


def _joined(headers: Iterable[str], body: bytes) -> bytes:
    return "\r\n".join(headers).encode() + b"\r\n\r\n" + body
