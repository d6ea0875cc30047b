"""What a dealer's database looks like from outside: its views' columns, its large tables, the gaps in its data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import psycopg
from psycopg.rows import dict_row

from communication_agent.db.dealer import Dealer
from communication_agent.db.dealer_errors import explained
from communication_agent.db.statements import Statement, statements

SQL = statements("dealer_check")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a comm view: its PostgreSQL type, and whether our user may read it."""

    type: str
    readable: bool


async def columns(dealer: Dealer) -> Mapping[str, Mapping[str, Column]]:
    """View → column name → column, of everything in schema comm; raises Problem when the database does not answer."""
    found: dict[str, dict[str, Column]] = {}
    for row in await _rows(dealer, SQL["columns"], {}):
        view = found.setdefault(str(row["view"]), {})
        view[str(row["name"])] = Column(str(row["type"]), bool(row["readable"]))
    return found


async def large_relations(dealer: Dealer, rows: int) -> Mapping[str, int]:
    """Tables with more than so many rows, by the planner's estimate."""
    return {str(row["relation"]): cast("int", row["rows"]) for row in await _rows(dealer, SQL["large_relations"], {"rows": rows})}


async def quality(dealer: Dealer) -> Mapping[str, int]:
    """Counts of customers and machines, and of those that lack something."""
    customers, machines = await _rows(dealer, SQL["quality_of_customers"], {}), await _rows(dealer, SQL["quality_of_machines"], {})
    return cast("dict[str, int]", {**customers[0], **machines[0]})


async def _rows(dealer: Dealer, statement: Statement, values: Mapping[str, object]) -> list[dict[str, object]]:
    try:
        async with dealer.conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement.text, values)
            return await cursor.fetchall()
    except psycopg.Error as error:
        raise explained(error, dealer.tenant) from error
