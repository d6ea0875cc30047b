"""One message with all that is known about it: its outcome, its timeline, the facts it was made from, its words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.panel import Panel

from communication_agent.app import App
from communication_agent.cli.look import COLORS, at, on, table, words
from communication_agent.cli.output import cell, line
from communication_agent.db import audit_log
from communication_agent.db.audit_log import Entry
from communication_agent.db.message_repository import Listed, Step
from communication_agent.delivery import unpack
from communication_agent.domain import Job, Message
from communication_agent.message_actions import about
from communication_agent.policy import REASONS


@dataclass(frozen=True, slots=True)
class Known:
    """Everything about one message; `job` is None when it has ended, `frozen` when no words were made."""

    listed: Listed
    job: Job | None
    steps: Sequence[Step]
    changes: Sequence[Entry]
    frozen: Message | None
    payload_hash: str | None
    facts: Mapping[str, str]
    zone: ZoneInfo
    title: str


async def read_message(app: App, tenant_id: str, id_: UUID) -> Known:
    """The message as it stands now; its words and facts as they were frozen."""
    tenant = await app.tenants.load(tenant_id)
    async with app.central.engine() as conn:
        (listed,) = await app.messages.list(conn, tenant_id, id_=id_)
        steps = await app.messages.timeline(conn, tenant_id, id_)
        frozen = await app.messages.frozen(conn, tenant_id, id_)
        changes = await audit_log.entries(conn, tenant_id, about(id_))
    return Known(
        listed=listed,
        job=await app.jobs.one(tenant_id, id_),
        steps=[Step(listed.created_at, "asked_for", None, ""), *steps],
        changes=changes,
        frozen=unpack(str(frozen["payload"])) if frozen else None,
        payload_hash=str(frozen["payload_hash"]) if frozen else None,
        facts=_facts(frozen["facts"]) if frozen else {},
        zone=tenant.zone,
        title=app.communications[listed.communication].title
        if listed.communication in app.communications
        else listed.communication,
    )


def listed_document(message: Listed) -> dict[str, object]:
    """One element of the contract's list of messages."""
    return {
        "id": message.id,
        "tenant": message.tenant,
        "communication": message.communication,
        "customer_id": message.customer_id,
        "channel": message.channel,
        "to": message.to,
        "outcome": message.outcome,
        "reason": message.reason,
        "delivery": message.delivery,
        "provider": message.provider,
        "provider_id": message.provider_id,
        "created_at": message.created_at,
        "sent_at": message.sent_at,
    }


def message_document(known: Known) -> dict[str, object]:
    """The list's keys, and everything else that is known."""
    job, listed = known.job, known.listed
    return {
        **listed_document(listed),
        "detail": listed.detail,
        "due_on": listed.due_on,
        "run_at": listed.run_at,
        "fallback_of": listed.fallback_of,
        "evidence": _evidence(job) if job else None,
        "timeline": [{"at": s.at, "what": s.what, "reason": s.reason, "actor": s.actor} for s in known.steps],
        "changes": [{"at": c.at, "actor": c.actor, "action": c.action, "detail": c.detail} for c in known.changes],
        "facts": known.facts,
        "payload": _payload(known.frozen) if known.frozen else None,
        "payload_hash": known.payload_hash,
    }


def message_page(console: Console, known: Known) -> None:
    """All of it for people."""
    listed, zone = known.listed, known.zone
    console.print(cell(f"{known.title} to customer {listed.customer_id} of {listed.tenant}", "bold"))
    console.print(cell(f"{listed.outcome}{_because(listed, zone)}", f"bold {COLORS.get(listed.outcome, '')}"))
    for label, value in _facts_about(known):
        if value:
            console.print(line((f"  {label:<11}", "dim"), (value, "")))
    console.print()
    rows = table("when", "what", "why", "who", fixed=("when",))
    for step in known.steps:
        rows.add_row(
            cell(at(step.at, zone)),
            cell(words(step.what), COLORS.get(step.what, "")),
            cell(words(step.reason)),
            cell(step.actor, "dim"),
        )
    console.print(rows)
    if known.frozen:
        subject = known.frozen.subject or "text message"
        console.print(Panel(line((subject, "bold"), (f"\n\n{known.frozen.text.strip()}", "")), width=100))


def _because(listed: Listed, zone: ZoneInfo) -> str:
    until = f" until {at(listed.run_at, zone)}" if listed.run_at and listed.outcome == "waiting" else ""
    sentence = REASONS.get(listed.reason or "", "")
    reason = f": {words(listed.reason)}" if listed.reason else ""
    return f"{reason}{until}{'. ' if sentence else ''}{sentence}"


def _facts_about(known: Known) -> list[tuple[str, str]]:
    listed = known.listed
    job = known.job
    return [
        ("id", str(listed.id)),
        ("to", f"{listed.to or ''} {'by ' + listed.channel if listed.channel else ''}".strip()),
        ("due on", on(listed.due_on)),
        ("detail", (listed.detail or "") if listed.detail != listed.reason else ""),
        ("delivery", listed.delivery or ""),
        ("provider", " ".join(part for part in (listed.provider, listed.provider_id) if part)),
        ("instead of", str(listed.fallback_of or "")),
        ("since", f"an attempt at {at(job.unknown_since, known.zone)} may have arrived" if job and job.unknown_since else ""),
    ]  # fmt: skip


def _evidence(job: Job) -> dict[str, object]:
    return {
        "state": job.state,
        "attempts": job.attempts,
        "deaths": job.deaths,
        "searches_without_a_trace": job.checks,
        "unknown_since": job.unknown_since,
        "useful_until": job.useful_until,
    }


def _payload(message: Message) -> dict[str, object]:
    return {
        "from": message.sender,
        "to": message.to,
        "subject": message.subject,
        "text": message.text,
        "html": message.html,
        "headers": [list(header) for header in message.headers],
        "message_id": message.message_id,
        "attachments": [{"filename": a.filename, "content_type": a.content_type, "sha256": a.sha256} for a in message.attachments],
    }


def _facts(value: object) -> dict[str, str]:
    found = json.loads(value) if isinstance(value, str) else value
    return cast("dict[str, str]", found)
