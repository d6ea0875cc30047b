from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases import DAY, EMAIL, KAREN, MAIL, NORMAL, NOW, PHONE, RAW, READY, RECEIPT, SMS, TUNEUP, case, cases, stop, text

from communication_agent.communication import Communication
from communication_agent.domain import Address, Channel, Consent, Customer, JobType, Purpose, Send, Skip, Verdict
from communication_agent.policy import Case, decide, normalise

WHOEVER = {"job_type": JobType.NOTIFY_CUSTOMER}
KAREN_MAIL, KAREN_PHONE = Send(EMAIL, NORMAL[EMAIL][0]), Send(SMS, NORMAL[SMS][0])


def mail(value: str, *, primary: bool = False, status: str = "active") -> Address:
    return Address(EMAIL, value, primary, status)


def reason(verdict: Verdict) -> str:
    return "send" if isinstance(verdict, Send) else verdict.reason


# ---- one form for every address ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("karen.smith@mailbox.example", "karen.smith@mailbox.example"),
        ("  Karen.Smith@MailBox.EXAMPLE\t\n", "karen.smith@mailbox.example"),
        ("o'brien+mower@mailbox.example", "o'brien+mower@mailbox.example"),
        ("dana@gärten.example", "dana@xn--grten-gra.example"),
        ("", None),
        ("karen.smith at mailbox.example", None),
        ("karen@mailbox", None),
        ("karen@mailbox.example, dave@mailbox.example", None),
        ("Karen <karen@mailbox.example>", None),
        ("karen@mailbox.example\r\nBcc: everybody@mailbox.example", None),
        ("karen\n@mailbox.example", None),
        ("karen@mailbox.example\0", None),
        ("jürgen@mailbox.example", None),
        ("k" * 10_000 + "@mailbox.example", None),
    ],
)
def test_an_email_address_has_one_form_or_none(raw: str, value: str | None) -> None:
    assert normalise(EMAIL, raw) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("(614) 555-0142", "+16145550142"),
        ("614.555.0142", "+16145550142"),
        ("1 614 555 0142", "+16145550142"),
        ("+1 (614) 555-0142 ", "+16145550142"),
        ("(555) 555-0142", "+15555550142"),  # possible, though no such area exists
        ("+44 20 7946 0958", "+442079460958"),
        ("", None),
        ("555-0142", None),  # nobody knows the area
        ("911", None),
        ("unknown", None),
        ("do not call 614-555-0142", None),
        ("614-555-0142 ext. 12", None),
        ("614-555-0142 #12", None),
        ("614-555-0142\r\nTo: +16145550143", None),
        ("614-555\n0142", None),
        ("1" * 5000, None),
    ],
)
def test_a_phone_number_is_e164_or_none(raw: str, value: str | None) -> None:
    assert normalise(SMS, raw) == value


@pytest.mark.parametrize("channel", Channel)
def test_a_megabyte_in_an_address_column_holds_nobody_up(channel: Channel) -> None:
    started = process_time()
    assert normalise(channel, "ä" * 1_000_000 + "@mailbox.example") is None
    assert process_time() - started < 0.5


@given(
    st.sampled_from(Channel),
    st.one_of(
        st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF), max_size=40),
        st.from_regex(r"[a-zA-Z.+']{1,9}@[a-zA-Z-]{1,9}\.example", fullmatch=True),
        st.from_regex(r"\+?[0-9() .-]{3,20}", fullmatch=True),
    ),
)
def test_normalising_never_fails_and_twice_is_once(channel: Channel, raw: str) -> None:
    value = normalise(channel, raw)
    if value is not None:
        assert normalise(channel, value) == value
        assert value.isascii()
        assert value.isprintable()
        assert " " not in value


# ---- which address -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ((mail("a@b.example"), mail("c@d.example", primary=True)), "c@d.example"),
        ((mail("a@b.example"), mail("c@d.example")), "a@b.example"),
        ((mail("c@d.example", primary=True, status="bounced"), mail("a@b.example")), "a@b.example"),
        ((mail("c at d.example", primary=True), mail("A@B.example")), "a@b.example"),
        ((mail("a@b.example", status=""),), "a@b.example"),
        ((PHONE,), "no_address"),
        ((), "no_address"),
        ((mail("a@b.example", status="bounced"), mail("c@d.example", status="invalid")), "bad_address"),
        ((mail("a@b.example", status="ask first"),), "bad_address"),
        ((mail("a at b.example"),), "bad_address"),
    ],
)
def test_the_primary_usable_address_is_taken_else_the_next(addresses: tuple[Address, ...], expected: str) -> None:
    verdict = decide(case(customer={"addresses": addresses}))
    assert (verdict.address if isinstance(verdict, Send) else verdict.reason) == expected


