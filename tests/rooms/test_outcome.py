"""The table of delivery.md §3, cell by cell, and what must hold in every cell."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communication_agent.communication import Button, Communication, Wording
from communication_agent.config import Config
from communication_agent.domain import (
    TRANSITIONS,
    Accepted,
    Channel,
    Failed,
    Held,
    Job,
    JobType,
    Outcome,
    Purpose,
    Receipt,
    Refused,
    Retry,
    Sent,
    State,
    Unavailable,
    Uncertain,
    Unknown,
)
from communication_agent.outcome import Limits, Reaped, examine, grace, lapse, limits_of, may_repeat, reap, settle
from communication_agent.provider import Dispatch, Provider

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
LIMITS = Limits()
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BOTH = frozenset(Channel)
# Where an outcome leads, as states.
LEADS_TO = {Sent: State.SENT, Retry: State.SCHEDULED, Failed: State.FAILED, Uncertain: State.UNCERTAIN, Held: State.HELD}


async def never(dispatch: Dispatch) -> Receipt:
    raise AssertionError("decisions ask nobody")


async def never_found(dispatch: Dispatch) -> Receipt | None:
    raise AssertionError("decisions ask nobody")


BLIND = Provider("blind", BOTH, (), idempotent=False, send=never)  # SMTP, SendGrid
SEEING = Provider("seeing", BOTH, (), idempotent=False, send=never, find=never_found, grace=2 * MINUTE)  # Twilio, Gmail
KEYED = Provider("keyed", BOTH, (), idempotent=True, send=never, grace=timedelta(seconds=30))  # Resend
FOLDER = Provider("folder", BOTH, (), idempotent=True, send=never, find=never_found, grace=timedelta())  # outbox
PROVIDERS = [BLIND, SEEING, KEYED, FOLDER]

JOB = Job(
    tenant_id="green-valley",
    id=UUID("01941f29-7c00-7000-8000-000000000001"),
    job_type=JobType.SEND_EMAIL,
    communication="annual_tuneup",
    customer_id="991",
    source="scheduler",
    occasions=("machine:1:1",),
    due_on=date(2026, 11, 24),
    run_at=NOW,
    useful_until=NOW + timedelta(days=10),
    created_at=NOW - timedelta(days=3),
)
MAIL_TYPE = Communication(
    name="annual_tuneup",
    title="Annual tune-up",
    purpose=Purpose.MARKETING,
    wording=Wording("s", "p", "b", Button("Book", "booking_url"), "sms", "", ""),
    occasion="machine:{equipment_id}",
    useful_days=10,
    priority=1,
    reason_line="You bought a machine from us.",
)
SMS_THEN_MAIL = replace(MAIL_TYPE, channel=Channel.SMS, fallback=Channel.EMAIL)
SMS_ONLY = replace(MAIL_TYPE, channel=Channel.SMS)
EITHER = replace(MAIL_TYPE, channel=None)


def settled(
    receipt: Receipt,
    job: Job = JOB,
    provider: Provider = BLIND,
    communication: Communication = MAIL_TYPE,
    limits: Limits = LIMITS,
    jitter: float = 0.5,
    channel: Channel = Channel.EMAIL,
    unknown_since: datetime | None = None,
) -> Outcome:
    return settle(job, receipt, provider, communication, limits, NOW, jitter, channel=channel, unknown_since=unknown_since)


def examined(
    found: Receipt | None, provider: Provider, checks: int = 0, job: Job = JOB, since: timedelta = timedelta(minutes=10)
) -> Outcome:
    return examine(job, found, checks, provider, LIMITS, NOW, unknown_since=NOW - since)


def test_what_was_accepted_is_sent() -> None:
    assert settled(Accepted("re_123")) == Sent("re_123")
    assert settled(Accepted(None)) == Sent(None)


def test_a_definite_no_ends_the_message_and_says_why() -> None:
    assert settled(Refused("rcpt_550: no such user")) == Failed("rcpt_550: no such user")


def test_a_refused_account_burns_nothing_and_waits() -> None:
    assert settled(Refused("login_535", credentials=True)) == Retry(NOW + 15 * MINUTE, "credentials_refused", burned=False)
    assert settled(Refused("login_535", credentials=True), replace(JOB, attempts=3)) == settled(Refused("x", credentials=True))


@pytest.mark.parametrize(("attempts", "minutes"), [(0, 5), (1, 10), (2, 20)])
def test_attempts_follow_after_5_10_and_20_minutes(attempts: int, minutes: int) -> None:
    job = replace(JOB, attempts=attempts)
    assert settled(Unavailable("busy"), job) == Retry(NOW + minutes * MINUTE, "busy", burned=True)
    assert settled(Unavailable("busy"), job, jitter=0.0) == Retry(NOW + minutes * 0.9 * MINUTE, "busy", burned=True)
    latest = settled(Unavailable("busy"), job, jitter=0.999)
    assert isinstance(latest, Retry)
    assert NOW + minutes * 1.09 * MINUTE < latest.at < NOW + minutes * 1.1 * MINUTE


def test_after_the_last_attempt_the_message_has_failed() -> None:
    assert settled(Unavailable("busy"), replace(JOB, attempts=3)) == Failed("busy")
    assert settled(Unavailable("busy"), limits=Limits(max_retries=0)) == Failed("busy")


def test_many_retries_do_not_wait_for_years() -> None:
    patient = settled(Unavailable("busy"), replace(JOB, attempts=19), limits=Limits(max_retries=20))
    assert patient == Retry(NOW + timedelta(days=1), "busy", burned=True)


def test_when_the_provider_says_how_long_nothing_is_burned() -> None:
    told = settled(Unavailable("rate_429", 7 * MINUTE), replace(JOB, attempts=3), jitter=0.0)
    assert told == Retry(NOW + 7 * MINUTE, "rate_429", burned=False)
    assert settled(Unavailable("rate_429", timedelta(days=2))) == Retry(NOW + HOUR, "rate_429", burned=False)
    at_once = settled(Unavailable("rate_429", timedelta()), jitter=0.0)
    assert at_once == Retry(NOW + timedelta(seconds=1), "rate_429", burned=False)


@pytest.mark.parametrize(
    "receipt", [Unavailable("busy"), Unavailable("busy", 30 * MINUTE), Refused("key", credentials=True), Unknown("timeout")]
)
def test_a_retry_that_would_come_too_late_is_a_failure(receipt: Receipt) -> None:
    result = settled(receipt, replace(JOB, useful_until=NOW + timedelta(seconds=1)), KEYED)
    assert isinstance(result, Failed)
    assert (result.reason == "outcome_unknown") == isinstance(receipt, Unknown)


@pytest.mark.parametrize("communication", [MAIL_TYPE, SMS_THEN_MAIL, EITHER])
@pytest.mark.parametrize("receipt", [Refused("undeliverable"), Unavailable("busy")])
def test_an_sms_that_surely_failed_becomes_an_email(communication: Communication, receipt: Receipt) -> None:
    job = replace(JOB, job_type=JobType.SEND_SMS, attempts=3)
    reason = receipt.reason if isinstance(receipt, Refused | Unavailable) else ""
    assert settled(receipt, job, communication=communication, channel=Channel.SMS) == Failed(reason, Channel.EMAIL)


def test_a_fallback_happens_once() -> None:
    job = replace(JOB, fallback_of=UUID(int=1))
    assert settled(Refused("no"), job, communication=SMS_THEN_MAIL, channel=Channel.SMS) == Failed("no")


def test_an_email_never_becomes_an_sms_and_an_sms_only_type_nothing_else() -> None:
    assert settled(Refused("no"), communication=EITHER, channel=Channel.EMAIL) == Failed("no")
    assert settled(Refused("no"), communication=SMS_ONLY, channel=Channel.SMS) == Failed("no")


def test_an_unknown_outcome_with_a_key_is_tried_again_with_the_same_key() -> None:
    first = settled(Unknown("timeout"), provider=KEYED)
    assert first == Retry(NOW + timedelta(seconds=10), "timeout", burned=False)
    later = settled(Unknown("timeout"), provider=KEYED, unknown_since=NOW - 8 * MINUTE)
    assert later == Retry(NOW + 8 * MINUTE, "timeout", burned=False)


def test_a_key_that_the_provider_forgets_is_not_used_again() -> None:
    old = NOW - timedelta(hours=22, minutes=30)
    assert settled(Unknown("timeout"), provider=KEYED, unknown_since=old) == Uncertain("timeout", NOW + timedelta(seconds=30))
    assert may_repeat(KEYED, old, NOW)
    assert not may_repeat(KEYED, old, NOW + 30 * MINUTE)
    assert not may_repeat(BLIND, NOW, NOW)


@pytest.mark.parametrize("provider", [BLIND, SEEING])
def test_an_unknown_outcome_without_a_key_is_left_to_the_reconciler(provider: Provider) -> None:
    assert settled(Unknown("timeout"), provider=provider) == Uncertain("timeout", NOW + provider.grace)
    shortened = Limits(grace=timedelta(seconds=3))
    assert settled(Unknown("timeout"), provider=provider, limits=shortened) == Uncertain("timeout", NOW + timedelta(seconds=3))


@pytest.mark.parametrize("receipt", [Refused("no"), Unavailable("busy"), Unavailable("busy", MINUTE), Unknown("timeout")])
def test_while_an_earlier_attempt_is_in_doubt_there_is_no_second_message(receipt: Receipt) -> None:
    job = replace(JOB, attempts=3, useful_until=NOW + timedelta(seconds=1))
    result = settled(receipt, job, KEYED, SMS_THEN_MAIL, channel=Channel.SMS, unknown_since=NOW - MINUTE)
    assert result == Failed("outcome_unknown", None)


def test_a_provider_that_cannot_be_reached_burns_nothing_while_an_earlier_attempt_is_in_doubt() -> None:
    result = settled(Unavailable("down"), replace(JOB, attempts=3), KEYED, unknown_since=NOW - HOUR)
    assert result == Retry(NOW + HOUR, "down", burned=False)


RECEIPTS = st.one_of(
    st.builds(Accepted, st.none()),
    st.builds(Refused, st.just("r"), st.booleans()),
    st.builds(Unavailable, st.just("r"), st.none() | st.timedeltas(timedelta(), timedelta(days=400))),
    st.builds(Unknown, st.just("r")),
)
PAST = st.timedeltas(timedelta(), timedelta(days=2)).map(lambda age: NOW - age)


@given(
    receipt=RECEIPTS,
    provider=st.sampled_from(PROVIDERS),
    communication=st.sampled_from([MAIL_TYPE, SMS_THEN_MAIL, SMS_ONLY, EITHER]),
    channel=st.sampled_from(list(Channel)),
    attempts=st.integers(0, 25),
    useful=st.timedeltas(timedelta(days=-1), timedelta(days=40)),
    since=st.none() | PAST,
    retries=st.integers(0, 20),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_every_outcome_of_an_attempt_is_legal_timely_and_never_a_second_message(
    receipt: Receipt,
    provider: Provider,
    communication: Communication,
    channel: Channel,
    attempts: int,
    useful: timedelta,
    since: datetime | None,
    retries: int,
    jitter: float,
) -> None:
    job = replace(JOB, attempts=attempts, useful_until=NOW + useful)
    result = settled(receipt, job, provider, communication, Limits(max_retries=retries), jitter, channel, since)
    assert LEADS_TO[type(result)] in TRANSITIONS[State.DISPATCHING]
    in_doubt = since is not None or isinstance(receipt, Unknown)
    if isinstance(result, Retry):
        assert NOW < result.at <= job.useful_until
        assert not (in_doubt and result.burned)
        assert not in_doubt or may_repeat(provider, since or NOW, result.at)
    if isinstance(result, Failed) and result.follow_up:
        assert not in_doubt
        assert channel is Channel.SMS


def test_a_dead_workers_job_is_taken_over_unless_it_may_have_been_sent() -> None:
    assert reap(State.CLAIMED, 1) == reap(State.CLAIMED, 2) == Reaped(State.READY, None)
    assert reap(State.DISPATCHING, 1) == reap(State.DISPATCHING, 9) == Reaped(State.UNCERTAIN, "worker_died")


def test_a_job_that_kills_its_workers_is_taken_out() -> None:
    assert reap(State.CLAIMED, 3) == Reaped(State.HELD, "killed_its_worker_three_times")


@pytest.mark.parametrize("state", [state for state in State if state not in {State.CLAIMED, State.DISPATCHING}])
def test_only_a_leased_job_can_be_reaped(state: State) -> None:
    with pytest.raises(ValueError, match="lease"):
        reap(state, 1)


def test_what_is_found_was_sent() -> None:
    for provider in PROVIDERS:
        assert examined(Accepted("SM1"), provider) == Sent("SM1")
    assert examined(Refused("undelivered"), SEEING) == Failed("undelivered")


def test_absent_twice_is_absent() -> None:
    assert examined(None, SEEING) == Uncertain("absent_once", NOW + 2 * MINUTE)
    assert examined(None, SEEING, checks=1) == Retry(NOW, "never_arrived", burned=False)


def test_what_is_not_in_the_folder_is_not_there() -> None:
    assert examined(None, FOLDER) == Retry(NOW, "never_arrived", burned=False)


def test_where_nobody_can_be_asked_a_person_decides() -> None:
    assert examined(None, BLIND) == Held("outcome_unknown")


def test_with_a_key_a_dead_workers_message_goes_again_while_the_key_lives() -> None:
    assert examined(None, KEYED) == Retry(NOW, "outcome_unknown", burned=False)
    assert examined(None, KEYED, since=timedelta(hours=23)) == Held("outcome_unknown")


@pytest.mark.parametrize("answer", [Unavailable("down"), Unknown("timeout")])
def test_who_could_not_be_asked_is_asked_again(answer: Receipt) -> None:
    assert isinstance(answer, Unavailable | Unknown)
    assert examined(answer, SEEING, checks=1) == Uncertain(answer.reason, NOW + 2 * MINUTE)
    assert examined(answer, FOLDER) == Uncertain(answer.reason, NOW + timedelta(seconds=10))


def test_a_message_that_kills_its_workers_while_it_is_sent_is_taken_out() -> None:
    assert examined(None, FOLDER, job=replace(JOB, deaths=3)) == Held("killed_its_worker_three_times")


def test_what_is_useless_by_now_ends_with_the_truth() -> None:
    late = replace(JOB, useful_until=NOW - MINUTE)
    assert examined(None, BLIND, job=late) == Failed("outcome_unknown")
    assert examined(None, KEYED, job=late) == Failed("outcome_unknown")
    assert examined(Unavailable("down"), SEEING, job=late) == Failed("outcome_unknown")
    assert examined(None, SEEING, checks=1, job=late) == Failed("never_arrived")
    assert examined(Accepted("SM1"), SEEING, job=late) == Sent("SM1")
    assert examined(None, SEEING, job=late) == Uncertain("absent_once", NOW + 2 * MINUTE)


@given(
    found=st.none() | RECEIPTS,
    provider=st.sampled_from(PROVIDERS),
    checks=st.integers(0, 3),
    since=PAST,
    useful=st.timedeltas(timedelta(days=-1), timedelta(days=1)),
)
def test_every_outcome_of_an_examination_is_legal(
    found: Receipt | None, provider: Provider, checks: int, since: datetime, useful: timedelta
) -> None:
    job = replace(JOB, useful_until=NOW + useful)
    result = examine(job, found, checks, provider, LIMITS, NOW, unknown_since=since)
    assert LEADS_TO[type(result)] in TRANSITIONS[State.UNCERTAIN] | {State.UNCERTAIN}
    if isinstance(result, Retry):
        assert found is None
        assert provider.find or may_repeat(provider, since, NOW)


def test_a_held_job_that_nobody_settles_ends_when_it_is_useless() -> None:
    held = replace(JOB, state=State.HELD, reason="outcome_unknown")
    assert lapse(held, NOW) is None
    assert lapse(held, held.useful_until + MINUTE) == Failed("outcome_unknown")
    assert lapse(replace(held, reason="needs_approval"), held.useful_until + MINUTE) == Failed("needs_approval")


def test_the_settings_set_the_limits() -> None:
    config = Config(max_retries=7, retry_delay_minutes=0.5, dispatch_deadline_seconds=2, unknown_grace_seconds=4)  # pyright: ignore[reportCallIssue] - the others have defaults
    assert limits_of(config) == Limits(7, timedelta(seconds=30), timedelta(seconds=2), timedelta(seconds=4))
    assert grace(SEEING, limits_of(config)) == timedelta(seconds=4)
    assert grace(SEEING, LIMITS) == 2 * MINUTE
