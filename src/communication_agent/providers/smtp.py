"""SMTP: any mail server that the dealer has an account on; says exactly at which byte a failure stops being definite."""

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from ipaddress import ip_address
from typing import Literal, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponseException, SMTPServerDisconnected, SMTPTimeoutError

from communication_agent.domain import Accepted, Channel, Message, Receipt, Refused, Unavailable, Unknown
from communication_agent.mime import split_mailbox, to_bytes, wire_address
from communication_agent.provider import Dispatch, Provider

Starttls = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class Account:
    """What an `smtp_url` says; `starttls` auto = when the server offers it, and never a password in the clear."""

    host: str
    port: int
    tls: bool
    starttls: Starttls
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine."""
        return is_loopback(self.host)


class Step(StrEnum):
    """How far a conversation came; only after BODY has begun may the server have the message."""

    CONNECT = "connect"
    TLS = "tls"
    LOGIN = "login"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class _Letter:
    sender: str
    recipient: str
    content: bytes
    message_id: str

    @property
    def needs_utf8(self) -> bool:
        return not (self.sender.isascii() and self.recipient.isascii())


@dataclass(slots=True)
class _Conversation:
    client: SMTP
    account: Account
    letter: _Letter
    step: Step = Step.CONNECT


class _NotOffered(Exception):  # noqa: N818 - a lack of the server's that no retry mends
    """The server lacks something without which this account or this message cannot be served."""


def parse_url(url: str) -> Account:
    """`smtp[s]://[user:password@]host[:port][?starttls=auto|always|never]`; raises ValueError, never with the password in it."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
        host.encode("idna")
    except ValueError:
        # Not the library's words: they quote what may be a part of the password.
        raise ValueError("host or port cannot be read; percent-encode special characters of user and password") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    starttls = options.pop("starttls", "auto")
    if parts.scheme not in {"smtp", "smtps"} or not host:
        raise ValueError("write smtp://user:password@host:port or smtps://user:password@host:port")
    if starttls not in {"auto", "always", "never"} or options or parts.path.strip("/") or parts.fragment:
        raise ValueError("after the host only ?starttls=auto, always or never may follow")
    tls = parts.scheme == "smtps"
    usual = 465 if tls else 587 if parts.username else 25
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Account(host, port or usual, tls, cast("Starttls", starttls), user, password)


