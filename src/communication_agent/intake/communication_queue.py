"""The door for other systems: `communication_queue` rows become jobs, once each, and every row is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from communication_agent.clock import civil_date
from communication_agent.communication import Communication
from communication_agent.db.attachment_repository import AttachmentRepository
from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.occasion_repository import OccasionRepository
from communication_agent.db.query import Connection
from communication_agent.db.queue_repository import Answer, QueueRepository
from communication_agent.db.tenant_repository import TenantRepository
from communication_agent.domain import Attachment, Channel, Job, JobType
from communication_agent.ids import new_id
from communication_agent.intake.queue_row import CheckedRow, InvalidRow, check
from communication_agent.tenant import TenantSettings

BATCH = 200
_JOB_TYPES = {Channel.EMAIL: JobType.SEND_EMAIL, Channel.SMS: JobType.SEND_SMS, None: JobType.NOTIFY_CUSTOMER}


@dataclass(frozen=True, slots=True)
class CommunicationQueue:
    """Answers rows, whether they were pushed or written into the table."""

    central: CentralDatabase
    tenants: TenantRepository
    queue: QueueRepository
    occasions: OccasionRepository
    attachments: AttachmentRepository
    communications: Mapping[str, Communication]

    async def push(self, tenant: TenantSettings, raw: Sequence[object], now: datetime) -> list[Answer]:
        """Take rows in their order; an invalid one is kept with its error and holds up nobody."""
        answers: list[Answer] = []
        for row in raw:
            async with self.central.engine() as conn, conn.transaction():
                answers.append(await self._push(conn, tenant, row, now))
        return answers

    async def _push(self, conn: Connection, tenant: TenantSettings, raw: object, now: datetime) -> Answer:
        external_id = _external_id(raw)
        if external_id and (known := await self.queue.one(conn, tenant.id, external_id)):
            return Answer(external_id, "duplicate", known.message_id, None)
        answer, payload = await self._accept(conn, tenant, raw, now)
        if external_id:
            await self.queue.put(conn, tenant.id, answer, payload, now)
        return answer

    async def round(self, now: datetime) -> bool:
        """Answer what other systems wrote into the table; True when there was something."""
        waiting = await self.queue.waiting_tenants()
        for tenant_id in waiting:
            tenant = await self.tenants.load(tenant_id)
            async with self.central.engine() as conn, conn.transaction():
                for external_id, raw in await self.queue.received(conn, tenant_id, BATCH):
                    whole = {**cast("Mapping[str, object]", raw), "external_id": external_id} if isinstance(raw, dict) else raw
                    answer, payload = await self._accept(conn, tenant, whole, now)
                    await self.queue.answer(
                        conn, tenant_id, Answer(external_id, answer.status, answer.message_id, answer.error), payload, now
                    )
        return bool(waiting)

    async def _accept(
        self, conn: Connection, tenant: TenantSettings, raw: object, now: datetime
    ) -> tuple[Answer, Mapping[str, object]]:
        try:
            checked = check(raw, tenant.id, self.communications)
        except InvalidRow as error:
            return Answer(_external_id(raw) or "", "invalid", None, str(error)), _without_files(raw)
        files: list[Attachment] = []
        for attachment, content in checked.files:
            sha256 = await self.attachments.store(conn, tenant.id, content, now)
            files.append(attachment.kept(sha256, content))
        job = _job(tenant, checked, files, now)
        made = await self.occasions.enqueue_one(conn, job, key=job.occasions[0], now=now)
        if made is None:
            made = (await self.occasions.owners(tenant.id, [job.occasions[0]]))[job.occasions[0]]
        return Answer(checked.row.external_id, "accepted", made, None), _without_files(raw)


def _job(tenant: TenantSettings, checked: CheckedRow, files: Sequence[Attachment], now: datetime) -> Job:
    row, communication = checked.row, checked.communication
    run_at = max(now, row.send_after.astimezone(UTC)) if row.send_after else now
    key = f"{communication.name}:{communication.occasion.format(external_id=row.external_id)}"
    return Job(
        tenant_id=tenant.id,
        id=new_id(),
        job_type=_JOB_TYPES[communication.channel],
        communication=communication.name,
        customer_id=row.customer_id,
        source="queue",
        occasions=(key,),
        due_on=civil_date(run_at, tenant.zone),
        run_at=run_at,
        useful_until=run_at + timedelta(days=communication.useful_days),
        created_at=now,
        equipment_ids=(row.equipment_id,) if row.equipment_id else (),
        work_order_id=row.work_order_id,
        lane=communication.lane,
        facts=checked.facts,
        attachments=tuple(files),
    )


def _external_id(raw: object) -> str | None:
    value = cast("Mapping[str, object]", raw).get("external_id") if isinstance(raw, dict) else None
    return str(value)[:200].replace("\0", "") or None if isinstance(value, str | int) and not isinstance(value, bool) else None


def _without_files(raw: object) -> Mapping[str, object]:
    # The bytes lie in `attachments`; the row keeps what it said besides.
    if not isinstance(raw, dict):
        return {"not an object": str(raw)[:500].replace("\0", "")}
    row = cast("Mapping[str, object]", raw)
    files = row.get("attachments")
    if not isinstance(files, list):
        return row
    names = [cast("Mapping[str, object]", f).get("filename") for f in cast("list[object]", files) if isinstance(f, dict)]
    return {**row, "attachments": names}
