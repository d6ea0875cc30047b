"""Findings of `doctor` and `tenants check` on a screen: the sign first, the cure below."""

from collections.abc import Sequence

from rich.console import Console

from communication_agent.cli.look import COLORS, SIGNS
from communication_agent.cli.output import line
from communication_agent.tenant_check import Finding


def brief(found: Sequence[Finding]) -> list[Finding]:
    """The same with all that is well about a dealer's database in one line."""
    details = [f for f in found if f.level == "ok" and f.tenant and f.subject != "providers"]
    if not details:
        return [*found]
    well = Finding("ok", "database", f"{len(details)} checks of its views and audiences passed.", tenant=details[0].tenant)
    return [well, *(f for f in found if f not in details)]


def show(console: Console, found: Sequence[Finding]) -> None:
    """Each finding on a line, and what mends it when something is wrong."""
    for finding in found:
        style = COLORS[finding.level]
        code = f" ({finding.code})" if finding.code else ""
        console.print(
            line((f"  {SIGNS[finding.level]} ", style), (f"{finding.subject:<20}", "dim"), (f" {finding.what}{code}", "")),
            soft_wrap=True,
        )
        if finding.do and finding.level != "ok":
            console.print(line((f"    {'':<20} → ", style), (finding.do, "bold")), soft_wrap=True)
