"""What an attempt came to: pure decisions, which together with `domain.TRANSITIONS` are the sending protocol."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, assert_never

from communication_agent.communication import Communication
from communication_agent.config import Config
from communication_agent.domain import (
    Accepted,
    Channel,
    Failed,
    Held,
    Job,
    Outcome,
    Receipt,
    Refused,
    Retry,
    Sent,
    State,
    Unavailable,
    Uncertain,
    Unknown,
)
from communication_agent.provider import Provider

OUTCOME_UNKNOWN = "outcome_unknown"
CREDENTIALS_REFUSED = "credentials_refused"
KILLED_ITS_WORKERS = "killed_its_worker_three_times"
WORKER_DIED = "worker_died"
ABSENT_ONCE = "absent_once"
NEVER_ARRIVED = "never_arrived"

# Providers keep an idempotency key for 24 hours; an hour is left for clocks and queues.
KEY_LIFETIME = timedelta(hours=23)
LONGEST_TOLD_WAIT = timedelta(hours=1)
LONGEST_BACK_OFF = timedelta(days=1)
# A provider that says "now" again and again must not be asked in a tight loop.
SHORTEST_WAIT = timedelta(seconds=1)
FIRST_REPEAT = timedelta(seconds=10)
CREDENTIALS_WAIT = timedelta(minutes=15)
DEADLY = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that these decisions depend on; `grace` overrides the provider's."""

    max_retries: int = 3
    retry_delay: timedelta = timedelta(minutes=5)
    dispatch_deadline: timedelta = timedelta(seconds=5)  # no first byte leaves later than this after the decision
    grace: timedelta | None = None


def limits_of(config: Config) -> Limits:
    """The limits that the settings ask for."""
    return Limits(
        max_retries=config.max_retries,
        retry_delay=timedelta(minutes=config.retry_delay_minutes),
        dispatch_deadline=timedelta(seconds=config.dispatch_deadline_seconds),
        grace=None if config.unknown_grace_seconds is None else timedelta(seconds=config.unknown_grace_seconds),
    )


@dataclass(frozen=True, slots=True)
class Reaped:
    """Where a dead worker's job goes; the fence moves on with it."""

    to: Literal[State.READY, State.HELD, State.UNCERTAIN]
    reason: str | None


@dataclass(frozen=True, slots=True)
class _Attempt:
    job: Job
    provider: Provider
    communication: Communication
    limits: Limits
    now: datetime
    jitter: float
    channel: Channel
    unknown_since: datetime | None


def settle(
    job: Job,
    receipt: Receipt,
    provider: Provider,
    communication: Communication,
    limits: Limits,
    now: datetime,
    jitter: float,
    *,
    channel: Channel,
    unknown_since: datetime | None = None,
) -> Outcome:
    """What follows from a receipt (delivery.md §3).

    `jitter` in [0, 1) spreads retries; `channel` is that of the frozen message; `unknown_since` says when an earlier attempt
    with the same key ended without an answer: until that one is cleared up, nothing counts as definitely not sent.
    """
    attempt = _Attempt(job, provider, communication, limits, now, jitter, channel, unknown_since)
    match receipt:
        case Accepted(provider_id):
            return Sent(provider_id)
        case Refused(credentials=True):
            return _again(attempt, CREDENTIALS_REFUSED, _spread(CREDENTIALS_WAIT, jitter))
        case Refused(reason):
            return _failed(attempt, reason)
        case Unavailable(reason, retry_after) if retry_after is not None:
            return _again(attempt, reason, _told(retry_after, jitter))
        case Unavailable(reason) if unknown_since is None:
            return _back_off(attempt, reason)
        case Unavailable(reason) | Unknown(reason):
            return _unknown(attempt, reason)
        case _:
            assert_never(receipt)


def reap(state: State, deaths: int) -> Reaped:
    """Where a job goes whose lease ran out; `deaths` as counted when it was claimed, this one included.

    Raises ValueError for a state in which nobody holds a lease.
    """
    match state:
        case State.CLAIMED if deaths >= DEADLY:
            return Reaped(State.HELD, KILLED_ITS_WORKERS)
        case State.CLAIMED:
            return Reaped(State.READY, None)
        case State.DISPATCHING:
            return Reaped(State.UNCERTAIN, WORKER_DIED)
        case _:
            raise ValueError(f"nobody holds a lease on a job that is {state}")


