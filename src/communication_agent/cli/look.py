"""How things look to people: times in the dealer's zone, outcomes in their colors, tables without ornament."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from rich import box
from rich.table import Table
from rich.text import Text

from communication_agent.cli.output import cell

COLORS = {
    "sent": "green", "send": "green", "delivered": "green", "ok": "green", "waiting": "yellow", "snooze": "yellow", "hold": "magenta",
    "held": "magenta", "uncertain": "magenta", "skipped": "dim", "skip": "dim", "failed": "red", "bounced": "red", "complained": "red",
    "undelivered": "red", "error": "red", "warning": "yellow", "cancelled": "dim",
}  # fmt: skip
# Shape as well as color: some people see no red, and some terminals show none.
SIGNS = {
    "sent": "✓", "send": "✓", "ok": "✓", "waiting": "…", "snooze": "…", "hold": "?", "skipped": "–", "skip": "–", "failed": "✗",
    "error": "✗", "warning": "!", "cancelled": "–",
}  # fmt: skip


FOLDED = {"why", "error", "meaning", "not, because"}


def table(*columns: str, right: Sequence[str] = (), fixed: Sequence[str] = ()) -> Table:
    """A plain table; `right` are columns of numbers, `fixed` ones are never cut, `why` may take several lines."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for name in columns:
        made.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=name in fixed,
            overflow="fold" if name in fixed else "ellipsis",
        )
    return made


def said(outcome: str) -> Text:
    """An outcome, verdict or level with its sign and color."""
    sign = SIGNS.get(outcome, " ")
    return cell(f"{sign} {outcome}", COLORS.get(outcome, ""))


def words(code: str | None) -> str:
    """A code as words: quiet_hours → quiet hours."""
    return (code or "").replace("_", " ")


def at(moment: datetime | None, zone: ZoneInfo) -> str:
    """A moment as the dealer's clock shows it: Nov 24, 9:12 am."""
    if moment is None:
        return ""
    local = moment.astimezone(zone)
    return f"{local:%b} {local.day}, {local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'}"


def on(day: date | None) -> str:
    """A civil date: Tue, Nov 24, 2026."""
    return f"{day:%a, %b} {day.day}, {day.year}" if day else ""


def counted(number: int, one: str, many: str = "") -> str:
    """1 message, 2,000 messages."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
