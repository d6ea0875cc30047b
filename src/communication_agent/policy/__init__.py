"""The gate before every message, whoever asked for it: may it go, to which address, or why not."""

from communication_agent.policy.addresses import normalise
from communication_agent.policy.case import Case, Rule, Veto
from communication_agent.policy.gate import RuleResult, decide, explain
from communication_agent.policy.quiet_hours import next_allowed
from communication_agent.policy.reasons import REASONS, Reason
from communication_agent.policy.rules import RULES, send_time

__all__ = [
    "REASONS",
    "RULES",
    "Case",
    "Reason",
    "Rule",
    "RuleResult",
    "Veto",
    "decide",
    "explain",
    "next_allowed",
    "normalise",
    "send_time",
]
