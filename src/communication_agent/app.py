"""The composition root: builds every object by hand, once; MODES says which loops run."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from communication_agent import communications, providers, telemetry
from communication_agent.cases import CaseReader
from communication_agent.clock import Clock, Loop, run_every, unix_micros
from communication_agent.communication import Communication
from communication_agent.config import Config, Mode, environment
from communication_agent.db import partitions
from communication_agent.db.attachment_repository import AttachmentRepository
from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.consent_repository import ConsentRepository
from communication_agent.db.job_repository import JobRepository
from communication_agent.db.message_repository import MessageRepository
from communication_agent.db.notifications import listen
from communication_agent.db.occasion_repository import OccasionRepository
from communication_agent.db.outcome_ledger import OutcomeLedger
from communication_agent.db.queue_repository import QueueRepository
from communication_agent.db.schedule_repository import ScheduleRepository
from communication_agent.db.tenant_data_gateway import TenantDataGateway
from communication_agent.db.tenant_repository import TenantRepository
from communication_agent.delivery import is_loopback
from communication_agent.errors import Problem
from communication_agent.foresight import Foresight
from communication_agent.intake.communication_queue import CommunicationQueue
from communication_agent.job_processor import JobProcessor
from communication_agent.keys import Keys, load_keys
from communication_agent.outcome import limits_of
from communication_agent.provider import Provider
from communication_agent.reconciler import Reconciler
from communication_agent.registry import discover
from communication_agent.scheduler import Scheduler

# Which loops a mode runs; a mode that is not here is not available yet.
MODES: Mapping[Mode, frozenset[str]] = {"legacy": frozenset({"scheduler", "processor", "intake", "web"})}
DRAIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class App:
    """Everything that a command or a loop needs."""

    config: Config
    clock: Clock
    keys: Keys
    central: CentralDatabase
    gateway: TenantDataGateway
    communications: Mapping[str, Communication]
    providers: Mapping[str, Provider]
    tenants: TenantRepository
    consents: ConsentRepository
    messages: MessageRepository
    queue_rows: QueueRepository
    occasions: OccasionRepository
    schedules: ScheduleRepository
    jobs: JobRepository
    ledger: OutcomeLedger
    cases: CaseReader
    scheduler: Scheduler
    foresight: Foresight
    processor: JobProcessor
    reconciler: Reconciler
    queue: CommunicationQueue

    async def check_clock(self) -> None:
        """Raises Problem CA-601 when a pretended clock could send to somebody outside this machine."""
        if not self.clock.pretended:
            return
        outside = [
            tenant.id for tenant in await self.tenants.all() if tenant.sending != "outbox" and not is_loopback(tenant, self.config)
        ]
        if outside:
            raise Problem(
                "CA-601",
                "A pretended clock may not send.",
                f"these tenants send to real providers: {', '.join(outside)}",
                'set sending = "outbox" for them, or leave out --now and COMMUNICATION_AGENT_NOW',
            )


@asynccontextmanager
async def opened(config: Config) -> AsyncGenerator[App]:
    """The whole program on its database, closed at the end; raises Problem when the database cannot be had."""
    keys = load_keys(config)
    central = await CentralDatabase.open(config)
    gateway = TenantDataGateway(central.tenant_embedded_dsn)
    try:
        yield _built(config, keys, central, gateway)
    finally:
        await gateway.close()
        await central.close()


def _built(config: Config, keys: Keys, central: CentralDatabase, gateway: TenantDataGateway) -> App:
    clock = Clock.pretending(config.communication_agent_now) if config.communication_agent_now else Clock()
    worker = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
    shelf = discover(communications, Communication)
    ways = discover(providers, Provider)
    tenants, consents, occasions = TenantRepository(central, keys), ConsentRepository(keys), OccasionRepository(central)
    cases = CaseReader(central, gateway, tenants, consents, shelf, config, environment(), keys)
    jobs = JobRepository(central, worker, config.lease_seconds)
    schedules = ScheduleRepository(central, worker, max(config.lease_seconds, 300.0))
    ledger = OutcomeLedger(jobs, occasions)
    scheduler = Scheduler(cases, occasions, schedules)
    limits = limits_of(config)
    queue_rows, attachments = QueueRepository(central), AttachmentRepository(central)
    return App(
        config=config,
        clock=clock,
        keys=keys,
        central=central,
        gateway=gateway,
        communications=shelf,
        providers=ways,
        tenants=tenants,
        consents=consents,
        messages=MessageRepository(),
        queue_rows=queue_rows,
        occasions=occasions,
        schedules=schedules,
        jobs=jobs,
        ledger=ledger,
        cases=cases,
        scheduler=scheduler,
        foresight=Foresight(scheduler),
        processor=JobProcessor(cases, jobs, ledger, attachments, ways, limits, clock, config.max_concurrent_jobs),
        reconciler=Reconciler(cases, ledger, ways, limits, clock),
        queue=CommunicationQueue(central, tenants, queue_rows, occasions, attachments, shelf),
    )


def loops_of(mode: Mode) -> frozenset[str]:
    """The loops of a mode; raises Problem CA-305 for one that is not available yet."""
    if mode not in MODES:
        raise Problem("CA-305", f"The mode {mode} is not available yet.", "this version runs in legacy mode", "AGENT_MODE=legacy")
    return MODES[mode]


async def run_once(app: App, only: frozenset[str]) -> list[str]:
    """Rounds of queue, scheduler, processor and reconciler until one changes nothing; the tenants that could not be served."""
    await app.check_clock()
    busy = True
    while busy:
        busy = "intake" in only and await app.queue.round(app.clock.now())
        busy |= "scheduler" in only and await app.scheduler.tick(app.clock.now())
        if "processor" in only:
            busy |= await app.processor.round()
            await app.processor.drain()
            busy |= await app.reconciler.round()
    return await unserved(app)


async def unserved(app: App) -> list[str]:
    """Tenants whose last scan failed or whose jobs wait for their database."""
    latest = await app.schedules.latest()
    failed = {tenant for (tenant, _), run in latest.items() if run.state == "failed"}
    return sorted(failed | {str(row) for row in await app.jobs.waiting_for_database()})


async def run(app: App, only: frozenset[str], stopping: asyncio.Event, web: Sequence["asyncio.Task[None]"] = ()) -> None:
    """Run the loops until `stopping`, then drain within 30 s; a loop that dies ends the process by raising."""
    await app.check_clock()
    wake = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            for loop, duty in _loops(app, only):
                group.create_task(run_every(loop, duty, stopping, wake, telemetry.loop_failed), name=loop.name)
            group.create_task(listen(app.central, wake, stopping), name="listen")
            for task in web:
                group.create_task(_watched(task, stopping))
    finally:
        async with asyncio.timeout(DRAIN_SECONDS):
            await app.processor.drain()
        await app.jobs.leave(app.clock.now())


async def _watched(task: "asyncio.Task[None]", stopping: asyncio.Event) -> None:
    await task
    if not stopping.is_set():
        raise RuntimeError("the web server ended by itself")


Duty = Callable[[], Awaitable[bool]]


def _loops(app: App, only: frozenset[str]) -> list[tuple[Loop, Duty]]:
    poll, lease = app.config.poll_interval_ms / 1000, app.config.lease_seconds / 4

    async def scheduler() -> bool:
        return await app.scheduler.tick(app.clock.now())

    async def intake() -> bool:
        return await app.queue.round(app.clock.now())

    async def renew() -> bool:
        await app.jobs.renew(app.processor.in_hand)
        await app.jobs.beat(app.clock.now())
        return False

    async def housekeeping() -> bool:
        async with app.central.engine() as conn:
            await partitions.make_ahead(conn, app.clock.now())
            await partitions.drop_expired(conn, app.clock.now())
        return False

    duties: dict[str, list[tuple[Loop, Duty]]] = {
        "scheduler": [(Loop("scheduler", 20.0), scheduler), (Loop("housekeeping", 3600.0), housekeeping)],
        "intake": [(Loop("communication_queue", min(30.0, poll * 6)), intake)],
        "processor": [
            (Loop("processor", poll), app.processor.round),
            (Loop("lease", lease), renew),
            (Loop("reconciler", lease), app.reconciler.round),
        ],
    }
    return [(loop, _counted(loop, duty)) for name in sorted(only & duties.keys()) for loop, duty in duties[name]]


def _counted(loop: Loop, duty: Duty) -> Duty:
    async def counted() -> bool:
        busy = await duty()
        telemetry.loop_progressed(loop.name, unix_micros() / 1e6)
        return busy

    return counted
