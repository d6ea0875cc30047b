"""Codes in words: outcomes, reasons, states and what happened to a message."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from communication_agent.db.audit_log import Entry as Change
from communication_agent.db.console_repository import Whole
from communication_agent.db.message_repository import Step
from communication_agent.domain import State
from communication_agent.policy import REASONS

OUTCOMES: Mapping[str, str] = {
    "sent": "Sent",
    "waiting": "Waiting",
    "skipped": "Skipped",
    "failed": "Failed",
    "cancelled": "Cancelled",
}

# Beside the gate's own reasons: what the queue, the processor and the reconciler write.
_SENTENCES: Mapping[str, str] = {
    **REASONS,
    "planned": "It waits for the hour at which messages of its type leave.",
    "ready": "It is its turn in a moment.",
    "in_flight": "It is being sent at this moment.",
    "uncertain": "The provider was asked and did not answer: it is being found out whether the message arrived.",
    "held": "Only a person can decide what happens to it.",
    "already_asked": "This occasion has had its message: one reason to write makes one message.",
    "tenant_database": "The dealer's database does not answer.",
    "address_changed": "The customer's address changed after the words were fixed.",
    "template_error": "The words could not be made.",
    "configuration": "A setting is wrong.",
    "dispatch_deadline": "The machine was too slow between the decision and the sending.",
    "credentials_refused": "The provider does not accept the dealer's key.",
    "outcome_unknown": "It may have arrived or not; nobody could find out.",
    "never_arrived": "The provider does not know it: it never arrived there.",
    "absent_once": "The provider does not know it yet; it is asked once more.",
    "worker_died": "The program ended while it was being sent.",
    "killed_its_worker_three_times": "The program ended three times while it was working on it.",
    "refused_by_outbox": "The outbox refuses this address, as its file says.",
    "not_a_message": "It cannot be put into the form that mail needs.",
    "provider_timeout": "The provider did not answer in time.",
    "cancelled_by_a_person": "Somebody decided that it should not be sent.",
    "retried_by_a_person": "Somebody decided that it should be tried again.",
    "settled_by_a_person": "Somebody knew what had become of it and said so.",
}

_SHORT: Mapping[str, str] = {
    "too_late": "Too late",
    "switched_off": "Switched off",
    "not_true_any_more": "Not true any more",
    "no_address": "No address",
    "bad_address": "Bad address",
    "suppressed": "Told us to stop",
    "no_consent": "No consent",
    "missing_fact": "A fact is missing",
    "all_paused": "Everything paused",
    "tenant_paused": "Dealer paused",
    "type_paused": "Type paused",
    "channel_paused": "Channel paused",
    "restored_backup": "Restored backup",
    "frequency_cap": "Had one lately",
    "quiet_hours": "Quiet hours",
    "planned": "Planned",
    "ready": "Its turn",
    "in_flight": "On its way",
    "uncertain": "Being found out",
    "held": "Needs a person",
    "already_asked": "Had its message",
    "tenant_database": "Dealer's database",
    "refused_by_outbox": "Refused",
}

# What is said of a rule of the gate that has nothing against the message.
PASSES: Mapping[str, str] = {
    "too_late": "It would still be useful",
    "switched_off": "Messages of this type are on",
    "not_true_any_more": "What it is about is still true",
    "no_address": "There is an address",
    "bad_address": "The address can be written to",
    "suppressed": "Nobody told us to stop",
    "no_consent": "Consent is there, where it is needed",
    "missing_fact": "No fact that the words need is missing",
    "paused": "Sending is not paused",
    "frequency_cap": "No other marketing lately",
    "quiet_hours": "It is no quiet hour where the customer lives",
}

_CODE = re.compile(r"[a-z][a-z0-9_]*")
_PROVIDERS = {"outbox": "the outbox", "smtp": "the mail server", "resend": "Resend", "sendgrid": "SendGrid", "twilio": "Twilio"}


@dataclass(frozen=True, slots=True)
class Why:
    """A reason: its code, a word or two, a sentence, and what exactly was seen."""

    code: str
    short: str
    sentence: str
    detail: str


def why(reason: str | None) -> Why | None:
    """A stored reason (`code` or `code: detail`) in words; a provider's own words stay as they are."""
    if not reason:
        return None
    code, _, detail = reason.partition(":")
    if not _CODE.fullmatch(code):
        return Why("provider", "The provider said no", reason, "")
    plain = code.replace("_", " ").capitalize()
    return Why(code, _SHORT.get(code, plain), _SENTENCES.get(code, f"{plain}."), detail.strip())


