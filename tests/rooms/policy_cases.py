"""Cases for the gate's tests: one that may be sent, and strategies that draw every kind there is."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from hypothesis import strategies as st

from communication_agent.communication import Button, Communication, Wording
from communication_agent.domain import (
    Address,
    Channel,
    ConditionResult,
    Consent,
    Customer,
    Job,
    JobType,
    Pause,
    Purpose,
    Suppression,
)
from communication_agent.policy import Case
from communication_agent.tenant import QuietHours, TenantDatabase, TenantSettings

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)  # Monday, 10:00 in New York
DAY = timedelta(days=1)
EMAIL, SMS = Channel.EMAIL, Channel.SMS

TENANT = TenantSettings(
    id="green-valley",
    name="Green Valley Outdoor Power",
    sms_name="Green Valley",
    time_zone="America/New_York",
    phone="(614) 555-0142",
    address="2100 Mill Road, Delaware, OH 43015",
    hours="Mon-Fri 8-5:30",
    sender_name="Dana Whitfield",
    response_promise="one business day",
    brand_color="#1f6b3a",
    approval_above=500,
    database=TenantDatabase(embedded=True, port=5432),
)
WORDING = Wording("Subject", "Preheader", "Body", Button("Book", "booking_url"), "Text", "prompt", "forbidden")
TUNEUP = Communication(
    name="annual_tuneup",
    title="Annual tune-up reminder",
    purpose=Purpose.MARKETING,
    wording=WORDING,
    occasion="unit:{equipment_id}:{n}",
    useful_days=14,
    priority=50,
    reason_line="You own a machine bought at our shop.",
)
RECEIPT = replace(TUNEUP, name="purchase_receipt", purpose=Purpose.TRANSACTIONAL)
READY = replace(RECEIPT, name="service_complete", channel=SMS, fallback=EMAIL)
MAIL = Address(EMAIL, "karen.smith@mailbox.example", primary=True, status="active")
PHONE = Address(SMS, "(614) 555-0191", primary=True, status="active")
KAREN = Customer(
    id="991",
    first_name="Karen",
    last_name="Smith",
    company="",
    language=None,
    postal_code=None,
    state="OH",
    time_zone=None,
    do_not_contact=False,
    preferred_channel=None,
    email_consent=None,
    sms_consent=True,
    sms_consent_at=None,
    addresses=(MAIL, PHONE),
)
JOB = Job(
    tenant_id="green-valley",
    id=UUID("01990000-0000-7000-8000-000000000991"),
    job_type=JobType.SEND_EMAIL,
    communication="annual_tuneup",
    customer_id="991",
    source="scheduler",
    occasions=("annual_tuneup:unit:7:2",),
    due_on=date(2026, 11, 23),
    run_at=NOW,
    useful_until=NOW + 14 * DAY,
    created_at=NOW,
)
CASE = Case(
    now=NOW, tenant=TENANT, quiet_hours=QuietHours(), cap=7 * DAY, communication=TUNEUP, job=JOB, customer=KAREN
)  # an email that may leave


def case(*, job: Mapping[str, object] | None = None, customer: Mapping[str, object] | None = None, **facts: object) -> Case:
    """The case that may be sent, with other facts; `job` and `customer` name the fields of theirs that differ."""
    return replace(CASE, **{"job": replace(JOB, **(job or {})), "customer": replace(KAREN, **(customer or {})), **facts})


def text(*, customer: Mapping[str, object] | None = None, **facts: object) -> Case:
    """The same as a text."""
    return case(job={"job_type": JobType.SEND_SMS}, customer=customer, **facts)


def stop(channel: Channel = EMAIL, reason: str = "unsubscribed", purpose: str = "all", address: str | None = None) -> Suppression:
    """A suppression of Karen's primary address, unless another one is given."""
    own = {EMAIL: "karen.smith@mailbox.example", SMS: "+16145550191"}[channel]
    return Suppression(channel, address or own, purpose, reason, NOW - DAY)


def pause(scope: str = "all", tenant_id: str = "green-valley") -> Pause:
    """A pause made an hour ago."""
    return Pause(tenant_id, scope, "stock-taking", "dana", NOW - timedelta(hours=1))


def fact(*, holds: bool) -> ConditionResult:
    """A condition of the type."""
    return ConditionResult("still_owned", "the machine is still theirs", holds, None if holds else "2026-11-20")


