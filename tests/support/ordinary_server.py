"""An ordinary PostgreSQL server as a dealer has one: TCP on loopback, passwords, its own tables."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from communication_agent.db.embedded_binaries import account_for, find_programs, run

PASSWORD = "of-the-owner"


@dataclass(frozen=True, slots=True)
class OrdinaryServer:
    """Where it listens; `owner` may do everything."""

    port: int

    def dsn(self, dbname: str, user: str = "owner", password: str = PASSWORD) -> str:
        """A connection string for a user with a password."""
        return f"host=127.0.0.1 port={self.port} dbname={dbname} user={user} password={password}"


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def ordinary_server() -> Iterator[OrdinaryServer]:
    """A server of its own user, started and stopped as an administrator would."""
    # Not below pytest's own folder, which every session closes to other users again.
    home = Path(tempfile.mkdtemp(prefix="ordinary-server-"))
    account = account_for(home)
    home.chmod(0o711)
    programs = find_programs(None, account)
    data, password = home / "data", home / "password"
    data.mkdir()
    password.write_text(PASSWORD)
    if account.borrowed:
        import os

        for path in (home, data, password):
            os.chown(path, account.uid, account.gid)
    made = run(
        [
            str(programs.bin / "initdb"),
            "-D",
            str(data),
            "-U",
            "owner",
            "-A",
            "scram-sha-256",
            f"--pwfile={password}",
            "--no-sync",
            "-E",
            "UTF8",
        ],
        account,
        home,
    )
    assert made.returncode == 0, made.stderr
    port = free_port()
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
    control = [str(programs.bin / "pg_ctl"), "-D", str(data), "-w", "-l", str(data / "log")]
    assert run([*control, "-o", options, "start"], account, home).returncode == 0, (data / "log").read_text()
    yield OrdinaryServer(port)
    run([*control, "-m", "immediate", "stop"], account, home)
    shutil.rmtree(home)


@pytest.fixture
def foreign_dealer(ordinary_server: OrdinaryServer) -> Iterator[OrdinaryServer]:
    """The server with database `dealer`: other table names, the comm views over them, and a user `comm_reader`."""
    root = Path(__file__).parents[2]
    with psycopg.connect(ordinary_server.dsn("postgres"), autocommit=True) as conn:
        conn.execute("CREATE DATABASE dealer")
    with psycopg.connect(ordinary_server.dsn("dealer"), autocommit=True) as conn:
        conn.execute((root / "tests/data/foreign_dealer.sql").read_bytes())
        conn.execute((root / "docs/examples/dealer_views.sql").read_bytes())
        conn.execute("CREATE ROLE comm_reader LOGIN PASSWORD 'reads-only'")
        conn.execute("GRANT USAGE ON SCHEMA comm TO comm_reader")
        conn.execute("GRANT SELECT ON ALL TABLES IN SCHEMA comm TO comm_reader")
    yield ordinary_server
    with psycopg.connect(ordinary_server.dsn("postgres"), autocommit=True) as conn:
        conn.execute("DROP DATABASE dealer WITH (FORCE)")
        conn.execute("DROP ROLE comm_reader")
