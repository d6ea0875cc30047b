"""What all tests share: one real PostgreSQL per session, one empty database per test."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from communication_agent.db.embedded import EmbeddedPostgres


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of the session's own; it may forget everything in a power cut, which makes tests faster."""
    home = tmp_path_factory.mktemp("postgres")
    _stop_what_killed_sessions_left(home.parent.parent)
    server = EmbeddedPostgres(home, settings={"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})
    server.start()
    yield server
    server.stop()
    shutil.rmtree(home)


def _stop_what_killed_sessions_left(sessions: Path) -> None:
    for pid_file in sessions.glob("*/postgres*/pg/postmaster.pid"):
        left = EmbeddedPostgres(pid_file.parent.parent)
        if left.running:
            left.start()
            left.stop()  # not when another session uses it


@pytest.fixture
def fresh_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The connection string of an empty database that goes away after the test, with whoever is still connected."""
    name = f"test_{uuid4().hex}"
    postgres.create_database(name)
    yield postgres.dsn(name)
    postgres.drop_database(name)


from support.central import (  # noqa: E402
    central,
    central_config,
    central_copy,
    central_shared,
    central_template,
    central_url,
    keys,
)
from support.command import central_rows, comma, hilltop  # noqa: E402
from support.house import dealer, dealer_dsn, dealer_template, house, sample_template  # noqa: E402
from support.ordinary_server import foreign_dealer, ordinary_server  # noqa: E402

__all__ = [
    "central",
    "central_config",
    "central_copy",
    "central_rows",
    "central_shared",
    "central_template",
    "central_url",
    "comma",
    "dealer",
    "dealer_dsn",
    "dealer_template",
    "foreign_dealer",
    "hilltop",
    "house",
    "keys",
    "ordinary_server",
    "sample_template",
]
