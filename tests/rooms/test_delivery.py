"""The way out: which provider, which account, which envelope, and that no answer is ever lost."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from communication_agent import providers
from communication_agent.communication import Button, Communication, Wording
from communication_agent.config import Config
from communication_agent.delivery import account, deliver, envelope, is_loopback, pack, payload_hash, pick_provider, unpack
from communication_agent.domain import (
    Accepted,
    Attachment,
    Channel,
    Content,
    Job,
    JobType,
    Message,
    Purpose,
    Receipt,
    Refused,
    Send,
    Unavailable,
    Unknown,
)
from communication_agent.errors import Exit, Problem
from communication_agent.mime import split_mailbox, to_bytes
from communication_agent.provider import Dispatch, Provider
from communication_agent.registry import discover
from communication_agent.tenant import TenantSettings

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
SHELF = discover(providers, Provider)
KEYS = {"from": "Green Valley, Inc. <service@greenvalley.example>", "reply_to": "Dana <dana@greenvalley.example>"}
SMTP = {**KEYS, "smtp_url": "smtp://127.0.0.1:2525"}
TWILIO = {"twilio_account_sid": "AC1", "twilio_auth_token": "s3cret", "from": "+16145550142"}
JOB = Job(
    tenant_id="green-valley",
    id=UUID("01941f29-7c00-7000-8000-000000000001"),
    job_type=JobType.SEND_EMAIL,
    communication="annual_tuneup",
    customer_id="991",
    source="scheduler",
    occasions=(),
    due_on=date(2026, 11, 24),
    run_at=NOW,
    useful_until=NOW,
    created_at=NOW,
    attachments=(Attachment("a.pdf", "application/pdf", "f00d"),),
)
TUNEUP = Communication(
    name="annual_tuneup",
    title="Annual tune-up",
    purpose=Purpose.MARKETING,
    wording=Wording("s", "p", "b", Button("Book", "booking_url"), "sms", "", ""),
    occasion="machine:{equipment_id}",
    useful_days=10,
    priority=1,
    reason_line="You bought a machine from us.",
)
CONTENT = Content("Your mower is due", "soon", "<p>Hello Ada</p>", "Hello Ada", "Green Valley: hello Ada")
ADA = Send(Channel.EMAIL, "ada@customer.example")
PAGE = "/preferences/t0ken"


def tenant(email: Mapping[str, object] | None = None, **more: object) -> TenantSettings:
    settings: dict[str, object] = {
        "id": "green-valley",
        "name": "Green Valley",
        "sms_name": "Green Valley",
        "time_zone": "America/New_York",
        "phone": "(614) 555-0142",
        "address": "2100 Mill Road, Delaware, OH 43015",
        "database": {"embedded": True},
    }
    return TenantSettings.model_validate({**settings, "email": email or {}, **more})


def config(**settings: object) -> Config:
    return Config.model_validate(settings)


def enveloped(of: TenantSettings, communication: Communication = TUNEUP, send: Send = ADA, page: str = PAGE) -> Message:
    return envelope(
        JOB, communication, CONTENT, send, of, config_base_url="https://comm.example/agent", preferences_url=page, now=NOW
    )


def header(message: Message, name: str) -> str | None:
    return dict(message.headers).get(name)


# ---- which provider ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", list(Channel))
def test_a_tenant_that_rehearses_sends_nothing_whatever_its_keys(channel: Channel) -> None:
    assert pick_provider(tenant(SMTP, sms=TWILIO), channel, SHELF) is SHELF["outbox"]


def test_a_live_tenant_sends_through_what_its_keys_say() -> None:
    assert pick_provider(tenant(SMTP, sending="live"), Channel.EMAIL, SHELF) is SHELF["smtp"]
    assert pick_provider(tenant({**SMTP, "provider": "outbox"}, sending="live"), Channel.EMAIL, SHELF) is SHELF["outbox"]


def test_a_channel_without_a_provider_names_the_key_that_is_missing() -> None:
    with pytest.raises(Problem) as sms:
        pick_provider(tenant(SMTP, sending="live"), Channel.SMS, SHELF)
    assert (sms.value.code, sms.value.exit) == ("CA-302", Exit.CONFIGURATION)
    assert "sms.twilio_account_sid" in sms.value.why
    assert sms.value.do == "communication-agent tenants set green-valley sms.twilio_account_sid"


def test_a_provider_that_is_not_on_the_shelf_is_a_problem_with_a_name() -> None:
    of = tenant({**KEYS, "resend_api_key": "re_1"}, sending="live")
    with pytest.raises(Problem, match="resend"):
        pick_provider(of, Channel.EMAIL, {"smtp": SHELF["smtp"]})
    with pytest.raises(Problem, match="smtp"):
        pick_provider(replace_provider(of, "smtp"), Channel.EMAIL, {"smtp": replace(SHELF["smtp"], channels=frozenset())})


def replace_provider(of: TenantSettings, name: str) -> TenantSettings:
    return of.model_copy(update={"email": of.email.model_copy(update={"provider": name})})


def test_a_provider_learns_its_own_account_and_no_other(tmp_path: Path) -> None:
    of = tenant(SMTP, sms=TWILIO, outbox={"refuse": ["+16145550199", "eve@customer.example"]})
    settings = config(communication_agent_home=tmp_path)
    assert account(of, SHELF["smtp"], settings) == {"smtp_url": "smtp://127.0.0.1:2525"}
    outbox = {"directory": str(tmp_path / "outbox"), "refuse": "+16145550199,eve@customer.example"}
    assert account(of, SHELF["outbox"], settings) == outbox
    assert account(tenant(), SHELF["outbox"], settings) == {"directory": str(tmp_path / "outbox")}


def test_an_account_without_what_it_needs_is_a_problem_with_a_name() -> None:
    with pytest.raises(Problem) as missing:
        account(tenant(), SHELF["smtp"], config())
    assert missing.value.do == "communication-agent tenants set green-valley email.smtp_url"
    assert missing.value.exit is Exit.CONFIGURATION


@pytest.mark.parametrize(
    ("email", "more", "settings", "expected"),
    [
        ({}, {}, {}, True),
        (SMTP, {}, {}, True),
        ({**KEYS, "smtp_url": "smtps://u:p@[::1]"}, {}, {}, True),
        ({**KEYS, "smtp_url": "smtp://mail.example"}, {}, {}, False),
        ({**KEYS, "smtp_url": "smtp://127.0.0.1@mail.example"}, {}, {}, False),
        ({**KEYS, "smtp_url": "nonsense"}, {}, {}, False),
        ({**KEYS, "resend_api_key": "re_1"}, {}, {}, False),
        ({**KEYS, "resend_api_key": "re_1"}, {}, {"resend_base_url": "http://localhost:9"}, True),
        ({**KEYS, "resend_api_key": "re_1"}, {}, {"resend_base_url": "http://127.0.0.1@evil.example"}, False),
        ({**SMTP, "resend_api_key": "re_1", "provider": "smtp"}, {}, {}, False),
        ({**KEYS, "sendgrid_api_key": "SG.1"}, {}, {"sendgrid_base_url": "http://127.0.0.1:9"}, True),
        ({**KEYS, "provider": "sendgrid"}, {}, {}, False),
        (SMTP, {"sms": TWILIO}, {}, False),
        (SMTP, {"sms": TWILIO}, {"twilio_base_url": "http://[::1]:9"}, True),
        (SMTP, {"gmail": {"mailbox": "a", "client_id": "b", "client_secret": "c", "refresh_token": "d"}}, {}, False),
    ],
)
def test_a_pretended_clock_is_safe_only_where_every_address_is_this_machine(
    email: Mapping[str, object], more: Mapping[str, object], settings: Mapping[str, object], *, expected: bool
) -> None:
    assert is_loopback(tenant(email, **more), config(**settings)) == expected


# ---- the envelope --------------------------------------------------------------------------------------------------


def test_a_mail_comes_from_the_dealer_and_is_answered_to_the_dealer() -> None:
    message = enveloped(tenant(SMTP))
    assert message.sender == '"Green Valley, Inc." <service@greenvalley.example>'
    assert (message.to, message.reply_to, message.date) == ("ada@customer.example", KEYS["reply_to"], NOW)
    assert (message.subject, message.html, message.text) == (CONTENT.subject, CONTENT.html, CONTENT.text)
    assert message.attachments == JOB.attachments
    assert message.message_id == f"<{JOB.id}@greenvalley.example>"
    assert to_bytes(message, {"f00d": b"%PDF"})


def test_a_dealer_may_choose_the_domain_of_message_ids() -> None:
    assert (
        enveloped(tenant({**SMTP, "message_id_domain": "mail.grün.example"})).message_id == f"<{JOB.id}@mail.xn--grn-ioa.example>"
    )


def test_a_rehearsal_without_an_address_harms_nobody() -> None:
    message = enveloped(tenant(name="Green Valley (test) ✂"))
    assert split_mailbox(message.sender) == ("Green Valley (test) ✂", "service@green-valley.invalid")
    assert message.message_id == f"<{JOB.id}@green-valley.invalid>"
    assert message.reply_to is None
    assert "<mailto:service@green-valley.invalid?subject=unsubscribe>" in str(header(message, "List-Unsubscribe"))


@pytest.mark.parametrize("page", [PAGE, PAGE[1:], "https://comm.example/preferences/t0ken"])
def test_marketing_mail_can_be_ended_with_one_click(page: str) -> None:
    message = enveloped(tenant(SMTP), page=page)
    link, mailto = str(header(message, "List-Unsubscribe")).split(", ")
    assert re.fullmatch(r"<https://comm\.example(/agent)?/preferences/t0ken>", link)
    assert mailto == "<mailto:dana@greenvalley.example?subject=unsubscribe>"
    assert header(message, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize("purpose", [Purpose.TRANSACTIONAL, Purpose.INFORMATIONAL])
def test_a_receipt_is_no_mailing_list(purpose: Purpose) -> None:
    message = enveloped(tenant(SMTP), replace(TUNEUP, purpose=purpose))
    assert header(message, "List-Unsubscribe") is None
    assert header(message, "List-Unsubscribe-Post") is None


def test_no_vacation_note_answers_us_and_our_id_travels_along() -> None:
    message = enveloped(tenant(SMTP))
    assert header(message, "Auto-Submitted") == "auto-generated"
    assert header(message, "Feedback-ID") == "annual_tuneup:marketing:green-valley:communication-agent"
    assert header(message, "X-Communication-ID") == str(JOB.id)


@pytest.mark.parametrize(
    ("sms", "sender"),
    [(TWILIO, "+16145550142"), ({**TWILIO, "messaging_service_sid": "MG1"}, "MG1"), ({}, "Green Valley")],
)
def test_a_text_has_a_number_a_body_and_nothing_else(sms: Mapping[str, str], sender: str) -> None:
    message = enveloped(tenant(sms=sms), send=Send(Channel.SMS, "+16145550199"))
    assert message == Message(JOB.id, "green-valley", Channel.SMS, sender, "+16145550199", NOW, text=CONTENT.sms)


@pytest.mark.parametrize(
    "wrong",
    [{"from": "no address"}, {"reply_to": "a@b@c"}, {"message_id_domain": "a b"}, {"from": "Eve <eve@x.example> <e@x.example"}],
)
def test_an_address_of_the_dealer_that_is_none_is_a_problem_with_a_name(wrong: Mapping[str, str]) -> None:
    with pytest.raises(Problem, match="email address") as problem:
        enveloped(tenant({**SMTP, **wrong}))
    assert problem.value.exit is Exit.CONFIGURATION


def test_the_same_job_has_the_same_envelope() -> None:
    assert enveloped(tenant(SMTP)) == enveloped(tenant(SMTP))


# ---- frozen --------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50)
MESSAGES = st.builds(
    Message,
    id=st.uuids(),
    tenant_id=TEXT,
    channel=st.sampled_from(Channel),
    sender=TEXT,
    to=TEXT,
    date=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given beside them
    subject=TEXT,
    html=TEXT,
    text=TEXT,
    reply_to=st.none() | TEXT,
    headers=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    message_id=TEXT,
    attachments=st.lists(st.builds(Attachment, TEXT, TEXT, TEXT), max_size=3).map(tuple),
)


@given(message=MESSAGES)
def test_a_frozen_message_thaws_as_it_was(message: Message) -> None:
    text = pack(message)
    assert unpack(text) == message
    # jsonb changes order and spaces, and writes other escapes.
    relaid = json.dumps(dict(reversed(json.loads(text).items())), indent=1, ensure_ascii=True)
    assert unpack(relaid) == message
    assert payload_hash(relaid) == payload_hash(text)


def test_equal_messages_are_frozen_alike_and_others_are_not() -> None:
    message = enveloped(tenant(SMTP))
    elsewhere = replace(message, date=message.date.astimezone(timezone(timedelta(hours=-5))))
    assert elsewhere == message
    assert pack(elsewhere) == pack(message)
    assert payload_hash(pack(replace(message, text="Hello Eve"))) != payload_hash(pack(message))


@pytest.mark.parametrize("text", ["a\0b", "\\\0", "\\\\\0", "\ud800", "a\udfff"])
def test_what_a_database_cannot_keep_is_a_problem_with_a_name(text: str) -> None:
    with pytest.raises(Problem) as problem:
        pack(replace(enveloped(tenant(SMTP)), html=text))
    assert problem.value.code == "CA-308"


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", "C:\\u0000x"])
def test_what_only_looks_like_it_is_kept(text: str) -> None:
    message = replace(enveloped(tenant(SMTP)), html=text)
    assert unpack(pack(message)) == message


# ---- out -----------------------------------------------------------------------------------------------------------


def delivered(answer: Receipt | Exception | None, seconds: float = 5.0) -> Receipt:
    async def send(_dispatch: Dispatch) -> Receipt:
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            await asyncio.Event().wait()
        assert answer
        return answer

    provider = Provider("odd", frozenset(Channel), (), idempotent=False, send=send)
    return asyncio.run(deliver(provider, Dispatch(enveloped(tenant()), {}, timeout=seconds)))


@pytest.mark.parametrize("receipt", [Accepted("1"), Refused("no"), Unavailable("busy"), Unknown("hm")])
def test_what_the_provider_says_is_handed_on(receipt: Receipt) -> None:
    assert delivered(receipt) == receipt


def test_a_provider_that_hangs_leaves_the_outcome_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("communication_agent.delivery._PATIENCE", 0.05)
    assert delivered(None, 0.05) == Unknown("provider_timeout")


@pytest.mark.parametrize("error", [RuntimeError("s3cret"), ValueError(), KeyError("x"), OSError()])
def test_a_provider_that_crashes_leaves_the_outcome_unknown_and_a_trace(error: Exception) -> None:
    with capture_logs() as logs:
        assert delivered(error) == Unknown(f"provider_error: {type(error).__name__}")
    assert [(line["event"], line["provider"]) for line in logs] == [("provider raised", "odd")]


def test_a_cancelled_delivery_is_not_an_outcome() -> None:
    async def cancelled() -> None:
        started = asyncio.Event()

        async def send(_dispatch: Dispatch) -> Receipt:
            started.set()
            await asyncio.Event().wait()
            raise AssertionError

        provider = Provider("slow", frozenset(Channel), (), idempotent=False, send=send)
        task = asyncio.create_task(deliver(provider, Dispatch(enveloped(tenant()), {})))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
