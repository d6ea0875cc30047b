"""The grammar of a communication type: why, when, to whom, once, and with which words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import LiteralString

from communication_agent.domain import LANE_NORMAL, Channel, Purpose


@dataclass(frozen=True, slots=True)
class Knob:
    """A threshold of a type: its default, overridden by the environment, overridden by the tenant."""

    name: str  # the environment variable's name, and the key in a tenant file's [knobs]
    default: int
    meaning: str
    minimum: int = 1
    maximum: int = 100_000

    @property
    def parameter(self) -> str:
        """The name under which audience SQL reads it."""
        return self.name.lower()


# The system overview's thresholds; several types read the same one.
GHOST_CUSTOMER_MONTHS = Knob("GHOST_CUSTOMER_MONTHS", 12, "months without any activity before a win-back message", maximum=120)
FIRST_SERVICE_HOURS_THRESHOLD = Knob("FIRST_SERVICE_HOURS_THRESHOLD", 20, "machine hours at which the first service is due")
USAGE_SERVICE_HOURS_INTERVAL = Knob("USAGE_SERVICE_HOURS_INTERVAL", 100, "machine hours between two services")
WARRANTY_WARNING_DAYS = Knob("WARRANTY_WARNING_DAYS", 30, "days before the end of the warranty to warn", maximum=365)
TRADE_IN_MIN_AGE_YEARS = Knob("TRADE_IN_MIN_AGE_YEARS", 8, "age in years from which a trade-in is suggested", maximum=50)
TRADE_IN_MIN_REPAIR_COUNT = Knob("TRADE_IN_MIN_REPAIR_COUNT", 3, "finished repairs from which a trade-in is suggested", maximum=100)
OVERVIEW_KNOBS = (
    GHOST_CUSTOMER_MONTHS,
    FIRST_SERVICE_HOURS_THRESHOLD,
    USAGE_SERVICE_HOURS_INTERVAL,
    WARRANTY_WARNING_DAYS,
    TRADE_IN_MIN_AGE_YEARS,
    TRADE_IN_MIN_REPAIR_COUNT,
)


class Every(StrEnum):
    """How often a scan runs."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a type is scanned (06:00 dealer time) and when its messages are planned to leave (civil dealer time)."""

    every: Every
    months: tuple[int, ...] = ()  # empty = all year
    weekday: int = 0  # of weekly scans, Monday = 0
    monthday: int = 1  # of monthly scans
    scan_at: time = time(6)
    send_at: time = time(9)


def daily(months: tuple[int, ...] = (), send_at: time = time(9)) -> Schedule:
    """Every day, or every day of the given months."""
    return Schedule(Every.DAY, months=months, send_at=send_at)


def weekly(weekday: int = 0, send_at: time = time(9)) -> Schedule:
    """Once a week, on Monday unless told otherwise."""
    return Schedule(Every.WEEK, weekday=weekday, send_at=send_at)


def monthly(monthday: int = 1, send_at: time = time(9)) -> Schedule:
    """Once a month, on the first unless told otherwise."""
    return Schedule(Every.MONTH, monthday=monthday, send_at=send_at)


@dataclass(frozen=True, slots=True)
class Condition:
    """One named reason why a row is due or not.

    `sentence` is what people read ({knob_parameter} is filled in), `sql` a boolean expression over the audience's rows,
    `value` the expression that is shown beside it, `miss` one that says in words what is missing (null = nothing to say).
    """

    code: str
    sentence: str
    sql: LiteralString
    value: LiteralString
    miss: LiteralString = "NULL::text"


# Most types are about a machine that the customer still has.
STILL_OWNED = Condition(
    "still_owned",
    "the machine is still theirs",
    "e.disposed_at IS NULL OR e.disposed_at::date > %(today)s::date",
    "e.disposed_at::date",
)


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is due. All SQL is over the dealer's comm views and may use %(today)s, %(since)s, %(until)s, %(zone)s and knobs.

    `rows` is the FROM clause, with customers as c and, where there is a machine, machines as e; `window` an index-friendly
    predicate that holds for every row whose due date lies in (since, until], None for state types, which are due on today;
    `due_on` the exact due date of a row (the latest one up to today); scan = window AND due_on in (since, until] AND conditions.
    `keys` names the expressions that the occasion's braces refer to.
    """

    rows: LiteralString
    conditions: tuple[Condition, ...]
    due_on: LiteralString = "%(today)s::date"
    due_sentence: str = "due on the scanned day"
    next_due_on: LiteralString = "NULL::date"  # of a row that is not due: when it will be
    window: LiteralString | None = None
    customer_id: LiteralString = "c.id"
    equipment_id: LiteralString = "e.id"
    work_order_id: LiteralString = "NULL::text"
    newest_first: LiteralString = "e.purchase_date"  # a grouped message names the row with the greatest value
    keys: Mapping[str, LiteralString] = field(default_factory=dict[str, LiteralString])
    facts: Mapping[str, LiteralString] = field(default_factory=dict[str, LiteralString])

    @property
    def state(self) -> bool:
        """Whether rows are due as long as the conditions hold, the ledger making the message once."""
        return self.window is None


@dataclass(frozen=True, slots=True)
class Button:
    """The one call to action; target is a variable such as booking_url, or `reply` for a mail to the dealer."""

    label: str
    target: str


@dataclass(frozen=True, slots=True)
class Wording:
    """The words that always work (Liquid); body paragraphs are separated by blank lines."""

    subject: str
    preheader: str
    body: str
    button: Button
    sms: str
    prompt: str  # what the AI is asked for
    forbidden: str  # what it must not write


@dataclass(frozen=True, slots=True)
class Communication:
    """A communication type; its file has the same name and holds nothing else."""

    name: str
    title: str
    purpose: Purpose
    wording: Wording
    occasion: str  # "unit:{equipment_id}"; braces name audience columns, keys, or external_id for queue rows
    useful_days: int  # days after the due date during which the message still helps
    priority: int  # of several due messages the lowest number goes first
    reason_line: str  # why the customer gets this, as printed in the footer
    channel: Channel | None = Channel.EMAIL  # None = notify_customer: the gate picks
    fallback: Channel | None = None  # after a definite failure of the channel
    schedule: Schedule | None = None  # None = made by a door
    audience: Audience | None = None
    knobs: tuple[Knob, ...] = ()
    immediate: bool = False  # exempt from email quiet hours
    lane: int = LANE_NORMAL
    may_be_empty: frozenset[str] = frozenset()  # besides the catalogue's always-optional variables
    given: tuple[str, ...] = ()  # variables that a queue row has to bring
    lateness_days: int = 3  # how far back a scan looks after an outage