def test_the_reason_says_what_is_wrong_with_each_address() -> None:
    worn = (mail("a@b.example", status="bounced"), mail("c at d.example"))
    assert decide(case(customer={"addresses": worn})) == Skip("bad_address", "email: bounced, not an address")


@given(cases())
def test_a_message_goes_only_to_a_usable_unsuppressed_address_of_that_customer(drawn: Case) -> None:
    verdict = decide(drawn)
    if not isinstance(verdict, Send):
        return
    assert drawn.customer is not None
    own = {normalise(a.channel, a.value) for a in drawn.customer.addresses if a.status == "active" and a.channel is verdict.channel}
    stopped = {s.address for s in drawn.suppressions if s.channel is verdict.channel and (s.purpose == "all" or drawn.marketing)}
    assert verdict.address in own - stopped
    assert not drawn.customer.do_not_contact


# ---- which channel -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preferred", "addresses", "expected"),
    [
        (None, (MAIL, PHONE), KAREN_MAIL),
        (SMS, (MAIL, PHONE), KAREN_PHONE),
        (EMAIL, (MAIL, PHONE), KAREN_MAIL),
        (SMS, (MAIL,), KAREN_MAIL),
        (None, (PHONE,), KAREN_PHONE),
        (EMAIL, (PHONE,), KAREN_PHONE),
        (SMS, (MAIL, replace(PHONE, status="invalid")), KAREN_MAIL),
    ],
)
def test_notify_customer_takes_the_preferred_channel_when_it_is_possible(
    preferred: Channel | None, addresses: tuple[Address, ...], expected: Send
) -> None:
    assert decide(case(job=WHOEVER, customer={"preferred_channel": preferred, "addresses": addresses})) == expected


def test_notify_customer_goes_round_a_refusal() -> None:
    assert decide(case(job=WHOEVER, suppressions=(stop(EMAIL),))) == KAREN_PHONE
    assert reason(decide(case(job=WHOEVER, suppressions=(stop(EMAIL),), customer={"sms_consent": None}))) == "no_consent"


def test_when_no_channel_is_possible_the_nearest_miss_names_the_reason_and_both_are_told() -> None:
    verdict = decide(case(job=WHOEVER, customer={"addresses": (PHONE,), "sms_consent": False}))
    assert verdict == Skip("suppressed", "email: none on record; sms: no to every message (sms_consent)")


@pytest.mark.parametrize("preferred", [None, EMAIL, SMS])
@pytest.mark.parametrize("job_type", [JobType.SEND_EMAIL, JobType.SEND_SMS])
def test_a_job_that_names_its_channel_keeps_it(preferred: Channel | None, job_type: JobType) -> None:
    verdict = decide(case(job={"job_type": job_type}, customer={"preferred_channel": preferred}))
    assert isinstance(verdict, Send)
    assert verdict.channel is job_type.channel


def test_a_text_with_email_as_fallback_takes_email_when_no_text_is_possible() -> None:
    assert decide(text(communication=READY)) == KAREN_PHONE
    assert decide(text(communication=READY, customer={"addresses": (MAIL,)})) == KAREN_MAIL
    assert decide(text(communication=READY, suppressions=(stop(SMS),))) == KAREN_MAIL
    assert reason(decide(text(communication=replace(READY, fallback=None), suppressions=(stop(SMS),)))) == "suppressed"


def test_an_email_never_becomes_a_text() -> None:
    assert reason(decide(case(communication=READY, suppressions=(stop(EMAIL),)))) == "suppressed"


# ---- stop ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("about", [TUNEUP, RECEIPT, READY])
@pytest.mark.parametrize("job_type", JobType)
def test_do_not_contact_stops_everything(about: Communication, job_type: JobType) -> None:
    assert reason(decide(case(communication=about, job={"job_type": job_type}, customer={"do_not_contact": True}))) == "suppressed"


