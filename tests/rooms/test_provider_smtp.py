"""SMTP on real sockets: each way in which a server can fail has exactly one receipt."""

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from communication_agent.domain import Accepted, Attachment, Channel, Message, Receipt, Refused, Unavailable, Unknown
from communication_agent.mime import to_bytes
from communication_agent.provider import Dispatch
from communication_agent.providers.smtp import PROVIDER, Account, is_loopback, parse_url, send
from support.certificates import server_context
from support.smtp_server import (
    Fault,
    SmtpServer,
    Step,
    answers,
    closes,
    count_by_message_id,
    hangs,
    resets,
    smtp_process,
    stored_mails,
)

MAIL = Message(
    id=UUID("01941f29-7c00-7000-8000-000000000001"),
    tenant_id="green-valley",
    channel=Channel.EMAIL,
    sender="Green Valley <service@greenvalley.example>",
    to="ada@customer.example",
    date=datetime(2026, 11, 22, 14, 0, tzinfo=UTC),
    subject="Your mower is due",
    text="Hello Ada 🐐\n.\n..\n.hidden\n",
    html="<p>Hello Ada</p>",
    message_id="<01941f29@greenvalley.example>",
)
ACCEPTED = Accepted(MAIL.message_id)
PATIENT, SHORT, SHORTER = 10.0, 0.5, 0.1
EVERYWHERE = "0.0.0.0"
GARBAGE = Fault(b"\x16\x03\x01 what?\r\n")
SPAM = answers("554 5.7.1 no, \udcff\x1b[31mthis is spam")
BUSY = answers("451 4.3.0 try later")
NOT_BEGUN: tuple[Step, ...] = ("greeting", "ehlo", "mail", "rcpt", "data")


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return server_context(tmp_path_factory.mktemp("tls"))


async def sent(url: str, message: Message = MAIL, seconds: float = PATIENT, files: dict[str, bytes] | None = None) -> Receipt:
    return await send(Dispatch(message, {"smtp_url": url}, files or {}, seconds))


async def sent_to(server: SmtpServer, seconds: float = PATIENT, message: Message = MAIL) -> Receipt:
    async with server:
        return await sent(server.url, message, seconds)


def reason(receipt: Receipt) -> str:
    assert isinstance(receipt, Refused | Unavailable | Unknown)
    return receipt.reason


# ---- what goes well ------------------------------------------------------------------------------------------------


async def test_a_server_gets_the_exact_bytes_once() -> None:
    server = SmtpServer()
    assert await sent_to(server) == ACCEPTED
    [mail] = server.mails
    assert (mail.sender, mail.recipients) == ("service@greenvalley.example", ("ada@customer.example",))
    assert mail.content == to_bytes(MAIL, {})
    assert server.counts == {MAIL.message_id: 1}
    assert server.commands[0] == "EHLO greenvalley.example"
    assert server.commands[1] == f"MAIL FROM:<service@greenvalley.example> SIZE={len(mail.content)}"


class Keeping:
    """A handler of aiosmtpd that keeps what was sent."""

    def __init__(self) -> None:
        self.contents: list[bytes | str | None] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.contents.append(envelope.content)
        return "250 2.0.0 kept"


async def test_an_independent_server_understands_every_byte() -> None:
    attached = replace(MAIL, attachments=(Attachment("a.pdf", "application/pdf", "f00d"),))
    files, handler = {"f00d": bytes(range(256)) * 2000}, Keeping()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler, hostname="mail.example"), "127.0.0.1", 0)
    async with server:
        assert await sent(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}", attached, files=files) == ACCEPTED
    assert handler.contents == [to_bytes(attached, files)]


async def test_a_server_without_extensions_is_enough() -> None:
    server = SmtpServer(extensions=(), faults={"ehlo": answers("502 5.5.1 what?")})
    assert await sent_to(server) == ACCEPTED
    assert server.commands[1:3] == ["HELO greenvalley.example", "MAIL FROM:<service@greenvalley.example>"]


async def test_a_slow_server_has_until_the_deadline() -> None:
    drip = {"greeting": Fault(b"220 slow\r\n", pause=0.005), "end": Fault(b"250 2.0.0 taken\r\n", pause=0.005)}
    assert await sent_to(SmtpServer(faults=drip)) == ACCEPTED  # pyright: ignore[reportArgumentType] - keys are steps


async def test_a_store_survives_the_sender_in_a_process_of_its_own(tmp_path: Path) -> None:
    with smtp_process(tmp_path) as url:
        assert await sent(url) == ACCEPTED
        assert await sent(url, replace(MAIL, message_id="<2@greenvalley.example>")) == Accepted("<2@greenvalley.example>")
        assert count_by_message_id(stored_mails(tmp_path)) == {MAIL.message_id: 1, "<2@greenvalley.example>": 1}
    assert stored_mails(tmp_path)[0] == to_bytes(MAIL, {})


