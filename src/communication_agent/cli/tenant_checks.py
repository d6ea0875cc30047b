"""What `tenants check` found, as a document and on a screen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from rich.console import Console

from communication_agent.cli.findings import show
from communication_agent.cli.look import table, words
from communication_agent.cli.output import cell
from communication_agent.errors import Exit, Problem
from communication_agent.foresight import Foresight
from communication_agent.tenant import TenantSettings
from communication_agent.tenant_check import Finding, Reach, check, first_problem, quality, reach


@dataclass(frozen=True, slots=True)
class Checked:
    """One tenant, looked at; `gaps` and `reach` are empty where the database is not fit for use."""

    tenant: TenantSettings
    findings: Sequence[Finding]
    gaps: Mapping[str, int]
    reach: Sequence[Reach]

    @property
    def problem(self) -> Problem | None:
        """What stands in the way."""
        return first_problem(self.findings, self.tenant)


async def checked(foresight: Foresight, tenant: TenantSettings, day: date, now: datetime, *, with_reach: bool) -> Checked:
    """All checks of one tenant."""
    found = await check(foresight, tenant, day)
    if first_problem(found, tenant):
        return Checked(tenant, found, {}, ())
    reached = await reach(foresight, tenant, day, now) if with_reach else []
    return Checked(tenant, found, await quality(foresight, tenant), reached)


def exit_for(found: Sequence[Checked]) -> Exit:
    """The exit code of the only tenant's problem, 7 when some of several have one."""
    problems = [problem for one in found if (problem := one.problem)]
    if not problems:
        return Exit.OK
    return problems[0].exit if len(found) == 1 else Exit.PARTLY_FAILED


def document(one: Checked) -> dict[str, object]:
    """One tenant of the list."""
    return {
        "tenant": one.tenant.id,
        "ok": one.problem is None,
        "findings": [asdict(finding) for finding in one.findings],
        "quality": one.gaps,
        "reach": [asdict(reached) for reached in one.reach],
    }


def page(console: Console, found: Sequence[Checked], titles: Mapping[str, str]) -> None:
    """Every tenant, one after the other."""
    for one in found:
        console.print()
        console.print(cell(f"{one.tenant.name} ({one.tenant.id})", "bold"))
        show(console, one.findings)
        for what in ("customers", "machines"):
            if what in one.gaps:
                _gaps(console, what, one.gaps)
        if one.reach:
            _reached(console, one.reach, titles)


def _gaps(console: Console, what: str, gaps: Mapping[str, int]) -> None:
    own = ("without_email", "without_phone", "without_first_name", "do_not_contact") if what == "customers" else (
        "without_purchase_date", "without_model", "without_owner")  # fmt: skip
    told = ", ".join(f"{gaps[name]:,} {words(name)}" for name in own if gaps.get(name))
    console.print(cell(f"    {gaps[what]:,} {what}{': ' if told else ''}{told}", "dim"))


def _reached(console: Console, reached: Sequence[Reach], titles: Mapping[str, str]) -> None:
    rows = table("  today", "due", "reached", "not, because", right=("due", "reached"))
    for one in reached:
        why = ", ".join(f"{number:,} {words(reason)}" for reason, number in one.others.items())
        rows.add_row(
            cell(f"  {titles.get(one.communication, one.communication)}"),
            cell(f"{one.due:,}"),
            cell(f"{one.send:,}"),
            cell(why, "dim"),
        )
    console.print(rows)
