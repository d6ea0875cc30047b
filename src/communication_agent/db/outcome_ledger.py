"""Writes what attempts came to: endings, moves and follow-ups, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from psycopg import AsyncConnection

from communication_agent.db.job_repository import Ending, JobRepository, PutBack
from communication_agent.db.occasion_repository import OccasionRepository
from communication_agent.domain import Channel, Failed, Held, Job, JobType, Outcome, Retry, Sent, State, Uncertain
from communication_agent.ids import new_id


@dataclass(frozen=True, slots=True)
class OutcomeLedger:
    """Used by both spines that settle: the processor and the reconciler."""

    jobs: JobRepository
    occasions: OccasionRepository

    async def record(self, conn: AsyncConnection, tenant_id: str, outcomes: Sequence[tuple[Job, Outcome]], now: datetime) -> None:
        """Write outcomes with their follow-ups in the caller's transaction; a job whose fence moved on is left alone."""
        endings: list[Ending] = []
        moves: list[PutBack] = []
        for job, result in outcomes:
            match result:
                case Sent(provider_id):
                    endings.append(Ending(job, State.SENT, None, provider_id))
                case Failed(reason):
                    endings.append(Ending(job, State.FAILED, reason))
                case Retry(at, reason, burned):
                    moves.append(
                        PutBack(
                            job,
                            State.SCHEDULED,
                            reason,
                            run_at=at,
                            burned=burned,
                            died=job.state is State.UNCERTAIN,
                        )
                    )
                case Uncertain(reason, check_at):
                    moves.append(PutBack(job, State.UNCERTAIN, reason, check_at=check_at, unknown_since=job.unknown_since or now))
                case Held(reason):
                    moves.append(PutBack(job, State.HELD, reason))
                case _:
                    assert_never(result)
        ended = await self.jobs.finish(conn, tenant_id, endings, now) if endings else set[UUID]()
        if moves:
            await self.jobs.put_back(conn, tenant_id, moves, now)
        for job, result in outcomes:
            if job.id in ended and isinstance(result, Failed) and result.follow_up:
                await self._follow_up(conn, job, result.follow_up, now)

    async def _follow_up(self, conn: AsyncConnection, job: Job, channel: Channel, now: datetime) -> None:
        # The same occasion's family: whoever asks for the fallback a second time finds it taken.
        key = f"{job.occasions[0]}:fallback:{channel}"
        job_type = JobType.SEND_EMAIL if channel is Channel.EMAIL else JobType.SEND_SMS
        fallback = replace(
            job,
            id=new_id(),
            job_type=job_type,
            source="fallback",
            occasions=(key,),
            fallback_of=job.id,
            run_at=now,
            created_at=now,
            state=State.READY,
            attempts=0,
            checks=0,
            unknown_since=None,
        )
        await self.occasions.enqueue_one(conn, fallback, key=key, now=now)
