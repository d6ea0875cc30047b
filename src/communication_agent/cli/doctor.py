"""`communication-agent doctor`: what is wrong, why, and the command that mends it."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

from rich.console import Console

from communication_agent import telemetry
from communication_agent.app import App, opened
from communication_agent.cli.command import Call, Tenant, command, group
from communication_agent.cli.findings import brief, show
from communication_agent.cli.look import counted
from communication_agent.cli.output import Answer, cell
from communication_agent.cli.session import settings
from communication_agent.config import Config
from communication_agent.doctor import Patient, broken, examine, machine
from communication_agent.errors import Exit, Problem
from communication_agent.tenant_check import Finding

cli = group("What is wrong, why, and the command that mends it.", "doctor")


@command(cli, "doctor", "doctor --tenant green-valley", "all that `communication-agent config` shows")
async def doctor(call: Call, tenant: Tenant = None) -> Answer:
    """Look at settings, key, central database, dealers' databases, providers, pauses and what is stuck.

    Ends with exit code 3 when something is red; changes nothing.
    """
    config = settings(call, remarks=False)
    found = [*machine(config), *await _databases(config, tenant)]
    red = any(finding.level == "error" for finding in found)
    document = {"ok": not red, "findings": [asdict(finding) for finding in found]}
    return Answer(document, lambda console: _page(console, found), Exit.CONFIGURATION if red else Exit.OK)


async def _databases(config: Config, tenant: str | None) -> list[Finding]:
    telemetry.configure("text", "ERROR")
    try:
        async with opened(config) as app:
            only = await app.tenants.load(tenant) if tenant else None
            return [*await _clock(app), *await examine(_patient(app), only, app.clock.now())]
    except Problem as problem:
        if problem.code == "CA-501":
            raise
        return [broken(problem, "key" if problem.code == "CA-306" else "central database")]


async def _clock(app: App) -> list[Finding]:
    try:
        await app.check_clock()
    except Problem as problem:
        return [broken(problem, "clock")]
    if app.clock.pretended:
        return [
            Finding(
                "warning", "clock", f"It pretends that it is {app.clock.now():%Y-%m-%d %H:%M} UTC.", "unset COMMUNICATION_AGENT_NOW"
            )
        ]
    return []


def _patient(app: App) -> Patient:
    return Patient(
        config=app.config,
        central=app.central,
        tenants=app.tenants,
        messages=app.messages,
        schedules=app.schedules,
        jobs=app.jobs,
        foresight=app.foresight,
        providers=app.providers,
    )


def _page(console: Console, found: Sequence[Finding]) -> None:
    ordered = sorted(found, key=lambda finding: finding.tenant or "")
    for tenant, some in groupby(ordered, key=lambda finding: finding.tenant):
        console.print()
        console.print(cell(tenant or "This installation", "bold"))
        show(console, brief([*some]))
    red, yellow = (sum(finding.level == level for finding in found) for level in ("error", "warning"))
    console.print()
    if not red and not yellow:
        console.print(cell("✓ All is well.", "bold green"))
    else:
        told = [counted(red, "error")] if red else []
        told += [counted(yellow, "warning")] if yellow else []
        console.print(cell(", ".join(told), "bold red" if red else "bold yellow"))
