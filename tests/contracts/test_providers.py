"""What every provider on the shelf promises, whoever wrote it."""

import importlib
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from communication_agent import providers
from communication_agent.config import Config
from communication_agent.delivery import account, deliver
from communication_agent.domain import Accepted, Attachment, Channel, Message, Receipt, Refused, Unavailable
from communication_agent.provider import Dispatch, Provider
from communication_agent.registry import discover
from communication_agent.tenant import TenantSettings
from support.smtp_server import SmtpServer

SHELF = discover(providers, Provider)
MAIL = Message(
    id=UUID("01941f29-7c00-7000-8000-000000000001"),
    tenant_id="green-valley",
    channel=Channel.EMAIL,
    sender='"Green Välley, Inc." <service@greenvalley.example>',
    to="ada@customer.example",
    date=datetime(2026, 11, 22, 14, 0, tzinfo=UTC),
    subject="Your mower is due 🐐",
    html="<p>Hello Ada</p>",
    text="Hello Ada\n.\n",
    message_id="<01941f29@greenvalley.example>",
)
SMS = Message(UUID(int=2), "green-valley", Channel.SMS, "+16145550142", "+16145550199", MAIL.date, text="Hello Ada 🐐")
GOOD = {Channel.EMAIL: MAIL, Channel.SMS: SMS}
HOSTILE = {
    "subject": replace(MAIL, subject="Hi\r\nBcc: eve@evil.example"),
    "sender": replace(MAIL, sender="Eve\r\nBcc: eve@evil.example <service@greenvalley.example>"),
    "to": replace(MAIL, to="ada@customer.example>\r\nRCPT TO:<eve@evil.example"),
    "two_recipients": replace(MAIL, to="ada@customer.example, eve@evil.example"),
    "no_recipient": replace(MAIL, to=""),
    "reply_to": replace(MAIL, reply_to="a@b.example\nBcc: eve@evil.example"),
    "header": replace(MAIL, headers=(("X-Note", "a\r\nBcc: eve@evil.example"),)),
    "header_name": replace(MAIL, headers=(("Bcc", "eve@evil.example"),)),
    "header_separator": replace(MAIL, subject="a\u2028Bcc: eve@evil.example"),
    "nul": replace(MAIL, subject="a\0b"),
    "half_a_character": replace(MAIL, text="a\ud800b"),
    "no_file": replace(MAIL, attachments=(Attachment("a.pdf", "application/pdf", "f00d"),)),
    "filename": replace(MAIL, attachments=(Attachment("a\r\nX: y.pdf", "application/pdf", "here"),)),
}


@dataclass(frozen=True)
class Rehearsal:
    """A place where a provider can really send to, and one where nobody is."""

    credentials: Mapping[str, str]
    nowhere: Mapping[str, str]
    arrived: Callable[[], int]


@asynccontextmanager
async def outbox(folder: Path) -> AsyncGenerator[Rehearsal]:
    (folder / "file").touch()

    def arrived() -> int:
        return sum(path.is_file() for path in (folder / "outbox").rglob("*"))

    yield Rehearsal({"directory": str(folder / "outbox")}, {"directory": str(folder / "file")}, arrived)


@asynccontextmanager
async def smtp(_folder: Path) -> AsyncGenerator[Rehearsal]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"smtp://dana:s3cret@127.0.0.1:{unused.getsockname()[1]}"
        async with SmtpServer() as server:
            yield Rehearsal({"smtp_url": server.url}, {"smtp_url": nowhere}, lambda: len(server.mails))


# A new provider joins by telling here how it is rehearsed.
REHEARSALS: Mapping[str, Callable[[Path], AbstractAsyncContextManager[Rehearsal]]] = {"outbox": outbox, "smtp": smtp}


@pytest.fixture(params=sorted(SHELF))
def provider(request: pytest.FixtureRequest) -> Provider:
    return SHELF[str(request.param)]


