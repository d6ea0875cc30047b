"""From a type's declared conditions to SQL: scan, explain and the re-check compile from the same list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import LiteralString

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from communication_agent.communication import Audience, Communication


@dataclass(frozen=True, slots=True)
class Window:
    """What a scan looks at: the day it runs for, and the due dates in (since, until]."""

    today: date
    since: date
    until: date


def parameters(window: Window, zone: str, knobs: Mapping[str, int]) -> dict[str, object]:
    """What audience SQL may refer to, by name."""
    return {"today": window.today, "since": window.since, "until": window.until, "zone": zone, **knobs}


def candidates(communication: Communication) -> Composed:
    """COPY … TO STDOUT of the due rows: customer, machine, work order, due date, occasion, place (newest first).

    window AND due_on in (since, until] AND every condition.
    """
    audience = _audience(communication)
    return Composed([
        SQL("COPY (SELECT q.customer_id::text, q.equipment_id::text, q.work_order_id::text, q.due_on, q.occasion,"),
        SQL(" row_number() OVER (PARTITION BY q.customer_id, q.due_on ORDER BY q.newest DESC NULLS LAST, q.equipment_id)"),
        SQL(" FROM (SELECT "),
        _columns(communication),
        SQL(", "),
        _parens(audience.newest_first),
        SQL(" AS newest "),
        SQL(audience.rows),
        SQL(" WHERE "),
        _due(audience),
        *(part for c in audience.conditions for part in (SQL(" AND "), _holds(c.sql))),
        SQL(") q) TO STDOUT"),
    ])  # fmt: skip


def plan_of_candidates(communication: Communication) -> Composed:
    """The scan's SELECT as EXPLAIN sees it."""
    audience = _audience(communication)
    return Composed([
        SQL("EXPLAIN (FORMAT JSON) SELECT "),
        _columns(communication),
        SQL(" "),
        SQL(audience.rows),
        SQL(" WHERE "),
        _due(audience),
        *(part for c in audience.conditions for part in (SQL(" AND "), _holds(c.sql))),
    ])  # fmt: skip


def rows_of_customers(communication: Communication, facts: Sequence[str] = ()) -> Composed:
    """Every row of the given customers with its due date and each condition as columns.

    Columns: customer_id, equipment_id, work_order_id, due_on, occasion, in_window, next_due_on, holds_N, value_N, miss_N, fact_NAME.
    """
    audience = _audience(communication)
    columns: list[Composable] = [
        _columns(communication),
        SQL(", "),
        _due(audience),
        SQL(" AS in_window, "),
        _parens(audience.next_due_on),
        SQL("::date AS next_due_on"),
    ]
    for number, condition in enumerate(audience.conditions):
        columns += [
            SQL(", "), _holds(condition.sql), SQL(" AS "), Identifier(f"holds_{number}"),
            SQL(", "), _parens(condition.value), SQL("::text AS "), Identifier(f"value_{number}"),
            SQL(", "), _parens(condition.miss), SQL("::text AS "), Identifier(f"miss_{number}"),
        ]  # fmt: skip
    for name in facts:
        columns += [SQL(", "), _parens(audience.facts[name]), SQL("::text AS "), Identifier(f"fact_{name}")]
    return Composed([
        SQL("SELECT "),
        *columns,
        SQL(" "),
        SQL(audience.rows),
        SQL(" WHERE "),
        _parens(audience.customer_id),
        SQL(" = ANY (%(customers)s) ORDER BY "),
        _parens(audience.customer_id),
        SQL(", "),
        _parens(audience.newest_first),
        SQL(" DESC NULLS LAST, "),
        _parens(audience.equipment_id),
    ])  # fmt: skip


def _audience(communication: Communication) -> Audience:
    if communication.audience is None:
        message = f"{communication.name} has no audience: a door makes it"
        raise LookupError(message)
    return communication.audience


def _due(audience: Audience) -> Composed:
    # due_on stands beside the index-friendly window, so that a window that is too wide costs time and never a wrong message.
    exact = Composed([
        _parens(audience.due_on), SQL("::date > %(since)s::date AND "), _parens(audience.due_on), SQL("::date <= %(until)s::date"),
    ])  # fmt: skip
    if audience.window is None:
        return Composed([SQL("(("), exact, SQL(") IS TRUE)")])
    return Composed([SQL("(("), _parens(audience.window), SQL(" AND "), exact, SQL("))")])


def _holds(condition: LiteralString) -> Composed:
    # A condition that cannot be decided because something is null does not hold.
    return Composed([SQL("(("), SQL(condition), SQL(") IS TRUE)")])


def _parens(expression: LiteralString) -> Composed:
    return Composed([SQL("("), SQL(expression), SQL(")")])


def _columns(communication: Communication) -> Composed:
    audience = _audience(communication)
    return Composed([
        _parens(audience.customer_id), SQL("::text AS customer_id, "),
        _parens(audience.equipment_id), SQL("::text AS equipment_id, "),
        _parens(audience.work_order_id), SQL("::text AS work_order_id, "),
        _parens(audience.due_on), SQL("::date AS due_on, "),
        _occasion(communication, audience), SQL(" AS occasion"),
    ])  # fmt: skip


def _occasion(communication: Communication, audience: Audience) -> Composed:
    # "unit:{equipment_id}:{n}" becomes 'annual_tuneup:unit:' || (e.id)::text || ':' || (a.n)::text
    names: dict[str, LiteralString] = {
        "customer_id": audience.customer_id,
        "equipment_id": audience.equipment_id,
        "work_order_id": audience.work_order_id,
        **audience.keys,
    }
    parts: list[Composable] = [Literal(f"{communication.name}:")]
    for piece in communication.occasion.replace("}", "{").split("{"):
        parts += [SQL(" || "), _text(names[piece]) if piece in names else Literal(piece)]
    return Composed(parts)


def _text(expression: LiteralString) -> Composed:
    return Composed([SQL("("), SQL(expression), SQL(")::text")])
