"""Is a dealer's database fit for use: views, columns, types, plans of every audience, gaps in the data, reach per type."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, cast

from communication_agent.communication import Communication
from communication_agent.db import dealer_check
from communication_agent.db.audience_sql import Window
from communication_agent.db.dealer import Dealer
from communication_agent.db.dealer_check import Column
from communication_agent.errors import Problem
from communication_agent.foresight import Foresight
from communication_agent.tenant import TenantSettings

LARGE = 100_000  # rows; reading so many from end to end for one scan deserves an index

Level = Literal["ok", "warning", "error"]

TEXT = frozenset({"text", "character varying", "character", "bpchar", "citext", "name", '"char"'})
NUMBER = frozenset({"numeric", "integer", "bigint", "smallint", "double precision", "real"})
FLAG, DAY, MOMENT = frozenset({"boolean"}), frozenset({"date"}), frozenset({"timestamp with time zone"})
KEY: frozenset[str] = frozenset()  # any type that sorts and compares

# The contract with a dealer's database (docs/examples/dealer_views.sql): view → column → types.
VIEWS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "comm_customers": {
        "id": KEY, "first_name": TEXT, "last_name": TEXT, "company": TEXT, "language": TEXT, "postal_code": TEXT, "state": TEXT,
        "time_zone": TEXT, "created_at": MOMENT, "do_not_contact": FLAG, "preferred_channel": TEXT, "email_consent": FLAG,
        "sms_consent": FLAG, "sms_consent_at": MOMENT,
    },
    "comm_emails": {"customer_id": KEY, "address": TEXT, "is_primary": FLAG, "status": TEXT},
    "comm_phones": {"customer_id": KEY, "number": TEXT, "is_primary": FLAG, "status": TEXT},
    "comm_equipment": {
        "id": KEY, "customer_id": KEY, "make": TEXT, "model": TEXT, "kind": TEXT, "power_source": TEXT, "serial_number": TEXT,
        "purchase_date": DAY, "warranty_end": DAY, "machine_hours": NUMBER, "hours_read_at": MOMENT, "disposed_at": MOMENT,
    },
    "comm_work_orders": {
        "id": KEY, "number": TEXT | NUMBER, "customer_id": KEY, "equipment_id": KEY, "kind": TEXT, "status": TEXT,
        "opened_at": MOMENT, "completed_at": MOMENT, "picked_up_at": MOMENT, "summary": TEXT,
    },
}  # fmt: skip
OPTIONAL_VIEWS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "comm_hour_readings": {"equipment_id": KEY, "read_at": MOMENT, "hours": NUMBER},
}
# Works, but civil days may be off by one: what is told as a warning.
NEARLY = {MOMENT: frozenset({"timestamp without time zone", "date"}), DAY: frozenset[str]()}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what is right or wrong with it, and how to mend it; `code` when it is a Problem's."""

    level: Level
    subject: str
    what: str
    do: str = ""
    code: str | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """How many customers a type would reach today, and why it would not reach the others."""

    communication: str
    due: int
    send: int
    others: Mapping[str, int]  # reason → customers


async def check(foresight: Foresight, tenant: TenantSettings, day: date) -> list[Finding]:
    """Views, columns and types, then the plan of each audience; a database that cannot be asked is a finding too."""
    try:
        async with foresight.cases.gateway.session(tenant) as dealer:
            found = [*_views(await dealer_check.columns(dealer), tenant)]
            if any(finding.level == "error" for finding in found):
                return found  # plans on views that lack something would only repeat it
            large = await dealer_check.large_relations(dealer, LARGE)
            return found + [f for c in _scanned(foresight) for f in await _plan(foresight, dealer, c, day, large)]
    except Problem as problem:
        return [refused(problem, tenant)]


def refused(problem: Problem, tenant: TenantSettings) -> Finding:
    """A Problem as a finding."""
    return Finding("error", "database", f"{problem.what} {problem.why}", problem.do, problem.code, tenant.id)


def first_problem(found: Sequence[Finding], tenant: TenantSettings) -> Problem | None:
    """The error that stands in the way, with the others in its reason; None when the database is fit for use."""
    errors = [finding for finding in found if finding.level == "error"]
    if not errors:
        return None
    what = f'The database of tenant "{tenant.id}" is not fit for use.'
    why = "\n      ".join(finding.what for finding in errors)
    return Problem(errors[0].code or "CA-303", what, why, errors[0].do)


async def quality(foresight: Foresight, tenant: TenantSettings) -> Mapping[str, int]:
    """How much there is, and how much of it lacks what messages need."""
    async with foresight.cases.gateway.session(tenant) as dealer:
        return await dealer_check.quality(dealer)


