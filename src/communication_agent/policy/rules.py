"""The rules, each a function whose docstring is its documentation, in the order in which they are asked.

Rules that only skip stand first, then the pause, then the rules that wait or, when waiting would take too long, skip.
Whatever the order: a skip outweighs a wait, so nobody waits a night, or for the end of a pause, to be skipped then.
"""

from datetime import UTC, datetime, timedelta

from communication_agent.clock import civil_date
from communication_agent.domain import Channel, ConditionResult, Pause, Send, Skip, Snooze
from communication_agent.policy.case import Case, Rule, Veto
from communication_agent.policy.quiet_hours import next_allowed, spread_of
from communication_agent.policy.reach import channel_of, reach
from communication_agent.policy.reasons import Reason

LOOK_AGAIN = timedelta(hours=1)
# Of several pauses the widest is named.
PAUSES: tuple[Reason, ...] = ("all_paused", "restored_backup", "tenant_paused", "type_paused", "channel_paused")


def too_late(case: Case) -> Veto | None:
    """Skip what helps nobody any more: its `useful_until` has passed.

    A check-in three weeks late is worse than none.
    """
    if case.now <= case.job.useful_until:
        return None
    return _skip("too_late", f"useful until {_civil(case, case.job.useful_until)}")


def switched_off(case: Case) -> Veto | None:
    """Skip a type that the dealer has switched off, also what was found or asked for before.

    Who switches a program off expects that no more of it leaves.
    """
    return None if case.tenant.type_is_on(case.communication.name) else _skip("switched_off", case.communication.name)


def not_true_any_more(case: Case) -> Veto | None:
    """Skip when the dealer's records no longer say what made the message due.

    The customer is gone, or a condition of the type does not hold today: the machine was sold, a service was booked.
    """
    if case.customer is None:
        return _skip("not_true_any_more", f"the dealer's records have no customer {case.job.customer_id}")
    fallen = [_told(condition) for condition in case.conditions if not condition.holds]
    return _skip("not_true_any_more", "; ".join(fallen)) if fallen else None


def no_address(case: Case) -> Veto | None:
    """Skip when the records have no address for any channel that the message may take.

    `send_email` and `send_sms` name the channel. `notify_customer` takes the channel that the customer prefers, else
    email, else SMS, the first that is possible; a text whose type declares email as fallback takes email when no SMS is possible.
    """
    return _unreachable(case, "no_address")


def bad_address(case: Case) -> Veto | None:
    """Skip when there are addresses and none can be written to.

    An address marked bounced or invalid is never used, nor is one that is no email address or no dialable number.
    The primary address comes first, then the others in the dealer's order.
    """
    return _unreachable(case, "bad_address")


def suppressed(case: Case) -> Veto | None:
    """Skip when the customer, or a provider on their behalf, told us to stop.

    Do-not-contact stops everything. A suppression stops its channel, for marketing or for all it says; a bounce stops that
    address only. Of the dealer's flags `email_consent` = false stops marketing email, `sms_consent` = false every text.
    Between the flags and our own record of consent the more restrictive wins, except a yes recorded later than the no.
    """
    return _unreachable(case, "suppressed")


def no_consent(case: Case) -> Veto | None:
    """Skip a marketing text to a customer whose consent to texts nobody has recorded.

    The dealer's `sms_consent` = true counts, and so does a yes in our own record.
    """
    return _unreachable(case, "no_consent")


def missing_fact(case: Case) -> Veto | None:
    """Skip when a fact that the wording of the chosen channel needs is empty: never a message with a hole.

    What only the other channel's wording needs may be empty.
    """
    target = reach(case)
    lacking = case.missing.get(target.channel, ()) if isinstance(target, Send) else ()
    return _skip("missing_fact", f"{channel_of(case)}: {', '.join(lacking)}") if lacking else None


def paused(case: Case) -> Veto | None:
    """Wait while somebody has paused everything, this dealer, this type or the chosen channel, or after a restored backup.

    Whether the pause has ended is looked at again every hour and once more at the end of `useful_until`.
    """
    stops: list[tuple[Reason, Pause]] = [(reason, pause) for pause in case.pauses if (reason := _stopped(case, pause))]
    if not stops:
        return None
    reason, pause = min(stops, key=lambda stop: PAUSES.index(stop[0]))
    until = min(case.now + LOOK_AGAIN, max(case.now, case.job.useful_until))
    return _snooze(until, reason, f"{pause.reason} ({pause.actor}, {_civil(case, pause.since)})")