def examine(
    job: Job, found: Receipt | None, checks: int, provider: Provider, limits: Limits, now: datetime, *, unknown_since: datetime
) -> Outcome:
    """What follows for an uncertain job from looking for it; called when its `check_at` has come, that is after the grace.

    `found` is the answer of `provider.find`, None when the message is absent or the provider cannot be asked; `checks` counts
    the earlier answers "absent": it rises with Uncertain(ABSENT_ONCE) only. Retry(NEVER_ARRIVED) is proof that nothing was taken;
    Retry(OUTCOME_UNKNOWN) repeats under the same key, and the doubt stays. A provider without grace proves absence at once.
    """
    match found:
        case Accepted(provider_id):
            return Sent(provider_id)
        case Refused(reason):
            return Failed(reason)
        case Unavailable(reason) | Unknown(reason):
            asked_in_vain = Uncertain(reason, now + max(grace(provider, limits), FIRST_REPEAT))
            return Failed(OUTCOME_UNKNOWN) if now > job.useful_until else asked_in_vain
        case None:
            return _absent(job, checks, provider, limits, now, unknown_since)
        case _:
            assert_never(found)


def lapse(job: Job, now: datetime) -> Failed | None:
    """The end of a held job that nobody settled while it was useful, None while it is."""
    return Failed(job.reason or OUTCOME_UNKNOWN) if now > job.useful_until else None


def grace(provider: Provider, limits: Limits) -> timedelta:
    """How long evidence about a message may take."""
    return provider.grace if limits.grace is None else limits.grace


def may_repeat(provider: Provider, unknown_since: datetime, now: datetime) -> bool:
    """Whether the same message under the same key cannot arrive twice; to be asked again before every dispatch."""
    return provider.idempotent and now - unknown_since < KEY_LIFETIME


def _back_off(attempt: _Attempt, reason: str) -> Outcome:
    burned = attempt.job.attempts + 1
    if burned > attempt.limits.max_retries:
        return _failed(attempt, reason)
    delay = min(attempt.limits.retry_delay * 2 ** (burned - 1), LONGEST_BACK_OFF)
    return _again(attempt, reason, _spread(delay, attempt.jitter), burned=True)


def _unknown(attempt: _Attempt, reason: str) -> Outcome:
    since = attempt.unknown_since or attempt.now
    # Waiting as long again as one has waited already doubles the pause without a counter.
    delay = max(min(attempt.now - since, LONGEST_TOLD_WAIT), min(FIRST_REPEAT, attempt.limits.retry_delay))
    return _again(replace(attempt, unknown_since=since), reason, _spread(delay, attempt.jitter))


def _again(attempt: _Attempt, reason: str, delay: timedelta, *, burned: bool = False) -> Outcome:
    at, since = attempt.now + delay, attempt.unknown_since
    if since is not None and not may_repeat(attempt.provider, since, at):
        return Uncertain(reason, attempt.now + grace(attempt.provider, attempt.limits))
    if at > attempt.job.useful_until:
        return _failed(attempt, reason)
    return Retry(at, reason, burned)


def _failed(attempt: _Attempt, reason: str) -> Failed:
    if attempt.unknown_since is not None:
        return Failed(OUTCOME_UNKNOWN)  # perhaps it has arrived: no second message by another way
    return Failed(reason, _fallback(attempt.job, attempt.communication, attempt.channel))


def _fallback(job: Job, communication: Communication, channel: Channel) -> Channel | None:
    # A type that speaks SMS only has no mail to fall back to, and a fallback does not fall again.
    has_mail = communication.fallback is Channel.EMAIL or communication.channel is not Channel.SMS
    return Channel.EMAIL if channel is Channel.SMS and has_mail and job.fallback_of is None else None


def _absent(job: Job, checks: int, provider: Provider, limits: Limits, now: datetime, unknown_since: datetime) -> Outcome:
    if provider.find and (checks >= 1 or not provider.grace):
        return _once_more(job, now, NEVER_ARRIVED)
    if may_repeat(provider, unknown_since, now):
        return _once_more(job, now, OUTCOME_UNKNOWN)
    if provider.find:
        return Uncertain(ABSENT_ONCE, now + grace(provider, limits))
    return Failed(OUTCOME_UNKNOWN) if now > job.useful_until else Held(OUTCOME_UNKNOWN)


def _once_more(job: Job, now: datetime, reason: str) -> Outcome:
    if now > job.useful_until:
        return Failed(reason)
    return Held(KILLED_ITS_WORKERS) if job.deaths >= DEADLY else Retry(now, reason, burned=False)


def _spread(delay: timedelta, jitter: float) -> timedelta:
    return delay * (0.9 + 0.2 * jitter)


def _told(retry_after: timedelta, jitter: float) -> timedelta:
    # Never before the time that was told, never later than an hour.
    return min(max(retry_after, SHORTEST_WAIT) * (1 + 0.1 * jitter), LONGEST_TOLD_WAIT)
