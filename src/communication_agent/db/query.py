"""One way to run a named block and read its rows."""

import json
import re
from collections.abc import Mapping

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from communication_agent.db.statements import Statement

Row = dict[str, object]
Connection = AsyncConnection  # what the spines and doors hand on, without knowing the driver


async def rows(conn: AsyncConnection, statement: Statement, values: Mapping[str, object]) -> list[Row]:
    """The rows of a block that returns some, by column name."""
    async with conn.cursor(row_factory=dict_row, binary=True) as cursor:
        await cursor.execute(statement.text, values)
        return await cursor.fetchall()


def jsonb(value: object) -> str:
    """JSON that PostgreSQL takes whatever somebody else's text holds: without NUL characters and lone surrogates."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
    return _NUL.sub(r"\1", text)


# An escaped NUL, but not an escaped backslash in front of the letters u0000.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