def frequency_cap(case: Case) -> Veto | None:
    """Let marketing wait until the customer's last marketing message is long enough ago (`FREQUENCY_CAP_DAYS`).

    When that, and the end of quiet hours after it, is past `useful_until`, skip at once. Other messages do not count.
    """
    until = _capped_until(case)
    if until <= case.now or not case.last_marketing_at:
        return None
    detail = f"the last one was on {civil_date(case.last_marketing_at, case.tenant.zone)}"
    if _out_of_quiet(case, until) > case.job.useful_until:
        return _skip("frequency_cap", detail)
    return _snooze(until, "frequency_cap", detail)


def quiet_hours(case: Case) -> Veto | None:
    """Wait for the end of quiet hours by the clocks where the customer lives, plus 0 to 29 minutes, the same for a customer.

    Texts of any purpose wait, and email unless its type is immediate (a receipt, an answer). Where the records have no
    valid time zone for the customer, the dealer's counts. When they end after `useful_until`, skip as too late.
    """
    until = _out_of_quiet(case, case.now)
    if until <= case.now:
        return None
    if until > case.job.useful_until:
        return _skip("too_late", f"useful until {_civil(case, case.job.useful_until)}, and quiet hours end later")
    return _snooze(until, "quiet_hours", f"until {case.quiet_hours.end:%H:%M} in {case.zone.key}")


RULES: tuple[Rule, ...] = (
    too_late,
    switched_off,
    not_true_any_more,
    no_address,
    bad_address,
    suppressed,
    no_consent,
    missing_fact,
    paused,
    frequency_cap,
    quiet_hours,
)


def send_time(case: Case) -> datetime:
    """When it would leave if nothing but the clock stood in the way (aware, UTC): `now`, or after the cap and quiet hours."""
    return _out_of_quiet(case, max(case.now, _capped_until(case)))


def _skip(reason: Reason, detail: str) -> Skip:
    return Skip(reason, detail)


def _snooze(until: datetime, reason: Reason, detail: str) -> Snooze:
    return Snooze(until.astimezone(UTC), reason, detail)


def _unreachable(case: Case, reason: Reason) -> Skip | None:
    verdict = reach(case)
    return verdict if isinstance(verdict, Skip) and verdict.reason == reason else None


def _told(condition: ConditionResult) -> str:
    return f"{condition.code}: {condition.sentence} ({'nothing' if condition.value is None else condition.value})"


def _civil(case: Case, at: datetime) -> str:
    return f"{at.astimezone(case.tenant.zone):%Y-%m-%d %H:%M}"


def _stopped(case: Case, pause: Pause) -> Reason | None:
    if pause.tenant_id not in {"*", case.tenant.id}:
        return None
    name = case.communication.name
    family = "seasonal_reminder" if name.startswith("seasonal_reminder_") else name  # one name in schedules, two types
    stops: dict[str, Reason] = {
        "all": "all_paused" if pause.tenant_id == "*" else "tenant_paused",
        "restored_backup": "restored_backup",
        f"type:{name}": "type_paused",
        f"type:{family}": "type_paused",
        f"channel:{channel_of(case)}": "channel_paused",
    }
    return stops.get(pause.scope)


def _capped_until(case: Case) -> datetime:
    if not case.marketing or case.last_marketing_at is None:
        return case.now
    # In UTC, where a day has 24 hours: adding to a civil time would follow the clocks.
    return case.last_marketing_at.astimezone(UTC) + case.cap


def _out_of_quiet(case: Case, start: datetime) -> datetime:
    """The first moment from `start` on that quiet hours allow; the spread never makes a message late."""
    channel = channel_of(case)
    if channel is Channel.EMAIL and case.communication.immediate:
        return start
    opens = next_allowed(start, case.quiet_hours, case.zone, timedelta())
    spread = spread_of(case.tenant.id, case.job.customer_id)
    return min(next_allowed(start, case.quiet_hours, case.zone, spread), max(opens, case.job.useful_until))