async def reach(foresight: Foresight, tenant: TenantSettings, day: date, now: datetime) -> list[Reach]:
    """What a scan of each type would find on that day; changes nothing."""
    return [await _reach(foresight, tenant, c, day, now) for c in _scanned(foresight) if tenant.type_is_on(c.name)]


async def _reach(foresight: Foresight, tenant: TenantSettings, communication: Communication, day: date, now: datetime) -> Reach:
    found = await foresight.scan(tenant, communication, day, now)
    others = Counter(f.reason or f.verdict for f in found if f.verdict != "send")
    return Reach(communication.name, len(found), len(found) - others.total(), dict(others.most_common()))


def _scanned(foresight: Foresight) -> list[Communication]:
    return [c for c in foresight.cases.communications.values() if c.schedule and c.audience]


def _views(present: Mapping[str, Mapping[str, Column]], tenant: TenantSettings) -> Iterator[Finding]:
    for view, wanted in VIEWS.items():
        if view not in present:
            do = f"create it in schema comm (docs/examples/dealer_views.sql), then: communication-agent tenants check {tenant.id}"
            yield Finding("error", view, f"comm.{view} does not exist.", do, "CA-303", tenant.id)
        else:
            yield from _columns(view, wanted, present[view], tenant)
    for view, wanted in OPTIONAL_VIEWS.items():
        if view in present:
            yield from _columns(view, wanted, present[view], tenant)
        else:
            yield Finding("ok", view, f"comm.{view} is not there; the last reading on each machine counts.", tenant=tenant.id)


def _columns(
    view: str, wanted: Mapping[str, frozenset[str]], present: Mapping[str, Column], tenant: TenantSettings
) -> Iterator[Finding]:
    again = f"then: communication-agent tenants check {tenant.id}"
    if not all(column.readable for column in present.values()):
        do = f"GRANT USAGE ON SCHEMA comm TO {tenant.database.user}; GRANT SELECT ON comm.{view} TO {tenant.database.user}; {again}"
        yield Finding("error", view, f"The user {tenant.database.user} may not read comm.{view}.", do, "CA-303", tenant.id)
        return
    wrong = [f for name, types in wanted.items() if (f := _column(view, name, types, present.get(name), tenant, again))]
    yield from wrong
    if not wrong:
        yield Finding("ok", view, f"comm.{view} has its {len(wanted)} columns.", tenant=tenant.id)


def _column(
    view: str, name: str, types: frozenset[str], column: Column | None, tenant: TenantSettings, again: str
) -> Finding | None:
    wanted = min(types, key=len, default="")
    if column is None:
        do = f"add it to the view (NULL::{wanted or 'text'} AS {name} where the dealer has nothing like it), {again}"
        return Finding("error", view, f"comm.{view} has no column {name}.", do, "CA-303", tenant.id)
    kind = column.type.partition("(")[0] + (column.type.partition(")")[2] if "(" in column.type else "")
    builtin = kind in TEXT | NUMBER | FLAG | DAY | MOMENT or kind.startswith(("timestamp", "time", "json", "bytea", "interval"))
    if not types or kind in types or (types & TEXT and not builtin):
        return None  # a dealer's own enum or domain reads as text
    what = f"comm.{view}.{name} is {column.type} and should be {wanted}"
    if kind in NEARLY.get(types, frozenset()):
        do = f"say in the view which time zone it is in (… AT TIME ZONE '{tenant.time_zone}'), {again}"
        return Finding("warning", view, f"{what}: civil days may be off by one.", do, tenant=tenant.id)
    return Finding("error", view, f"{what}.", f"convert it in the view, {again}", "CA-303", tenant.id)


async def _plan(
    foresight: Foresight, dealer: Dealer, communication: Communication, day: date, large: Mapping[str, int]
) -> list[Finding]:
    tenant, window = dealer.tenant, Window(day, day - timedelta(days=1), day)
    plan = await dealer.plan(communication, window, foresight.cases.knobs(communication, tenant))
    read = sorted({name for name in _read_from_end_to_end(plan) if name in large})
    if not read:
        return [Finding("ok", communication.name, f"{communication.title}: its audience can be asked for.", tenant=tenant.id)]
    what = f"{communication.title}: each scan reads {', '.join(f'{name} ({large[name]:,} rows)' for name in read)} from end to end."
    do = "let the dealer's administrator add an index on the dates that it looks at, and ANALYZE"
    return [Finding("warning", communication.name, what, do, tenant=tenant.id)]


def _read_from_end_to_end(plan: object) -> Iterator[str]:
    if isinstance(plan, list):
        for part in cast("list[object]", plan):
            yield from _read_from_end_to_end(part)
    elif isinstance(plan, dict):
        node = cast("dict[str, object]", plan)
        if node.get("Node Type") == "Seq Scan":
            yield str(node.get("Relation Name"))
        for inner in (node.get("Plan"), node.get("Plans")):
            yield from _read_from_end_to_end(inner)