ZONES = ("America/New_York", "America/Phoenix", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata", "Europe/Berlin")
MINUTE = timedelta(minutes=1)
moments = st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + minutes * MINUTE)
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
windows = st.one_of(st.just(QuietHours()), st.builds(QuietHours, start=times, end=times))
spans = st.integers(0, 30 * 24 * 60).map(lambda minutes: minutes * MINUTE)
flags = st.sampled_from((None, True, False))
RAW = {
    EMAIL: (
        "karen.smith@mailbox.example",
        "Karen.Smith@Mailbox.example ",
        "k@valleynet.example",
        "nobody",
        "a@b.example\r\nBcc: c@d.example",
    ),
    SMS: ("(614) 555-0191", "614.555.0191", "+1 614 555 0193", "555-0191", "call the office"),
}
NORMAL = {EMAIL: ("karen.smith@mailbox.example", "k@valleynet.example"), SMS: ("+16145550191", "+16145550193")}


@st.composite
def addresses(draw: st.DrawFn) -> Address:
    channel = draw(st.sampled_from(Channel))
    status = draw(st.sampled_from(("active", "active", "active", "bounced", "invalid", "retired")))
    return Address(channel, draw(st.sampled_from(RAW[channel])), draw(st.booleans()), status)


@st.composite
def suppressions(draw: st.DrawFn) -> Suppression:
    channel = draw(st.sampled_from(Channel))
    reason = draw(st.sampled_from(("bounced", "complained", "unsubscribed", "stop", "staff")))
    return Suppression(channel, draw(st.sampled_from(NORMAL[channel])), draw(st.sampled_from(("all", "marketing"))), reason, NOW)


consents = st.builds(Consent, st.sampled_from(Channel), st.sampled_from(("all", "marketing")), st.booleans(), moments)
pauses = st.builds(
    Pause,
    st.sampled_from(("*", "green-valley", "green-valley", "hilltop")),
    st.sampled_from(("all", "restored_backup", "type:annual_tuneup", "type:other", "channel:email", "channel:sms")),
    st.just("because"),
    st.just("dana"),
    moments,
)


CUSTOMER: Mapping[str, st.SearchStrategy[object]] = {
    "time_zone": st.sampled_from((None, "", "nowhere", "America", *ZONES)),
    "do_not_contact": st.booleans(),
    "preferred_channel": st.sampled_from((None, EMAIL, SMS)),
    "email_consent": flags,
    "sms_consent": flags,
    "sms_consent_at": moments,
    "addresses": st.lists(addresses(), max_size=4).map(tuple),
}
FACTS: Mapping[str, st.SearchStrategy[object]] = {
    "quiet_hours": windows,
    "cap": st.integers(0, 14).map(lambda days: days * DAY),
    "conditions": st.booleans().map(lambda holds: (fact(holds=True), fact(holds=holds))),
    "missing": st.sampled_from(({EMAIL: ("equipment_model",)}, {SMS: ("short_link",)})),
    "suppressions": st.lists(suppressions(), min_size=1, max_size=2).map(tuple),
    "consents": st.lists(consents, min_size=1, max_size=3).map(tuple),
    "pauses": st.lists(pauses, min_size=1, max_size=2).map(tuple),
}


def some(draw: st.DrawFn, of: Mapping[str, st.SearchStrategy[object]], most: int) -> dict[str, object]:
    """A few of the facts, drawn; the others stay as they were, so that much of what is drawn may be sent."""
    names = draw(st.lists(st.sampled_from(sorted(of)), max_size=most, unique=True))
    return {name: draw(of[name]) for name in names}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any case, with a few facts for or against, of every kind there is."""
    now = draw(moments)
    communication = replace(
        TUNEUP,
        purpose=draw(st.sampled_from(Purpose)),
        fallback=draw(st.sampled_from((None, EMAIL))),
        immediate=draw(st.booleans()),
    )
    job = replace(
        JOB,
        job_type=draw(st.sampled_from(JobType)),
        useful_until=now + draw(st.sampled_from((14 * DAY, 14 * DAY, 5 * DAY, DAY, 0 * DAY, -MINUTE))),
    )
    facts: dict[str, object] = {
        "now": now,
        "communication": communication,
        "job": job,
        "customer": replace(KAREN, **some(draw, CUSTOMER, 3)) if draw(st.integers(0, 19)) != 7 else None,
        "last_marketing_at": draw(st.sampled_from((None, now - draw(spans)))),
        **some(draw, FACTS, 2),
    }
    return replace(CASE, **facts)