@pytest.mark.parametrize(
    ("about", "purpose", "expected"),
    [
        (TUNEUP, "all", "suppressed"),
        (TUNEUP, "marketing", "suppressed"),
        (RECEIPT, "all", "suppressed"),
        (RECEIPT, "marketing", "send"),
    ],
)
@pytest.mark.parametrize(("channel", "job_type"), [(EMAIL, JobType.SEND_EMAIL), (SMS, JobType.SEND_SMS)])
def test_a_suppression_stops_its_purpose_on_its_channel(
    channel: Channel, job_type: JobType, about: Communication, purpose: str, expected: str
) -> None:
    asked = case(communication=about, job={"job_type": job_type})
    other = SMS if channel is EMAIL else EMAIL
    assert reason(decide(replace(asked, suppressions=(stop(channel, purpose=purpose),)))) == expected
    assert reason(decide(replace(asked, suppressions=(stop(other, purpose=purpose),)))) == "send"


@pytest.mark.parametrize("why", ["unsubscribed", "complained", "stop", "staff"])
def test_who_said_stop_at_one_address_is_not_written_to_at_another(why: str) -> None:
    two = {"addresses": (mail("k@valleynet.example"), MAIL)}
    assert reason(decide(case(customer=two, suppressions=(stop(reason=why),)))) == "suppressed"
    assert reason(decide(case(customer=two, suppressions=(stop(reason=why), stop(reason="bounced"))))) == "suppressed"


def test_a_bounce_stops_one_address_and_the_next_is_taken() -> None:
    two = {"addresses": (mail("k@valleynet.example"), MAIL)}
    assert decide(case(customer=two, suppressions=(stop(reason="bounced"),))) == Send(EMAIL, "k@valleynet.example")
    assert reason(decide(case(suppressions=(stop(reason="bounced"),)))) == "suppressed"


def test_somebody_elses_suppression_stops_nobody() -> None:
    assert decide(case(suppressions=(stop(address="dave@mailbox.example"),))) == KAREN_MAIL


@pytest.mark.parametrize("raw", [value for value in RAW[EMAIL] if normalise(EMAIL, value) == NORMAL[EMAIL][0]])
def test_however_the_dealer_writes_an_address_its_suppression_is_found(raw: str) -> None:
    assert reason(decide(case(customer={"addresses": (mail(raw),)}, suppressions=(stop(),)))) == "suppressed"


# ---- consent: the dealer's flags and our ledger ---------------------------------------------------------------------

YES, NO = True, False
EARLY, LATE = NOW - 9 * DAY, NOW - 2 * DAY


def said(granted: bool, at: datetime, purpose: str = "all", channel: Channel = SMS) -> Consent:
    return Consent(channel, purpose, granted, at)


@pytest.mark.parametrize(
    ("flag", "dated", "ledger", "marketing", "transactional"),
    [
        (None, None, (), "no_consent", "send"),
        (YES, None, (), "send", "send"),
        (NO, None, (), "suppressed", "suppressed"),
        (None, None, (said(YES, EARLY),), "send", "send"),
        (None, None, (said(YES, EARLY, "marketing"),), "send", "send"),
        (None, None, (said(NO, EARLY),), "suppressed", "suppressed"),
        (None, None, (said(NO, EARLY, "marketing"),), "suppressed", "send"),
        # the more restrictive wins, whichever side says no
        (YES, None, (said(NO, EARLY),), "suppressed", "suppressed"),
        (YES, EARLY, (said(NO, LATE),), "suppressed", "suppressed"),
        (YES, EARLY, (said(NO, LATE, "marketing"),), "suppressed", "send"),
        (NO, LATE, (said(YES, EARLY),), "suppressed", "suppressed"),
        (NO, None, (said(YES, LATE),), "suppressed", "suppressed"),
        # except a yes that was recorded later than the no
        (YES, LATE, (said(NO, EARLY),), "send", "send"),
        (NO, EARLY, (said(YES, LATE),), "send", "send"),
        (NO, EARLY, (said(YES, LATE, "marketing"),), "send", "send"),
        # at the same instant the no counts, and a date that has not come yet is none
        (YES, EARLY, (said(NO, EARLY),), "suppressed", "suppressed"),
        (YES, NOW + DAY, (said(NO, EARLY),), "suppressed", "suppressed"),
        # our ledger: the latest of each purpose, in any order
        (None, None, (said(YES, LATE), said(NO, EARLY)), "send", "send"),
        (None, None, (said(NO, LATE), said(YES, EARLY)), "suppressed", "suppressed"),
        (None, None, (said(NO, LATE), said(YES, LATE)), "suppressed", "suppressed"),
        (None, None, (said(YES, LATE), said(NO, EARLY, "marketing")), "send", "send"),
        (None, None, (said(YES, EARLY), said(NO, LATE, "marketing")), "suppressed", "send"),
        (YES, None, (said(NO, EARLY, "marketing"), said(YES, LATE, "marketing")), "send", "send"),
        # what was said about email says nothing about texts
        (None, None, (said(YES, EARLY, channel=EMAIL),), "no_consent", "send"),
        (YES, None, (said(NO, EARLY, channel=EMAIL),), "send", "send"),
    ],
)
def test_texts_follow_the_latest_wish(
    flag: bool | None,
    dated: datetime | None,
    ledger: tuple[Consent, ...],
    marketing: str,
    transactional: str,
) -> None:
    wishes = {"sms_consent": flag, "sms_consent_at": dated}
    assert reason(decide(text(customer=wishes, consents=ledger))) == marketing
    assert reason(decide(text(customer=wishes, consents=ledger, communication=RECEIPT))) == transactional


