"""Errors of the central database's connection that reach a command, in words."""

from psycopg import OperationalError, errors

from communication_agent.db.connecting import connection_problem
from communication_agent.errors import Problem


def as_problem(error: BaseException) -> Problem | None:
    """CA-401 or CA-801 for a connection that failed, CA-302 for a right that is missing, None for anything else."""
    if isinstance(error, errors.InsufficientPrivilege):
        why = str(error).strip().splitlines()[0]
        do = "let the owner of the central database grant it, then: communication-agent doctor"
        return Problem("CA-302", "The central database's user may not do this.", why, do)
    if isinstance(error, OperationalError):
        return connection_problem(error, "The central database", "look whether its server runs, then: communication-agent doctor")
    return None