@pytest.fixture
async def rehearsal(provider: Provider, tmp_path: Path) -> AsyncGenerator[Rehearsal]:
    async with REHEARSALS[provider.name](tmp_path) as place:
        yield place


def dispatch(message: Message, credentials: Mapping[str, str]) -> Dispatch:
    return Dispatch(message, credentials, {"here": b"%PDF"}, 10.0)


def carried(provider: Provider) -> list[Message]:
    return [GOOD[channel] for channel in sorted(provider.channels)]


def test_it_says_what_it_is(provider: Provider) -> None:
    module = importlib.import_module(f"communication_agent.providers.{provider.name}")
    assert module.__doc__
    assert provider.send.__doc__
    assert provider.channels
    assert provider.needs
    assert provider.idempotent or provider.grace


def test_a_tenant_with_every_key_can_give_it_what_it_needs(provider: Provider, tmp_path: Path) -> None:
    tenant = TenantSettings.model_validate(
        {
            "id": "green-valley",
            "name": "Green Valley",
            "sms_name": "Green Valley",
            "time_zone": "America/New_York",
            "phone": "(614) 555-0142",
            "address": "2100 Mill Road, Delaware, OH 43015",
            "database": {"embedded": True},
            "email": {"smtp_url": "smtp://127.0.0.1", "resend_api_key": "re_1", "sendgrid_api_key": "SG.1"},
            "sms": {"twilio_account_sid": "AC1", "twilio_auth_token": "t", "from": "+16145550142"},
        }
    )
    assert set(provider.needs) <= set(account(tenant, provider, Config.model_validate({"communication_agent_home": tmp_path})))


async def test_a_message_arrives_once_and_the_receipt_says_so(provider: Provider, rehearsal: Rehearsal) -> None:
    for message in carried(provider):
        before = rehearsal.arrived()
        assert isinstance(await provider.send(dispatch(message, rehearsal.credentials)), Accepted)
        assert rehearsal.arrived() == before + 1


async def test_the_same_message_twice_arrives_once_where_that_is_promised(provider: Provider, rehearsal: Rehearsal) -> None:
    for message in carried(provider):
        before = rehearsal.arrived()
        receipts = [await provider.send(dispatch(message, rehearsal.credentials)) for _ in range(2)]
        assert receipts[0] == receipts[1]
        assert rehearsal.arrived() == before + (1 if provider.idempotent else 2)


async def test_a_message_can_be_found_exactly_when_it_arrived(provider: Provider, rehearsal: Rehearsal) -> None:
    if provider.find is None:
        pytest.skip("this provider cannot be asked")
    for message in carried(provider):
        assert await provider.find(dispatch(message, rehearsal.credentials)) is None
        receipt = await provider.send(dispatch(message, rehearsal.credentials))
        assert await provider.find(dispatch(message, rehearsal.credentials)) == receipt


@pytest.mark.parametrize("what", sorted(HOSTILE))
async def test_a_hostile_message_is_refused_and_does_not_arrive(provider: Provider, rehearsal: Rehearsal, what: str) -> None:
    receipt = await provider.send(dispatch(HOSTILE[what], rehearsal.credentials))
    assert isinstance(receipt, Refused)
    assert not receipt.credentials
    assert rehearsal.arrived() == 0


async def test_a_channel_that_it_does_not_carry_is_refused(provider: Provider, rehearsal: Rehearsal) -> None:
    for channel in set(Channel) - provider.channels:
        assert isinstance(await provider.send(dispatch(GOOD[channel], rehearsal.credentials)), Refused)
    assert provider.channels == set(Channel) or rehearsal.arrived() == 0


async def test_where_nobody_is_nothing_is_lost_and_no_secret_told(provider: Provider, rehearsal: Rehearsal) -> None:
    for message in carried(provider):
        receipt: Receipt = await deliver(provider, dispatch(message, rehearsal.nowhere))
        assert isinstance(receipt, Unavailable)
        assert "s3cret" not in receipt.reason
        assert receipt.reason.isprintable()
