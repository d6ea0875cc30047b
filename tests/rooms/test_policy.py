import ast
import inspect
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from policy_cases import (
    CASE,
    DAY,
    EMAIL,
    JOB,
    KAREN,
    MAIL,
    NOW,
    READY,
    RECEIPT,
    SMS,
    TENANT,
    TUNEUP,
    case,
    cases,
    consents,
    fact,
    pause,
    pauses,
    stop,
    suppressions,
    text,
)

from communication_agent import policy
from communication_agent.domain import Channel, Consent, Hold, JobType, Pause, Send, Skip, Snooze, Suppression, Verdict
from communication_agent.policy import REASONS, RULES, Case, Reason, Rule, decide, explain, send_time
from communication_agent.policy.quiet_hours import spread_of

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NIGHT = datetime(2026, 11, 24, 3, tzinfo=UTC)  # 22:00 in New York
MORNING = datetime(2026, 11, 24, 13, tzinfo=UTC) + spread_of(TENANT.id, KAREN.id)  # 08:00 there, plus spread
SENT = Send(EMAIL, "karen.smith@mailbox.example")


def reason(verdict: Verdict) -> str:
    return "send" if isinstance(verdict, Send) else verdict.reason


# One case for every reason, in which only the rule of that name objects.
WITNESSES: Mapping[str, tuple[str, Case]] = {
    "too_late": ("too_late", case(job={"useful_until": NOW - MINUTE})),
    "switched_off": ("switched_off", replace(CASE, tenant=CASE.tenant.model_copy(update={"types": {"annual_tuneup": False}}))),
    "not_true_any_more": ("not_true_any_more", case(conditions=(fact(holds=True), fact(holds=False)))),
    "no_address": ("no_address", case(customer={"addresses": ()})),
    "bad_address": ("bad_address", case(customer={"addresses": (replace(MAIL, status="bounced"),)})),
    "suppressed": ("suppressed", case(suppressions=(stop(),))),
    "no_consent": ("no_consent", text(customer={"sms_consent": None})),
    "missing_fact": ("missing_fact", case(missing={EMAIL: ("equipment_model", "due_month")})),
    "all_paused": ("paused", case(pauses=(pause(tenant_id="*"),))),
    "restored_backup": ("paused", case(pauses=(pause("restored_backup"),))),
    "tenant_paused": ("paused", case(pauses=(pause(),))),
    "type_paused": ("paused", case(pauses=(pause("type:annual_tuneup"),))),
    "channel_paused": ("paused", case(pauses=(pause("channel:email"),))),
    "frequency_cap": ("frequency_cap", case(last_marketing_at=NOW - DAY)),
    "quiet_hours": ("quiet_hours", case(now=NIGHT)),
}


def test_a_message_that_nothing_speaks_against_is_sent() -> None:
    assert decide(CASE) == SENT
    assert [result.verdict for result in explain(CASE)] == [None] * len(RULES)


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_is_given_by_its_rule_and_by_no_other(code: str) -> None:
    name, witness = WITNESSES[code]
    assert reason(decide(witness)) == code
    assert [result.rule for result in explain(witness) if result.verdict] == [name]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_rule_can_be_taken_away_unnoticed(rule: Rule) -> None:
    without = tuple(other for other in RULES if other is not rule)
    owned = [witness for name, witness in WITNESSES.values() if name == rule.__name__]
    assert owned
    for witness in owned:
        try:
            verdict: Verdict | None = decide(witness, without)
        except LookupError:  # nobody is left who speaks for a closed channel: it is not sent either way
            verdict = None
        assert verdict != decide(witness)


# ---- reasons and rules explain themselves ---------------------------------------------------------------------------


def test_every_reason_has_a_sentence_for_people_and_every_sentence_a_reason() -> None:
    assert set(REASONS) == set(get_args(Reason))
    assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in REASONS.values())


