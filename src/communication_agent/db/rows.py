"""Rows of the central database as nouns."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import TypedDict, cast
from uuid import UUID

from communication_agent.domain import Attachment, Job, JobType, State


class JobRow(TypedDict):
    """The columns that every job-reading statement returns."""

    tenant_id: str
    id: UUID
    job_type: str
    communication: str
    customer_id: str
    source: str
    occasions: list[str]
    due_on: date
    as_of: date
    run_at: datetime
    useful_until: datetime
    created_at: datetime
    equipment_ids: list[str]
    work_order_id: str | None
    lane: int
    state: str
    reason: str | None
    attempts: int
    deaths: int
    fence: int
    checks: int
    unknown_since: datetime | None
    facts: dict[str, str]
    attachments: list[dict[str, str]]
    fallback_of: UUID | None


def job_of(row: Mapping[str, object]) -> Job:
    """A job from a row that has the columns of JobRow."""
    r = cast("JobRow", row)
    return Job(
        tenant_id=r["tenant_id"],
        id=r["id"],
        job_type=JobType(r["job_type"]),
        communication=r["communication"],
        customer_id=r["customer_id"],
        source=r["source"],
        occasions=tuple(r["occasions"]),
        due_on=r["due_on"],
        as_of=r["as_of"],
        run_at=r["run_at"],
        useful_until=r["useful_until"],
        created_at=r["created_at"],
        equipment_ids=tuple(r["equipment_ids"]),
        work_order_id=r["work_order_id"],
        lane=r["lane"],
        state=State(r["state"]),
        reason=r["reason"],
        attempts=r["attempts"],
        deaths=r["deaths"],
        fence=r["fence"],
        checks=r["checks"],
        unknown_since=r["unknown_since"],
        facts=r["facts"],
        attachments=tuple(Attachment(**attachment) for attachment in r["attachments"]),
        fallback_of=r["fallback_of"],
    )


def attachments_json(attachments: tuple[Attachment, ...]) -> str:
    """Attachments as the jsonb column holds them."""
    return json.dumps([{"filename": a.filename, "content_type": a.content_type, "sha256": a.sha256} for a in attachments])
