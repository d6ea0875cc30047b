"""What is wrong with this installation, why, and the command that mends it; changes nothing."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from communication_agent import config as configuration
from communication_agent.clock import civil_date
from communication_agent.config import Config
from communication_agent.db import migrate
from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.job_repository import JobRepository
from communication_agent.db.message_repository import MessageRepository
from communication_agent.db.schedule_repository import ScheduleRepository
from communication_agent.db.tenant_repository import TenantRepository
from communication_agent.db.worker_repository import alive
from communication_agent.delivery import account, pick_provider
from communication_agent.domain import Channel, Pause
from communication_agent.errors import Problem
from communication_agent.foresight import Foresight
from communication_agent.provider import Provider
from communication_agent.tenant import TenantSettings
from communication_agent.tenant_check import Finding, check

ALIVE = timedelta(minutes=2)  # a worker says every quarter of a lease that it lives


@dataclass(frozen=True, slots=True)
class Patient:
    """The rooms that are looked into."""

    config: Config
    central: CentralDatabase
    tenants: TenantRepository
    messages: MessageRepository
    schedules: ScheduleRepository
    jobs: JobRepository
    foresight: Foresight
    providers: Mapping[str, Provider]


def machine(config: Config) -> list[Finding]:
    """What can be seen without any database: settings that nobody reads, and who may look into the home directory."""
    found = [
        Finding("warning", "settings", f"{name} is set, and nobody reads it.", "correct the name, or unset it")
        for name in configuration.unknown_names()
    ]
    return [*found, _home(config.home)]


def broken(problem: Problem, subject: str = "central database") -> Finding:
    """A Problem that kept us from looking any further."""
    return Finding("error", subject, f"{problem.what} {problem.why}", problem.do, problem.code)


async def examine(patient: Patient, only: TenantSettings | None, now: datetime) -> list[Finding]:
    """Everything behind the central database: schema, role, tenants with their databases and providers, what is stopped or stuck."""
    found = [*await _central(patient), *await _workers(patient, now)]
    try:
        tenants = [only] if only else await patient.tenants.all()
    except Problem as problem:
        return [*found, broken(problem, "key")]
    if not tenants:
        found.append(Finding("warning", "tenants", "There are no tenants yet.", "communication-agent tenants add FILE"))
    for tenant in tenants:
        found += await check(patient.foresight, tenant, civil_date(now, tenant.zone))
        found += [finding async for finding in _providers(patient, tenant)]
    names = [tenant.id for tenant in tenants]
    return [*found, *await _stopped(patient, names), *await _stuck(patient, names)]


def _home(home: Path) -> Finding:
    if not home.exists():
        return Finding("ok", "home", f"{home} will be made when it is needed.")
    mode = home.stat().st_mode & 0o777
    if mode & 0o077:
        what = f"Others on this machine may look into {home} (mode {mode:o}), where customers' messages lie."
        return Finding("warning", "home", what, f"chmod 700 {home}")
    return Finding("ok", "home", f"{home} is readable by its owner only.")


async def _central(patient: Patient) -> list[Finding]:
    async with patient.central.engine() as conn:
        status = await migrate.status(conn)
        version = conn.info.server_version
    where = "CENTRAL_DB_URL" if patient.config.central_db_url else "embedded"
    found = [Finding("ok", "central database", f"PostgreSQL {version // 10_000}.{version % 10_000} ({where}) answers.")]
    if status.pending:
        what = f"{len(status.pending)} migrations wait."
        found.append(Finding("error", "migrations", what, "communication-agent migrate up", "CA-307"))
    elif status.newer:
        what = f"The database is newer than this program (migration {status.newer[-1]})."
        found.append(Finding("warning", "migrations", what, "update this program"))
    else:
        found.append(Finding("ok", "migrations", f"All {len(status.applied)} are applied."))
    if patient.central.app_problem:
        return [*found, broken(patient.central.app_problem, "app role")]
    return [*found, Finding("ok", "app role", "Web, API and agent work as a role that sees one tenant at a time.")]


async def _workers(patient: Patient, now: datetime) -> list[Finding]:
    async with patient.central.engine() as conn:
        seen = [worker for worker in await alive(conn) if abs(now - worker.seen_at) < ALIVE]
    waiting = sum(int(str(row["jobs"])) for row in await patient.jobs.depth())
    if seen:
        return [Finding("ok", "workers", f"{len(seen)} running, {waiting} messages waiting.")]
    level = "warning" if waiting else "ok"
    return [Finding(level, "workers", f"None is running, {waiting} messages waiting.", "communication-agent run")]


async def _providers(patient: Patient, tenant: TenantSettings) -> AsyncIterator[Finding]:
    if tenant.sending == "outbox":
        what = f"Nothing leaves this machine: messages go to {patient.config.outbox / tenant.id}."
        yield Finding("ok", "providers", what, f"communication-agent tenants set {tenant.id} sending live", tenant=tenant.id)
        return
    for channel in Channel:
        try:
            provider = pick_provider(tenant, channel, patient.providers)
            account(tenant, provider, patient.config)
        except Problem as problem:
            finding = replace(broken(problem, "providers"), tenant=tenant.id)
            yield replace(finding, level="warning") if channel is Channel.SMS else finding  # a dealer may do without SMS
        else:
            yield Finding("ok", "providers", f"{channel} leaves through {provider.name}.", tenant=tenant.id)


async def _stopped(patient: Patient, names: Sequence[str]) -> list[Finding]:
    return [_pause(pause) for pause in await patient.tenants.pauses() if pause.tenant_id in {"*", *names}]


def _pause(pause: Pause) -> Finding:
    everybody = pause.tenant_id == "*"
    what = f"Sending is paused ({pause.scope}) since {pause.since:%Y-%m-%d %H:%M} UTC by {pause.actor}: {pause.reason}."
    kind, _, name = pause.scope.partition(":")
    narrowed = f" --{kind} {name}" if name else ""
    do = f"communication-agent resume{narrowed}" if everybody else f"communication-agent tenants resume {pause.tenant_id}{narrowed}"
    tenant = None if everybody else pause.tenant_id
    if pause.reason == "credentials_refused":
        mend = f"correct the key: communication-agent tenants set {pause.tenant_id} email.KEY   (it resumes by itself)"
        return Finding("error", "pause", what, mend, "CA-402", tenant)
    return Finding("warning", "pause", what, do, tenant=tenant)


async def _stuck(patient: Patient, names: Sequence[str]) -> list[Finding]:
    async with patient.central.engine() as conn:
        open_questions = await patient.messages.in_question(conn)
    found = [_in_question(*question) for question in open_questions if question[0] in names]
    for (tenant, task), run in (await patient.schedules.latest()).items():
        if run.state == "failed" and tenant in names:
            what = f"The scan of {task} for {run.slot} failed {run.attempts} times; it is tried again by itself."
            found.append(Finding("error", "schedule", what, f"communication-agent tenants check {tenant}", "CA-701", tenant))
    for tenant in await patient.jobs.waiting_for_database():
        if tenant in names:
            what = "Messages wait for the dealer's database; they go on by themselves."
            found.append(Finding("error", "queue", what, f"communication-agent tenants check {tenant}", "CA-801", tenant))
    return found


def _in_question(tenant: str, state: str, jobs: int) -> Finding:
    if state == "uncertain":
        what = f"{jobs} messages may have arrived or not; evidence is being looked for."
        return Finding("warning", "messages", what, f"communication-agent messages list --tenant {tenant}", tenant=tenant)
    what = f"{jobs} messages are held: only a person can say what became of them."
    do = "communication-agent messages show ID   then: communication-agent messages settle ID sent|failed"
    return Finding("warning", "messages", what, do, tenant=tenant)