# ---- who may send --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("methods", ["PLAIN", "LOGIN", "LOGIN PLAIN"])
async def test_user_and_password_are_percent_decoded(methods: str) -> None:
    server = SmtpServer(users={"dana@greenvalley.example": "p@ss:/wört"}, auth_methods=methods)
    async with server:
        url = f"smtp://dana%40greenvalley.example:p%40ss%3A%2Fw%C3%B6rt@127.0.0.1:{server.port}"
        assert await sent(url) == ACCEPTED


async def test_a_wrong_password_is_a_refused_account_after_one_try() -> None:
    server = SmtpServer(users={"dana": "right"}, auth_methods="LOGIN PLAIN")
    async with server:
        receipt = await sent(f"smtp://dana:wrong@127.0.0.1:{server.port}")
    assert receipt == Refused("smtp_login_535: 5.7.8 bad credentials", credentials=True)
    assert [command.split()[0] for command in server.commands] == ["EHLO", "AUTH", "QUIT"]


@pytest.mark.parametrize(("fault", "waits"), [(answers("454 4.7.0 temporary"), True), (answers("534 5.7.9 too weak"), False)])
async def test_a_login_that_fails_for_now_is_not_a_refused_account(fault: Fault, *, waits: bool) -> None:
    async with SmtpServer(users={"dana": "right"}, faults={"auth": fault}) as server:
        receipt = await sent(f"smtp://dana:right@127.0.0.1:{server.port}")
    assert isinstance(receipt, Unavailable if waits else Refused)
    assert waits or receipt == Refused("smtp_login_534: 5.7.9 too weak", credentials=True)


async def test_a_missing_login_is_a_refused_account() -> None:
    receipt = await sent_to(SmtpServer(users={"dana": "right"}))
    assert receipt == Refused("smtp_mail_530: 5.7.0 log in first", credentials=True)


@pytest.mark.parametrize("methods", ["", "GSSAPI XOAUTH2"])
async def test_a_server_that_offers_no_login_refuses_the_account(methods: str) -> None:
    async with SmtpServer(users={"dana": "right"} if methods else {}, auth_methods=methods) as server:
        receipt = await sent(f"smtp://dana:right@127.0.0.1:{server.port}")
    assert isinstance(receipt, Refused)
    assert receipt.credentials
    assert server.mails == []


async def test_a_password_leaves_the_machine_encrypted_or_not_at_all() -> None:
    async with SmtpServer(users={"dana": "right"}) as server:
        receipt = await sent(f"smtp://dana:right@{EVERYWHERE}:{server.port}")
        assert isinstance(receipt, Refused)
        assert receipt.credentials
        assert "AUTH" not in " ".join(server.commands)
        assert await sent(f"smtp://dana:right@{EVERYWHERE}:{server.port}?starttls=never") == ACCEPTED


# ---- encryption ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("starttls", "encrypted"), [("auto", True), ("always", True), ("never", False)])
async def test_starttls_is_used_as_told(tls: ssl.SSLContext, starttls: str, *, encrypted: bool) -> None:
    async with SmtpServer(tls=tls, users={"dana": "right"}) as server:
        assert await sent(f"smtp://dana:right@127.0.0.1:{server.port}?starttls={starttls}") == ACCEPTED
    assert ("STARTTLS" in server.commands) == encrypted


async def test_tls_from_the_first_byte(tls: ssl.SSLContext) -> None:
    assert await sent_to(SmtpServer(tls=tls, implicit_tls=True)) == ACCEPTED


async def test_starttls_that_must_be_and_is_not_offered_is_waited_for() -> None:
    async with SmtpServer() as server:
        assert isinstance(await sent(f"{server.url}?starttls=always"), Unavailable)
    assert server.mails == []


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tls: ssl.SSLContext) -> None:
    for server in (SmtpServer(tls=tls), SmtpServer(tls=tls, implicit_tls=True)):
        async with server:
            receipt = await sent(server.url.replace("127.0.0.1", EVERYWHERE))
        assert isinstance(receipt, Unavailable)
        assert "_tls_failed: " in receipt.reason
        assert server.mails == []


@pytest.mark.parametrize(
    "fault", [answers("454 4.7.0 no TLS now"), GARBAGE, Fault(b"220 go ahead\r\nnot TLS at all\r\n", "closes"), closes()]
)
async def test_starttls_that_fails_is_waited_for(tls: ssl.SSLContext, fault: Fault) -> None:
    server = SmtpServer(tls=tls, faults={"starttls": fault})
    assert isinstance(await sent_to(server), Unavailable)
    assert server.mails == []