def provider_name(name: str | None) -> str:
    """The provider as people call it."""
    return _PROVIDERS.get(name or "", name or "the provider")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline; `kind` names its sign, `minor` ones are the machine's own steps."""

    at: datetime
    kind: str
    words: str
    detail: str
    minor: bool = False


def birth(message: Whole) -> Entry:
    """How the message came to be."""
    match message.source:
        case "scheduler":
            words = f"Found by the scan of {message.as_of:%B} {message.as_of.day}"
        case "queue":
            words = "Asked for by another system"
        case "fallback":
            words = "Takes over, because the first way had failed"
        case source:
            words = f"Asked for by {source}"
    due = f"due on {message.due_on:%B} {message.due_on.day}" if message.source == "scheduler" else ""
    return Entry(message.created_at, "made", words, due)


def timeline(message: Whole, steps: Sequence[Step], changes: Sequence[Change], provider: str | None) -> list[Entry]:
    """Everything that happened and what people did about it, in words, the oldest first."""
    entries, before = [birth(message)], ""
    for step in steps:
        entries.append(_entry(step, before, provider))
        before = step.what if step.what in set(State) else before
    entries += [
        Entry(change.at, "held", f"{change.action.replace('_', ' ').capitalize()} by {change.actor}", "") for change in changes
    ]
    return sorted(entries, key=lambda entry: entry.at)


# By the state that a message came to: the sign, and the words, into which reason, actor and provider are put.
_STEPS: Mapping[str, tuple[str, str]] = {
    State.READY: ("ready", "Its time has come"),
    State.CLAIMED: ("ready", "Taken up by {actor}"),
    State.DISPATCHING: ("gate", "Passed every check; the words were fixed and handed to {provider}"),
    State.SCHEDULED: ("waiting", "Waits. {sentence}"),
    State.UNCERTAIN: ("uncertain", "Nobody knows yet whether it arrived. {sentence}"),
    State.HELD: ("held", "Held for a person. {sentence}"),
    State.SENT: ("sent", "Sent"),
    State.SKIPPED: ("skipped", "Skipped. {sentence}"),
    State.FAILED: ("failed", "Failed. {sentence}"),
    State.CANCELLED: ("cancelled", "Cancelled by {actor}. {sentence}"),
}
# Some steps mean something else, depending on where the message was.
_AFTER: Mapping[tuple[str, str], tuple[str, str]] = {
    (State.CLAIMED, State.READY): ("again", "Put back, because the program that had it ended"),
    (State.DISPATCHING, State.SCHEDULED): ("again", "Will be tried again. {sentence}"),
    (State.UNCERTAIN, State.SCHEDULED): ("again", "Will be tried again. {sentence}"),
    (State.HELD, State.SENT): ("sent", "Settled by {actor}: it was sent"),
    (State.UNCERTAIN, State.SENT): ("sent", "Found at the provider: it was sent"),
}
_MINOR = frozenset({"ready"})


def _entry(step: Step, before: str, provider: str | None) -> Entry:
    reason = why(step.reason)
    event = ("event", f"{provider_name(step.actor)} says: {step.what}")
    kind, words = _AFTER.get((before, step.what)) or _STEPS.get(step.what, event)
    told = words.format(sentence=reason.sentence if reason else "", actor=step.actor, provider=provider_name(provider))
    return Entry(step.at, kind, f"{told[:1].upper()}{told[1:]}".strip(), reason.detail if reason else "", kind in _MINOR)
