"""Why a customer gets a message of a type on a day, or why not: the type's conditions, then the gate rule by rule."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from communication_agent.communication import Communication
from communication_agent.db.occasion_repository import ALREADY_ASKED
from communication_agent.domain import ConditionResult, Hold, Job, Skip, Snooze, Verdict
from communication_agent.foresight import Explanation
from communication_agent.ids import new_id
from communication_agent.policy import RuleResult, decide, explain
from communication_agent.scheduler import job_type_of, planned_at, useful_until
from communication_agent.tenant import TenantSettings
from communication_agent.web.console.times import short_day
from communication_agent.web.console.words import PASSES, Why, why
from communication_agent.web.house import House

NOT_TRUE = "not_true_any_more"  # the rule that repeats the conditions, which stand above it already


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule of the gate says."""

    words: str
    says: str  # passes | skip | hold | snooze
    detail: str
    decides: bool


# The ledger answers before the gate is asked: what stands against a second message is the first one.
_HAD_ITS_MESSAGE = Rule("This occasion has had its message", "skip", "", decides=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer; `conditions` with the one that decides marked, `rules` as they stand at the planned hour."""

    explanation: Explanation
    title: str
    scheduled: bool
    planned: datetime
    conditions: Sequence[tuple[ConditionResult, bool]]
    rules: Sequence[Rule]
    reason: Why | None

    @property
    def headline(self) -> str:
        """Send, wait, no or not due: the answer's sign."""
        if not self.explanation.due:
            return "not_due"
        return ALREADY_ASKED if self.explanation.reason == ALREADY_ASKED else self.explanation.verdict or "skip"


async def answer(house: House, tenant: TenantSettings, communication: Communication, customer_id: str, day: date) -> Answer:
    """The real conditions and the real gate, changing nothing; raises Problem CA-502 for an unknown customer."""
    explanation = await house.foresight.explain(tenant, communication, customer_id, day)
    planned = planned_at(communication.schedule, day, tenant.zone) if communication.schedule else house.clock.now()
    job = _job(tenant, communication, explanation, planned)
    (file,) = await house.cases.read(tenant, [job], planned)
    deciding = next((condition.code for condition in explanation.conditions if not condition.holds), None)
    asked = explanation.reason == ALREADY_ASKED
    return Answer(
        explanation=explanation,
        title=communication.title,
        scheduled=communication.schedule is not None,
        planned=planned,
        conditions=[(_dated(condition), condition.code == deciding) for condition in explanation.conditions],
        rules=[_HAD_ITS_MESSAGE] if asked else _rules(explain(file.case), decide(file.case), due=explanation.due),
        reason=why(explanation.reason) if explanation.due else None,
    )


def _rules(results: Sequence[RuleResult], verdict: Verdict, *, due: bool) -> list[Rule]:
    shown = [result for result in results if due or result.rule != NOT_TRUE]
    return [_rule(result, decides=due and result.verdict is not None and result.verdict == verdict) for result in shown]


def _rule(result: RuleResult, *, decides: bool) -> Rule:
    if result.verdict is None:
        return Rule(PASSES.get(result.rule, result.rule.replace("_", " ").capitalize()), "passes", "", decides=False)
    reason = why(f"{result.verdict.reason}: {result.verdict.detail}")
    says = {Skip: "skip", Hold: "hold", Snooze: "snooze"}[type(result.verdict)]
    return Rule(reason.sentence, says, reason.detail, decides) if reason else Rule(result.rule, says, "", decides)


def _dated(condition: ConditionResult) -> ConditionResult:
    """The condition with its value as people write it, when that is a date."""
    try:
        day = date.fromisoformat(condition.value or "")
    except ValueError:
        return condition
    return replace(condition, value=short_day(day, year=True))


def _job(tenant: TenantSettings, communication: Communication, explanation: Explanation, planned: datetime) -> Job:
    """The message that would be asked for, so that the gate has something to judge."""
    due_on = explanation.due_on if explanation.due and explanation.due_on else explanation.day
    scheduled = communication.schedule is not None
    return Job(
        tenant_id=tenant.id,
        id=new_id(),
        job_type=job_type_of(communication, tenant),
        communication=communication.name,
        customer_id=explanation.customer_id,
        source="question",
        occasions=(),
        due_on=due_on,
        as_of=explanation.day,
        run_at=planned,
        useful_until=useful_until(communication, due_on, tenant)
        if scheduled
        else planned + timedelta(days=communication.useful_days),
        created_at=planned,
        equipment_ids=(explanation.equipment_id,) if explanation.equipment_id else (),
        lane=communication.lane,
    )