async def test_a_server_that_hangs_in_the_handshake_is_given_up() -> None:
    async with SmtpServer(faults={"greeting": hangs()}) as server:
        assert isinstance(await sent(server.url.replace("smtp:", "smtps:"), seconds=SHORT), Unavailable)


# ---- what goes wrong before the message ----------------------------------------------------------------------------


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        receipt = await sent(f"smtp://127.0.0.1:{unused.getsockname()[1]}")
    assert isinstance(receipt, Unavailable)
    assert receipt.reason.startswith("smtp_connect_lost: ")


async def test_a_name_that_does_not_exist() -> None:
    assert isinstance(await sent("smtp://no-such-host.invalid", seconds=SHORT), Unavailable)


@pytest.mark.parametrize("step", NOT_BEGUN)
@pytest.mark.parametrize(
    "fault", [closes(), resets(), GARBAGE, Fault(b"2", "closes"), BUSY, answers("421 4.3.2 closing", "closes")]
)
async def test_what_fails_before_the_message_is_tried_again(step: Step, fault: Fault) -> None:
    server = SmtpServer(faults={step: fault, "helo": fault})
    assert isinstance(await sent_to(server), Unavailable)
    assert server.mails == []


@pytest.mark.parametrize("step", NOT_BEGUN)
@pytest.mark.parametrize("fault", [hangs(), Fault(b"2" * 1000, pause=0.01)])
async def test_silence_before_the_message_ends_at_the_deadline(step: Step, fault: Fault) -> None:
    server = SmtpServer(faults={step: fault, "helo": fault})
    receipt = await sent_to(server, SHORTER)
    assert isinstance(receipt, Unavailable)
    assert reason(receipt).split(":")[0].endswith("_timeout")
    assert server.mails == []


@pytest.mark.parametrize("step", ["greeting", "ehlo"])
async def test_a_server_that_is_closed_is_tried_again(step: Step) -> None:
    server = SmtpServer(faults={step: SPAM, "helo": SPAM})
    assert isinstance(await sent_to(server), Unavailable)


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
async def test_a_definite_no_before_the_message_is_final(step: Step) -> None:
    server = SmtpServer(faults={step: SPAM})
    assert await sent_to(server) == Refused(f"smtp_{step}_554: 5.7.1 no, [31mthis is spam")
    assert server.mails == []
    assert server.commands[-1] == "QUIT"


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("line", ["250", "200 maybe", "354 go", "999 beyond"])
async def test_an_answer_that_makes_no_sense_is_no_consent(step: Step, line: str) -> None:
    server = SmtpServer(faults={step: answers(line)})
    receipt = await sent_to(server, SHORT)
    expected = step == "data" and line == "354 go"
    assert isinstance(receipt, Accepted if expected or (step != "data" and line == "250") else Unavailable)


# ---- what goes wrong after the first byte of the message -----------------------------------------------------------


async def test_the_servers_answer_to_the_message_is_definite() -> None:
    assert await sent_to(SmtpServer(faults={"end": SPAM})) == Refused("smtp_body_554: 5.7.1 no, [31mthis is spam")
    assert await sent_to(SmtpServer(faults={"end": BUSY})) == Unavailable("smtp_body_451: 4.3.0 try later")
    assert await sent_to(SmtpServer(faults={"end": answers("421 4.3.2 closing", "closes")})) == Unavailable(
        "smtp_body_421: 4.3.2 closing"
    )
    assert await sent_to(SmtpServer(faults={"end": Fault(b"250-taken\r\n250 2.0.0 \xff\r\n")})) == ACCEPTED


@pytest.mark.parametrize("step", ["body", "end"])
@pytest.mark.parametrize("fault", [closes(), resets(), GARBAGE, answers("354 go on"), answers("150 hm"), Fault(b"25", "closes")])
async def test_without_an_answer_nobody_knows(step: Step, fault: Fault) -> None:
    receipt = await sent_to(SmtpServer(faults={step: fault}))
    assert isinstance(receipt, Unknown)


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("fault", [closes(), hangs()])
async def test_a_message_that_was_taken_looks_like_one_that_was_not(fault: Fault, *, keeps: bool) -> None:
    server = SmtpServer(faults={"end": replace(fault, keeps=keeps)})
    receipt = await sent_to(server, SHORT)
    assert isinstance(receipt, Unknown)
    assert len(server.mails) == keeps


@pytest.mark.parametrize("step", ["body", "end"])
async def test_silence_after_the_message_ends_at_the_deadline(step: Step) -> None:
    receipt = await sent_to(SmtpServer(faults={step: hangs()}), SHORT)
    assert receipt == Unknown("smtp_body_timeout")


