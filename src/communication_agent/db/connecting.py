"""How this program connects to a PostgreSQL server: what it waits for, and what it tells people when it may not."""

from collections.abc import Mapping

from psycopg import OperationalError, ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from communication_agent.errors import Problem

# A server that went away is noticed within 15 seconds, even when the network swallows everything.
PATIENCE: Mapping[str, int] = {
    "connect_timeout": 5,  # seconds, per address of the host
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}

_REFUSALS = ("authentication failed", "no password supplied", "pg_hba.conf", "is not permitted to log in")


def connection_string(url: str, setting: str, *, application: str = "communication-agent") -> str:
    """`url` with our patience added where it says nothing itself; raises Problem CA-302 naming `setting`."""
    try:
        said = conninfo_to_dict(url)
        ours = {**PATIENCE, "application_name": application}
        return make_conninfo(url, **{name: value for name, value in ours.items() if name not in said})
    except ProgrammingError as error:
        raise Problem(
            "CA-302",
            f"{setting} is not an address of a PostgreSQL database.",
            _reason(error),
            f"{setting}=postgresql://user:password@host:5432/database",
        ) from error


def connection_problem(error: OperationalError, database: str, remedy: str) -> Problem:
    """CA-401 when the server refused who we are, else CA-801; the server's own reason, never a password."""
    if refused(error):
        return Problem("CA-401", f"{database} refused the user or the password.", _reason(error), remedy)
    return Problem("CA-801", f"{database} cannot be reached.", _reason(error), remedy)


def refused(error: OperationalError) -> bool:
    """Whether the server answered, and did not want this user with this password."""
    text = str(error)
    if any(words in text for words in _REFUSALS) or ('role "' in text and "does not exist" in text):
        return True
    # Servers that speak another language: an end after a password was asked for, and not because the database is missing.
    asked = error.pgconn is not None and (error.pgconn.used_password or error.pgconn.needs_password)
    return asked and "does not exist" not in text


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines).removeprefix("connection failed: ") or type(error).__name__
