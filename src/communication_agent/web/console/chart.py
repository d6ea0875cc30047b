"""Messages per day as the geometry of a picture: stacked bars that the template draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from communication_agent.db.console_repository import Ended

HEIGHT = 120.0  # units of the picture, which is one unit wide for each bar and its gap
SERIES = ("email", "sms", "failed")


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a bar, from `top` down for `height` units."""

    series: str
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One day."""

    day: date
    email: int
    sms: int
    failed: int
    pieces: tuple[Piece, ...]

    @property
    def sent(self) -> int:
        """By either channel."""
        return self.email + self.sms


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars and the number at the top of the scale."""

    bars: tuple[Bar, ...]
    top: int

    @property
    def empty(self) -> bool:
        """Whether there is nothing to see."""
        return not any(bar.pieces for bar in self.bars)


def chart(ended: Sequence[Ended], last: date, days: int = 30) -> Chart:
    """The days up to `last`; only what was sent, by channel, and what failed for good."""
    totals: dict[tuple[date, str], int] = {}
    for one in ended:
        series = {"sent": one.channel or "email", "failed": "failed"}.get(one.outcome)
        if series:
            totals[one.day, series] = totals.get((one.day, series), 0) + one.messages
    dates = [last - timedelta(days=back) for back in range(days - 1, -1, -1)]
    counts = [[totals.get((day, series), 0) for series in SERIES] for day in dates]
    top = _round_top(max(map(sum, counts), default=0))
    return Chart(tuple(_bar(day, numbers, top) for day, numbers in zip(dates, counts, strict=True)), top)


def _bar(day: date, counts: Sequence[int], top: int) -> Bar:
    pieces: list[Piece] = []
    base = HEIGHT
    for series, count in zip(SERIES, counts, strict=True):
        if count:
            height = round(count / top * HEIGHT, 2)
            base = round(base - height, 2)
            pieces.append(Piece(series, base, height))
    email, sms, failed = counts
    return Bar(day, email, sms, failed, tuple(pieces))


def _round_top(most: int) -> int:
    """The next number that people like to read at the top of a scale: 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150 and so on."""
    size = 10 ** max(len(str(most)) - 2, 0)
    return next(nice * size for nice in (5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100) if most <= nice * size)
