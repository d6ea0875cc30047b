"""What went wrong in a dealer's database, told with its cause and its cure."""

import psycopg

from communication_agent.errors import Problem
from communication_agent.tenant import TenantSettings


def explained(error: psycopg.Error, tenant: TenantSettings) -> Problem:
    """What went wrong in a dealer's database, in words that name the cause and the cure."""
    why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    check = f"communication-agent tenants check {tenant.id}"
    match error:
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn() | psycopg.errors.InvalidSchemaName():
            what = f'The database of tenant "{tenant.id}" does not have what the comm views must have.'
            return Problem("CA-303", what, why, f"{check}   then mend the view that it names")
        case psycopg.errors.InsufficientPrivilege():
            what = f'The user of tenant "{tenant.id}" may not read the comm views.'
            return Problem("CA-303", what, why, "GRANT USAGE ON SCHEMA comm, GRANT SELECT ON ALL TABLES IN SCHEMA comm")
        case _ if _is_password(error):
            what = f'The database of tenant "{tenant.id}" refused user or password.'
            return Problem(
                "CA-401",
                what,
                why,
                "correct [database] user and password in the tenant file, then: communication-agent tenants add FILE",
            )
        case psycopg.OperationalError() | psycopg.InterfaceError():
            what = f'The database of tenant "{tenant.id}" cannot be reached.'
            return Problem("CA-801", what, why, f"correct [database] in the tenant file or start that server, then: {check}")
        case _:
            what = f'The database of tenant "{tenant.id}" answered with an error.'
            return Problem("CA-303", what, why, check)


def _is_password(error: psycopg.Error) -> bool:
    text = str(error)
    return error.sqlstate in {"28P01", "28000"} or "password authentication failed" in text or "no password supplied" in text
