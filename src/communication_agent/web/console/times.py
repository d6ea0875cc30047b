"""Instants and dates as people at the dealer's read them."""

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from markupsafe import Markup

from communication_agent.clock import civil_date


@dataclass(frozen=True, slots=True)
class Wall:
    """The clock on the dealer's wall at one moment."""

    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """The civil date."""
        return civil_date(self.now, self.zone)

    @property
    def city(self) -> str:
        """Where the wall is: New York."""
        return self.zone.key.rpartition("/")[2].replace("_", " ")

    def moment(self, at: datetime, under: date | None = None) -> Markup:
        """A `<time>`: the hour alone on the day `under` (today), else with its day; the full instant stands in its title."""
        local = at.astimezone(self.zone)
        day = self.day_name(local.date())
        text = hour(local.time()) if local.date() == (under or self.today) else f"{day}, {hour(local.time())}"
        full = f"{long_day(local.date())}, {hour(local.time(), seconds=True)} {local.tzname()}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(local.isoformat(timespec="seconds"), full, text)

    def day(self, day: date) -> Markup:
        """A `<time>` of a civil date."""
        return Markup('<time datetime="{}" title="{}">{}</time>').format(day.isoformat(), long_day(day), self.day_name(day))

    def day_name(self, day: date) -> str:
        """Today, Yesterday, Tomorrow, Nov 3, or Nov 3, 2025."""
        near = {0: "Today", -1: "Yesterday", 1: "Tomorrow"}.get((day - self.today).days)
        return near or short_day(day, year=day.year != self.today.year)


def hour(at: time, *, seconds: bool = False) -> str:
    """9:05 am, or 9:05:07 am."""
    exact = f":{at.second:02}" if seconds else ""
    return f"{at.hour % 12 or 12}:{at.minute:02}{exact} {'am' if at.hour < 12 else 'pm'}"


def short_day(day: date, *, year: bool = False) -> str:
    """Nov 3, or Nov 3, 2025."""
    return f"{day:%b} {day.day}" + (f", {day.year}" if year else "")


def long_day(day: date) -> str:
    """Tuesday, November 3, 2026."""
    return f"{day:%A, %B} {day.day}, {day.year}"