def is_loopback(host: str) -> bool:
    """Whether a host's name or address means this machine whatever a name server says."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


async def send(dispatch: Dispatch) -> Receipt:
    """Hand the message to the server of `smtp_url` within `dispatch.timeout` seconds.

    Whatever goes wrong before the first byte of the message has left is definite; afterwards only the server's answer is.
    """
    try:
        account = parse_url(dispatch.credentials["smtp_url"])
    except ValueError as error:
        return Refused(f"smtp_url_not_valid: {error}", credentials=True)
    try:
        letter = _letter(dispatch.message, dispatch)
    except ValueError as error:
        return Refused(f"not_a_message: {error}")
    talk = _Conversation(_client(account, letter, dispatch.timeout), account, letter)
    try:
        async with asyncio.timeout(dispatch.timeout):
            return await _talk(talk)
    except (OSError, SMTPException) as error:
        return _broken(talk.step, error)
    finally:
        _break_off(talk.client)


def _letter(message: Message, dispatch: Dispatch) -> _Letter:
    sender = wire_address(split_mailbox(message.sender)[1])
    return _Letter(sender, wire_address(message.to), to_bytes(message, dispatch.files), message.message_id)


def _client(account: Account, letter: _Letter, timeout: float) -> SMTP:
    return SMTP(
        hostname=account.host,
        port=account.port,
        use_tls=account.tls,
        start_tls=False,
        tls_context=_tls(verified=not account.loopback),
        timeout=timeout,
        # The library would ask a name server for our own name, which may take longer than all the rest.
        local_hostname=letter.sender.rpartition("@")[2],
    )


@cache
def _tls(*, verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verified:  # nobody stands between this machine and itself, and its certificates are home-made
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _talk(talk: _Conversation) -> Receipt:
    # One connection a message. To keep connections for a while, keep those on which _open has succeeded.
    try:
        await _open(talk)
        receipt = await _hand_over(talk)
    except _NotOffered as error:
        receipt = Refused(str(error), credentials=talk.step is Step.LOGIN)
    except SMTPResponseException as error:
        receipt = _answered(talk.step, error.code, error.message)
    _say_goodbye(talk.client)
    return receipt


async def _open(talk: _Conversation) -> None:
    client, account = talk.client, talk.account
    await client.connect()
    await _greet(client)
    talk.step = Step.TLS
    offered = client.supports_extension("starttls")
    if not account.tls and (account.starttls == "always" or (account.starttls == "auto" and offered)):
        if not offered:
            raise SMTPServerDisconnected("the server offers no STARTTLS")
        await client.starttls()
        await _greet(client)
    talk.step = Step.LOGIN
    if account.user:
        await _log_in(client, account)


async def _greet(client: SMTP) -> None:
    try:
        await client.ehlo()
    except SMTPHeloError:
        await client.helo()


async def _log_in(client: SMTP, account: Account) -> None:
    if not (client.get_transport_info("sslcontext") or account.loopback or account.starttls == "never"):
        raise _NotOffered("smtp_password_in_the_clear: the server offers no TLS; ?starttls=never sends the password all the same")
    # Exactly one try: a second one after a refusal is how accounts get locked.
    for method, login in (("plain", client.auth_plain), ("login", client.auth_login), ("cram-md5", client.auth_crammd5)):
        if method in client.server_auth_methods:
            await login(account.user, account.password)
            return
    raise _NotOffered("smtp_login_not_offered: the server offers none of PLAIN, LOGIN and CRAM-MD5 here")


async def _hand_over(talk: _Conversation) -> Receipt:
    letter = talk.letter
    talk.step = Step.MAIL
    await _command(talk.client, b"MAIL", f"FROM:<{letter.sender}>".encode(), *_options(talk.client, letter))
    talk.step = Step.RCPT
    await _command(talk.client, b"RCPT", f"TO:<{letter.recipient}>".encode())
    talk.step = Step.DATA
    await _command(talk.client, b"DATA", expected=(354,))
    task, protocol = asyncio.current_task(), talk.client.protocol
    if task and task.cancelling():
        raise asyncio.CancelledError  # Python 3.11 forgets a deadline that passes in the moment of an answer
    if not protocol:
        raise SMTPServerDisconnected("the connection was lost")
    # Not the library's data(): it hides whether the connection broke before or after the first byte of the message.
    protocol.write(re.sub(rb"(?m)^\.", b"..", letter.content) + b".\r\n")
    talk.step = Step.BODY
    answer = await protocol.read_response(timeout=talk.client.timeout)
    return Accepted(letter.message_id) if 200 <= answer.code < 300 else _answered(talk.step, answer.code, answer.message)


def _options(client: SMTP, letter: _Letter) -> list[bytes]:
    # The bytes are 7-bit unless an address is not: BODY=8BITMIME is never needed.
    if letter.needs_utf8 and not client.supports_extension("smtputf8"):
        raise _NotOffered("smtp_no_utf8_addresses: the server cannot carry this address")
    size = [f"SIZE={len(letter.content)}".encode()] if client.supports_extension("size") else []
    return size + ([b"SMTPUTF8"] if letter.needs_utf8 else [])


async def _command(client: SMTP, *words: bytes, expected: tuple[int, ...] = (250, 251)) -> None:
    answer = await client.execute_command(*words)
    if answer.code not in expected:
        raise SMTPResponseException(answer.code, answer.message)


def _answered(step: Step, code: int, text: str) -> Receipt:
    reason = f"smtp_{step}_{code}: {_readable(text)}" if 200 <= code < 600 else f"smtp_{step}_garbled"
    refused = code // 100 == 5
    if step in {Step.CONNECT, Step.TLS}:
        return Unavailable(reason)
    if step is Step.LOGIN or code in {530, 534, 535, 538}:
        return Refused(reason, credentials=True) if refused else Unavailable(reason)
    if step is Step.BODY and code // 100 not in {4, 5}:
        return Unknown(reason)
    return Refused(reason) if refused else Unavailable(reason)


def _broken(step: Step, error: Exception) -> Receipt:
    kind = "timeout" if isinstance(error, TimeoutError | SMTPTimeoutError) else "lost"
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        kind = "tls_failed"
    reason = f"smtp_{step}_{kind}: {_readable(str(error))}".removesuffix(": ")
    return Unknown(reason) if step is Step.BODY else Unavailable(reason)


def _readable(text: str) -> str:
    # Servers say what they like, in any bytes: one short line that every log and database can hold.
    return " ".join(re.sub("[^\x20-\x7e\xa1-\ud7ff\ue000-\uffff]", " ", text).split())[:200]


def _say_goodbye(client: SMTP) -> None:
    # The receipt stands: nobody waits for the answer to QUIT.
    protocol, transport = client.protocol, client.transport
    if protocol and isinstance(transport, asyncio.WriteTransport) and not transport.get_write_buffer_size():
        with suppress(SMTPException):
            protocol.write(b"QUIT\r\n")
        client.close()


def _break_off(client: SMTP) -> None:
    # Nothing of a message whose fate is being decided elsewhere may trickle out later.
    if isinstance(client.transport, asyncio.WriteTransport):
        client.transport.abort()
    client.close()


PROVIDER = Provider(name="smtp", channels=frozenset({Channel.EMAIL}), needs=("smtp_url",), idempotent=False, send=send)