def test_no_rule_knows_a_reason_that_has_no_sentence() -> None:
    given_codes = set[str]()
    for file in Path(inspect.getfile(policy)).parent.glob("*.py"):
        for call in (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            codes = call.args[1:2] if name in {"Snooze", "_snooze", "_unreachable"} else call.args[:1]
            if name in {"Skip", "Snooze", "Hold", "_skip", "_snooze", "_unreachable"}:
                given_codes |= {code.value for code in codes if isinstance(code, ast.Constant) and isinstance(code.value, str)}
    paused_codes = {code for code, (name, _) in WITNESSES.items() if name == "paused"}
    assert given_codes | paused_codes == set(REASONS)


@given(cases())
def test_whatever_the_case_a_reason_has_a_sentence(drawn: Case) -> None:
    assert all(result.verdict.reason in REASONS for result in explain(drawn) if result.verdict)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_is_documented_by_its_docstring(rule: Rule) -> None:
    first, _, rest = (rule.__doc__ or "").partition("\n")
    assert first.endswith(".")
    assert rest.strip()
    assert first.split()[0] in {"Skip", "Wait", "Let"}


def test_a_skip_says_what_decided() -> None:
    sold = "still_owned: the machine is still theirs"
    assert decide(WITNESSES["not_true_any_more"][1]) == Skip("not_true_any_more", f"{sold} (2026-11-20)")
    unknown = replace(fact(holds=False), value=None)
    assert decide(case(conditions=(unknown,))) == Skip("not_true_any_more", f"{sold} (nothing)")
    assert decide(replace(CASE, customer=None)) == Skip("not_true_any_more", "the dealer's records have no customer 991")
    assert decide(WITNESSES["missing_fact"][1]) == Skip("missing_fact", "email: equipment_model, due_month")
    assert decide(WITNESSES["suppressed"][1]) == Skip("suppressed", "email: unsubscribed on 2026-11-22")


def test_explain_lists_the_rules_in_their_order_with_their_sentences() -> None:
    results = explain(WITNESSES["frequency_cap"][1])
    assert [result.rule for result in results] == [rule.__name__ for rule in RULES]
    assert results[0].sentence == "Skip what helps nobody any more: its `useful_until` has passed."


# ---- the gate as a whole --------------------------------------------------------------------------------------------


@given(cases())
def test_the_gate_answers_every_case_and_always_the_same(drawn: Case) -> None:
    verdict = decide(drawn)
    assert isinstance(verdict, Send | Skip | Snooze | Hold)
    assert decide(drawn) == verdict


@given(cases())
def test_nobody_waits_to_be_skipped_afterwards(drawn: Case) -> None:
    verdicts = [result.verdict for result in explain(drawn) if result.verdict]
    skips = [verdict for verdict in verdicts if isinstance(verdict, Skip)]
    assert decide(drawn) == (skips or verdicts or [decide(drawn)])[0]
    assert isinstance(decide(drawn), Send) == (not verdicts)


@pytest.mark.parametrize("code", [code for code, (_, witness) in WITNESSES.items() if isinstance(decide(witness), Skip)])
def test_not_even_a_pause_keeps_somebody_waiting_to_be_skipped(code: str) -> None:
    waiting = replace(WITNESSES[code][1], now=NIGHT, pauses=(pause(),), last_marketing_at=NOW - DAY)
    assert reason(decide(waiting)) == code


def test_a_pause_does_not_hide_that_waiting_would_take_too_long() -> None:
    capped = case(last_marketing_at=NOW - DAY, job={"useful_until": NOW + 5 * DAY}, pauses=(pause(),))
    assert reason(decide(capped)) == "frequency_cap"
    tonight = case(now=NIGHT, job={"useful_until": NIGHT + HOUR}, pauses=(pause(),))
    assert reason(decide(tonight)) == "too_late"


@given(cases())
def test_a_wait_ends_in_the_future_and_while_the_message_is_useful(drawn: Case) -> None:
    verdict = decide(drawn)
    if isinstance(verdict, Snooze):
        assert drawn.now <= verdict.until <= drawn.job.useful_until
        assert verdict.until.utcoffset() == timedelta()
        assert verdict.until > drawn.now or drawn.now == drawn.job.useful_until


@given(cases())
def test_when_a_wait_is_over_its_reason_is_gone(drawn: Case) -> None:
    match decide(drawn):
        case Snooze(until, "frequency_cap" | "quiet_hours" as code):
            again = decide(replace(drawn, now=until))
            assert reason(again) != code
            assert not isinstance(again, Skip)
        case _:
            pass


@given(cases())
def test_nothing_leaves_in_quiet_hours(drawn: Case) -> None:
    verdict = decide(drawn)
    if not isinstance(verdict, Send) or (verdict.channel is EMAIL and drawn.communication.immediate):
        return
    quiet, zone = drawn.quiet_hours, ZoneInfo("America/New_York")
    if drawn.customer and drawn.customer.time_zone and "/" in drawn.customer.time_zone:
        zone = ZoneInfo(drawn.customer.time_zone)
    clock = drawn.now.astimezone(zone).time()
    over_midnight = quiet.start > quiet.end
    inside = (clock >= quiet.start, clock < quiet.end)
    assert not (any(inside) if over_midnight else all(inside))


def test_the_drawn_cases_are_worth_drawing() -> None:
    met = Counter[str]()

    @settings(max_examples=400, database=None, derandomize=True)
    @given(cases())
    def meet(drawn: Case) -> None:
        met[reason(decide(drawn))] += 1

    meet()
    assert met["send"] > 40
    assert len(met) >= 9


# ---- tightening never opens -----------------------------------------------------------------------------------------


@given(cases(), pauses)
def test_one_more_pause_never_lets_a_message_go(drawn: Case, more: Pause) -> None:
    if isinstance(decide(replace(drawn, pauses=(*drawn.pauses, more))), Send):
        assert isinstance(decide(drawn), Send)


def fixed(drawn: Case, channel: Channel) -> Case:
    """The same case as a job for one channel only."""
    job_type = JobType.SEND_SMS if channel is SMS else JobType.SEND_EMAIL
    return replace(drawn, job=replace(drawn.job, job_type=job_type), communication=replace(drawn.communication, fallback=None))


@given(cases(), suppressions())
def test_one_more_suppression_never_opens_a_channel(drawn: Case, more: Suppression) -> None:
    verdict = decide(replace(drawn, suppressions=(*drawn.suppressions, more)))
    if isinstance(verdict, Send):
        assert isinstance(decide(fixed(drawn, verdict.channel)), Send)


@given(cases(), consents)
def test_one_more_no_never_opens_a_channel(drawn: Case, more: Consent) -> None:
    verdict = decide(replace(drawn, consents=(*drawn.consents, replace(more, granted=False))))
    if isinstance(verdict, Send):
        assert isinstance(decide(fixed(drawn, verdict.channel)), Send)


@given(cases(), st.sampled_from(("email_consent", "sms_consent", "do_not_contact")))
def test_a_stricter_flag_of_the_dealer_never_opens_a_channel(drawn: Case, flag: str) -> None:
    assume(drawn.customer is not None)
    assert drawn.customer is not None
    strict = replace(drawn.customer, **{flag: flag == "do_not_contact"}, sms_consent_at=drawn.customer.sms_consent_at)
    verdict = decide(replace(drawn, customer=strict))
    if isinstance(verdict, Send):
        assert isinstance(decide(fixed(drawn, verdict.channel)), Send)


@given(cases(), st.sampled_from(("condition", "fact", "cap", "window")))
def test_one_more_obstacle_never_lets_a_message_go(drawn: Case, obstacle: str) -> None:
    tighter = {
        "condition": replace(drawn, conditions=(*drawn.conditions, fact(holds=False))),
        "fact": replace(drawn, missing=dict.fromkeys(Channel, ("first_name",))),
        "cap": replace(drawn, cap=drawn.cap + DAY),
        "window": replace(drawn, job=replace(drawn.job, useful_until=drawn.job.useful_until - HOUR)),
    }[obstacle]
    if isinstance(decide(tighter), Send):
        assert isinstance(decide(drawn), Send)
        assert obstacle in {"cap", "window"}


# ---- pauses ---------------------------------------------------------------------------------------------------------


def test_a_pause_is_looked_at_again_every_hour_and_at_the_end() -> None:
    assert decide(case(pauses=(pause(),))) == Snooze(NOW + HOUR, "tenant_paused", "stock-taking (dana, 2026-11-23 09:00)")
    ending = case(pauses=(pause(),), job={"useful_until": NOW + 20 * MINUTE})
    assert decide(ending) == Snooze(NOW + 20 * MINUTE, "tenant_paused", "stock-taking (dana, 2026-11-23 09:00)")


@pytest.mark.parametrize(
    ("pauses_there", "expected"),
    [
        (
            (pause("channel:email"), pause("type:annual_tuneup"), pause(), pause("restored_backup"), pause(tenant_id="*")),
            "all_paused",
        ),
        ((pause("channel:email"), pause("type:annual_tuneup"), pause(), pause("restored_backup")), "restored_backup"),
        ((pause("channel:email"), pause("type:annual_tuneup"), pause()), "tenant_paused"),
        ((pause("channel:email"), pause("type:annual_tuneup")), "type_paused"),
        ((pause("channel:email", "*"),), "channel_paused"),
        ((pause("channel:sms"),), "send"),
        ((pause("type:first_service_alert"),), "send"),
        ((pause(tenant_id="hilltop"),), "send"),
    ],
)
def test_the_widest_pause_is_named_and_only_pauses_that_concern_it_count(pauses_there: tuple[Pause, ...], expected: str) -> None:
    assert reason(decide(case(pauses=pauses_there))) == expected


def test_a_pause_of_the_seasonal_reminder_stops_both_its_types() -> None:
    for name in ("seasonal_reminder_spring", "seasonal_reminder_winter"):
        about = replace(TUNEUP, name=name)
        assert reason(decide(case(communication=about, pauses=(pause("type:seasonal_reminder"),)))) == "type_paused"


def test_a_paused_channel_is_waited_for_not_gone_round() -> None:
    asked = case(job={"job_type": JobType.NOTIFY_CUSTOMER}, pauses=(pause("channel:email"),))
    assert reason(decide(asked)) == "channel_paused"
    assert reason(decide(replace(asked, pauses=(pause("channel:sms"),)))) == "send"


# ---- time -----------------------------------------------------------------------------------------------------------


def test_a_message_is_useful_up_to_and_with_its_last_moment() -> None:
    assert reason(decide(case(job={"useful_until": NOW}))) == "send"
    assert reason(decide(case(job={"useful_until": NOW - timedelta(microseconds=1)}))) == "too_late"


def test_marketing_waits_until_the_last_one_is_long_enough_ago() -> None:
    waiting = case(last_marketing_at=NOW - DAY)
    assert decide(waiting) == Snooze(NOW + 6 * DAY, "frequency_cap", "the last one was on 2026-11-22")
    assert decide(case(last_marketing_at=NOW - 7 * DAY)) == SENT
    assert decide(replace(waiting, cap=timedelta())) == SENT
    assert decide(replace(waiting, communication=RECEIPT)) == SENT


def test_marketing_that_the_cap_keeps_beyond_its_use_is_skipped_at_once() -> None:
    waiting = case(last_marketing_at=NOW - DAY, job={"useful_until": NOW + 6 * DAY})
    assert isinstance(decide(waiting), Snooze)
    late = replace(waiting, job=replace(JOB, useful_until=NOW + 6 * DAY - MINUTE))
    assert decide(late) == Skip("frequency_cap", "the last one was on 2026-11-22")


def test_a_cap_that_ends_in_the_last_useful_night_is_not_waited_for() -> None:
    evening = case(last_marketing_at=NIGHT - 7 * DAY, job={"useful_until": NIGHT + 2 * HOUR})
    assert reason(decide(evening)) == "frequency_cap"
    assert isinstance(decide(evening), Skip)


def test_the_cap_counts_elapsed_time_over_a_clock_change() -> None:
    last = datetime(2026, 10, 30, 12, tzinfo=ZoneInfo("America/New_York"))  # clocks go back on November 1
    asked = case(now=datetime(2026, 11, 2, 15, tzinfo=UTC), last_marketing_at=last)
    verdict = decide(asked)
    assert isinstance(verdict, Snooze)
    assert verdict.until == datetime(2026, 11, 6, 16, tzinfo=UTC)


def test_email_and_texts_of_every_purpose_wait_for_the_morning() -> None:
    for asked in (case(now=NIGHT), case(now=NIGHT, communication=RECEIPT), text(now=NIGHT), text(now=NIGHT, communication=READY)):
        assert decide(asked) == Snooze(MORNING, "quiet_hours", "until 08:00 in America/New_York")


def test_an_immediate_email_leaves_at_night_and_an_immediate_text_does_not() -> None:
    receipt = replace(RECEIPT, immediate=True)
    assert decide(case(now=NIGHT, communication=receipt)) == SENT
    assert decide(text(now=NIGHT, communication=receipt)) == Snooze(MORNING, "quiet_hours", "until 08:00 in America/New_York")


def test_quiet_hours_that_end_too_late_skip_at_once() -> None:
    opens = MORNING - spread_of(TENANT.id, KAREN.id)
    verdict = decide(case(now=NIGHT, job={"useful_until": opens - MINUTE}))
    assert isinstance(verdict, Skip)
    assert verdict.reason == "too_late"


def test_the_spread_never_makes_a_message_too_late() -> None:
    opens = MORNING - spread_of(TENANT.id, KAREN.id)
    verdict = decide(case(now=NIGHT, job={"useful_until": opens + MINUTE}))
    assert isinstance(verdict, Snooze)
    assert verdict.until == opens + MINUTE


def test_a_fact_that_only_the_other_channel_needs_may_be_empty() -> None:
    assert decide(case(missing={SMS: ("short_link",)})) == SENT
    assert reason(decide(text(missing={SMS: ("short_link",)}))) == "missing_fact"


@given(cases())
def test_send_time_is_now_for_a_send_and_the_end_of_the_wait_for_a_wait(drawn: Case) -> None:
    match decide(drawn):
        case Send():
            assert send_time(drawn) == drawn.now
        case Snooze(until, "quiet_hours"):
            assert send_time(drawn) == until
        case Snooze(until, "frequency_cap"):
            assert send_time(drawn) >= until
            again = replace(drawn, now=send_time(drawn))
            assert isinstance(decide(again), Send)
        case _:
            assert send_time(drawn) >= drawn.now


def test_send_time_adds_quiet_hours_to_the_cap() -> None:
    assert send_time(case(last_marketing_at=NIGHT - 7 * DAY)) == MORNING
    assert send_time(case(now=NIGHT, pauses=(pause(),))) == MORNING
