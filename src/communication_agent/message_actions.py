"""What a person may do with a message that waits: cancel it, look at it again, or say what became of it; each is audited."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from communication_agent.db import audit_log
from communication_agent.db.job_repository import Ending, JobRepository, PutBack
from communication_agent.db.query import Connection
from communication_agent.domain import TRANSITIONS, Job, State
from communication_agent.errors import Problem

CANCELLED_BY = "cancelled_by_a_person"
RETRIED_BY = "retried_by_a_person"
SETTLED_BY = "settled_by_a_person"


@dataclass(frozen=True, slots=True)
class Person:
    """Who does it, as the audit log names them, and when (aware)."""

    actor: str
    now: datetime


async def cancel(jobs: JobRepository, tenant_id: str, id_: UUID, person: Person) -> None:
    """End a message that has not left: scheduled or ready, and no earlier attempt may have arrived. Raises Problem CA-602."""
    job = await _waiting(jobs, tenant_id, id_, "cancelled", State.CANCELLED, {State.SCHEDULED, State.READY})
    if job.unknown_since:
        raise _not_now(job, "cancelled", "an earlier attempt may have arrived; it is being looked into")
    async with jobs.central.engine() as conn, conn.transaction():
        ending = Ending(job, State.CANCELLED, f"{CANCELLED_BY}: {person.actor}")
        done = await jobs.finish(conn, tenant_id, [ending], person.now, person.actor)
        await _note(conn, job, person, "message_cancelled", done=bool(done))


async def retry(jobs: JobRepository, tenant_id: str, id_: UUID, person: Person) -> None:
    """Send a held message after all: the person says that it never arrived. Raises Problem CA-602."""
    job = await _waiting(jobs, tenant_id, id_, "tried again", State.SCHEDULED, {State.HELD})
    async with jobs.central.engine() as conn, conn.transaction():
        move = PutBack(job, State.SCHEDULED, f"{RETRIED_BY}: {person.actor}", run_at=person.now)
        done = await jobs.put_back(conn, tenant_id, [move], person.now, person.actor)
        await _note(conn, job, person, "message_retried", done=bool(done))


async def settle(jobs: JobRepository, tenant_id: str, id_: UUID, outcome: Literal["sent", "failed"], person: Person) -> None:
    """Say what became of a message that nobody knows about: uncertain or held. Raises Problem CA-602."""
    state = State(outcome)
    job = await _waiting(jobs, tenant_id, id_, "settled", state, {State.UNCERTAIN, State.HELD})
    frozen = (await jobs.frozen(tenant_id, [id_])).get(id_)
    if frozen is None and state is State.SENT:
        raise _not_now(job, "settled as sent", "nothing was ever written for it, so nothing can have left")
    async with jobs.central.engine() as conn, conn.transaction():
        ending = Ending(job, state, f"{SETTLED_BY}: {person.actor}")
        done = await jobs.finish(conn, tenant_id, [ending], person.now, person.actor)
        await _note(conn, job, person, f"message_settled_as_{outcome}", done=bool(done))


def about(id_: UUID) -> str:
    """How the audit log calls a message."""
    return f"message:{id_}"


async def _waiting(jobs: JobRepository, tenant_id: str, id_: UUID, done: str, to: State, states: set[State]) -> Job:
    """The live job, in one of these states, from which `to` is a legal step."""
    job = await jobs.one(tenant_id, id_)
    if job is None:
        raise Problem(
            "CA-602",
            f"The message {id_} cannot be {done}.",
            "it has ended",
            f"communication-agent messages show {id_}   tells how",
        )
    if job.state not in states or to not in TRANSITIONS[job.state]:
        raise _not_now(job, done, f"it is {job.state}; only {' or '.join(sorted(states))} ones can be")
    return job


def _not_now(job: Job, done: str, why: str) -> Problem:
    return Problem(
        "CA-602", f"The message {job.id} cannot be {done}.", why, f"communication-agent messages show {job.id}   shows where it is"
    )


async def _note(conn: Connection, job: Job, person: Person, action: str, *, done: bool) -> None:
    if not done:
        # In the caller's transaction: what was written with it is taken back.
        raise _not_now(job, "changed", "a worker took it this very moment")
    await audit_log.note(
        conn,
        job.tenant_id,
        person.actor,
        action,
        about(job.id),
        {"state": str(job.state), "reason": job.reason},
        person.now,
    )