async def test_a_message_that_was_given_up_does_not_trickle_out_later() -> None:
    server = SmtpServer(faults={"body": Fault(then="stalls")})
    big = replace(MAIL, attachments=(Attachment("a.pdf", "application/pdf", "f00d"),))
    async with server:
        assert await sent(server.url, big, SHORT, {"f00d": bytes(12_000_000)}) == Unknown("smtp_body_timeout")
        server.resumed.set()
    assert server.mails == []


async def test_a_cancelled_send_closes_its_connection() -> None:
    async with SmtpServer(faults={"end": hangs()}) as server:
        task = asyncio.create_task(sent(server.url))
        async with asyncio.timeout(PATIENT):
            await server.hears("DATA")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_deadline_that_passes_in_the_moment_of_an_answer_is_not_forgotten() -> None:
    async def stubborn() -> Receipt:
        # What Python 3.11 does when an answer and a cancellation meet: the cancellation is lost.
        task = asyncio.current_task()
        assert task
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        return await sent(server.url)

    async with SmtpServer() as server:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(stubborn())
    assert "DATA" in server.commands
    assert server.mails == []


# ---- what never leaves ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        replace(MAIL, subject="a\r\nBcc: eve@evil.example"),
        replace(MAIL, to="ada@customer.example>\r\nRCPT TO:<eve@evil.example"),
        replace(MAIL, to="ada@customer.example,eve@evil.example"),
        replace(MAIL, channel=Channel.SMS),
    ],
)
async def test_what_cannot_be_a_mail_is_refused_without_a_connection(message: Message) -> None:
    server = SmtpServer()
    receipt = await sent_to(server, message=message)
    assert reason(receipt).startswith("not_a_message: ")
    assert isinstance(receipt, Refused)
    assert not receipt.credentials
    assert server.connections == 0


async def test_an_international_address_needs_a_server_that_can() -> None:
    abroad = replace(MAIL, to="jürgen@münchen.example")
    able, unable = SmtpServer(), SmtpServer(extensions=())
    assert await sent_to(able, message=abroad) == ACCEPTED
    assert able.mails[0].recipients == ("jürgen@xn--mnchen-3ya.example",)
    assert able.commands[1].endswith(" SMTPUTF8")
    receipt = await sent_to(unable, message=abroad)
    assert isinstance(receipt, Refused)
    assert not receipt.credentials
    assert unable.mails == []


async def test_an_international_domain_needs_nothing() -> None:
    server = SmtpServer(extensions=())
    assert await sent_to(server, message=replace(MAIL, to="ada@münchen.example")) == ACCEPTED
    assert server.mails[0].recipients == ("ada@xn--mnchen-3ya.example",)


# ---- the address of the account ------------------------------------------------------------------------------------


def test_an_smtp_url_says_everything() -> None:
    assert parse_url("smtp://mail.example") == Account("mail.example", 25, tls=False, starttls="auto")
    assert parse_url("smtps://mail.example/") == Account("mail.example", 465, tls=True, starttls="auto")
    full = parse_url("smtp://u%40x:p%3Aw@mail.example:2525?starttls=always")
    assert full == Account("mail.example", 2525, tls=False, starttls="always", user="u@x", password="p:w")
    assert parse_url("smtp://u:p@mail.example").port == 587
    assert parse_url("smtp://[::1]:25").host == "::1"
    assert "p:w" not in repr(full)


@pytest.mark.parametrize(
    "url",
    [
        *("", "mail.example", "http://mail.example", "smtp://", "smtp://mail.example:port", "smtp://mail.example?starttls=maybe"),
        *(
            "smtp://mail.example?tls=1",
            "smtp://mail.example/path",
            "smtp://u:s3cret#x@mail.example",
            "smtp://u:s3cret/x@mail.example",
        ),
        *("smtp://u:s3cret@[mail.example", "smtp://u:s3cret@mail..example", "smtp://u:s3cret@\u2100.example", "smtp://u:s3cret@"),
    ],
)
async def test_a_wrong_url_is_a_refused_account_and_keeps_its_secret(url: str) -> None:
    receipt = await sent(url)
    assert isinstance(receipt, Refused)
    assert receipt.credentials
    assert "s3cret" not in receipt.reason


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST", "mail.localhost"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", EVERYWHERE, "10.0.0.1", "mail.example", "localhost.example", "127.0.0.1.example", "2130706433"]
)
def test_anything_else_is_not(host: str) -> None:
    assert not is_loopback(host)


def test_what_it_says_of_itself_is_true() -> None:
    assert not PROVIDER.idempotent
    assert PROVIDER.find is None
    assert PROVIDER.grace == timedelta(minutes=10)
    assert PROVIDER.channels == {Channel.EMAIL}
