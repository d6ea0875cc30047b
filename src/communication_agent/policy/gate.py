"""The gate: one verdict on one case, and the same verdict rule by rule."""

from dataclasses import dataclass

from communication_agent.domain import Hold, Send, Skip, Snooze, Verdict
from communication_agent.policy.case import Case, Rule, Veto
from communication_agent.policy.reach import reach
from communication_agent.policy.rules import RULES

# A skip outweighs everything (nobody waits to be skipped afterwards), and a person's decision outweighs the clock.
_WEIGHT: dict[type[Veto], int] = {Skip: 0, Hold: 1, Snooze: 2}


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule says; verdict None = nothing against it."""

    rule: str
    sentence: str  # the first line of the rule's documentation
    verdict: Veto | None


def decide(case: Case, rules: tuple[Rule, ...] = RULES) -> Verdict:
    """May this message go, to which address, or why not: the first skip, else the first hold, else the first snooze."""
    vetoes = [verdict for rule in rules if (verdict := rule(case))]
    if vetoes:
        return min(vetoes, key=lambda veto: _WEIGHT[type(veto)])
    match reach(case):
        case Send() as send:
            return send
        case Skip(reason):
            raise LookupError(f"no rule speaks for the obstacle {reason!r}")


def explain(case: Case) -> tuple[RuleResult, ...]:
    """What each rule says, in their order: `decide`, opened up for people."""
    return tuple(RuleResult(rule.__name__, _sentence(rule), rule(case)) for rule in RULES)


def _sentence(rule: Rule) -> str:
    return (rule.__doc__ or "").partition("\n")[0]