@pytest.mark.parametrize(
    ("flag", "ledger", "marketing", "transactional"),
    [
        (None, (), "send", "send"),
        (YES, (), "send", "send"),
        (NO, (), "suppressed", "send"),
        (YES, (said(NO, EARLY, channel=EMAIL),), "suppressed", "suppressed"),
        (None, (said(NO, EARLY, "marketing", EMAIL),), "suppressed", "send"),
        (None, (said(NO, EARLY, "marketing", EMAIL), said(YES, LATE, "all", EMAIL)), "send", "send"),
        (NO, (said(YES, LATE, channel=EMAIL),), "suppressed", "send"),  # the dealer's no has no date: no yes is later for sure
        (YES, (said(NO, EARLY),), "send", "send"),
    ],
)
def test_email_follows_the_latest_wish(
    flag: bool | None,
    ledger: tuple[Consent, ...],
    marketing: str,
    transactional: str,
) -> None:
    asked = case(customer={"email_consent": flag}, consents=ledger)
    assert reason(decide(asked)) == marketing
    assert reason(decide(replace(asked, communication=RECEIPT))) == transactional


def test_an_informational_message_is_not_marketing() -> None:
    about = replace(TUNEUP, purpose=Purpose.INFORMATIONAL)
    assert reason(decide(text(communication=about, customer={"sms_consent": None}))) == "send"
    assert reason(decide(case(communication=about, customer={"email_consent": False}))) == "send"


ledgers = st.lists(
    st.builds(
        Consent, st.just(SMS), st.sampled_from(("all", "marketing")), st.booleans(), st.integers(1, 5).map(lambda n: NOW - n * DAY)
    ),
    max_size=4,
).map(tuple)


@given(ledgers, st.sampled_from((None, YES, NO)), st.one_of(st.none(), st.integers(1, 5)), st.randoms())
def test_the_order_of_the_ledger_does_not_matter(
    ledger: tuple[Consent, ...],
    flag: bool | None,
    days: int | None,
    random: Random,
) -> None:
    shuffled = tuple(random.sample(ledger, len(ledger)))
    customer: Customer = replace(KAREN, sms_consent=flag, sms_consent_at=NOW - timedelta(days=days) if days else None)
    asked = replace(text(consents=ledger), customer=customer)
    assert decide(asked) == decide(replace(asked, consents=shuffled))


@given(ledgers, st.sampled_from(("all", "marketing")), st.booleans())
def test_a_new_wish_in_our_ledger_decides(ledger: tuple[Consent, ...], purpose: str, granted: bool) -> None:
    last = Consent(SMS, purpose, granted, datetime(2026, 11, 23, 14, tzinfo=UTC))
    assert reason(decide(text(customer={"sms_consent": None}, consents=(*ledger, last)))) == ("send" if granted else "suppressed")
