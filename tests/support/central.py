"""A migrated central database for every test: one for all, emptied after each, or a copy for whoever changes its schema."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql

from communication_agent.config import Config, load
from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.embedded import EmbeddedPostgres
from communication_agent.keys import Keys, derive

# A key for tests alone: thirty-two bytes that count.
KEY = bytes(range(32)).hex()

# Every table, in any order: a replica's session checks no foreign keys.
EMPTY = """
DO $$
DECLARE
    name text;
BEGIN
    SET LOCAL session_replication_role = 'replica';
    SET LOCAL lock_timeout = '5s';
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND NOT relispartition AND relname <> 'schema_migrations'
    LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
END $$
"""


def config_for(dsn: str | None, home: Path, **overrides: object) -> Config:
    """A configuration that neither the environment nor a .env file changes in what it names."""
    return load(_env_file=None, central_db_url=dsn, communication_agent_home=home, communication_agent_key=KEY, **overrides)


def keys_for_tests() -> Keys:
    """Keys made from KEY."""
    return Keys(derive(KEY, "the tests"))


def _copy(postgres: EmbeddedPostgres, template: str, name: str) -> None:
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as conn:
        conn.execute(copy)


async def _migrate(config: Config) -> None:
    await (await CentralDatabase.open(config)).close()


@pytest.fixture(scope="session")
def central_template(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated database that nobody is connected to."""
    name = "central_template"
    postgres.create_database(name)
    with asyncio.Runner() as runner:
        runner.run(_migrate(config_for(postgres.dsn(name), tmp_path_factory.mktemp("template"))))
    return name


@pytest.fixture
def central_copy(postgres: EmbeddedPostgres, central_template: str) -> Iterator[str]:
    """The connection string (as the engine) of a central database of the test's own, whose schema it may change."""
    name = f"central_{uuid4().hex}"
    _copy(postgres, central_template, name)
    yield postgres.dsn(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def central_shared(postgres: EmbeddedPostgres, central_template: str) -> str:
    """The one that most tests use, one after the other."""
    _copy(postgres, central_template, "central_shared")
    return postgres.dsn("central_shared")


@pytest.fixture
def central_url(central_shared: str) -> Iterator[str]:
    """The connection string (as the engine) of a migrated central database that is empty when the test begins."""
    yield central_shared
    with psycopg.connect(central_shared, autocommit=True) as conn:
        conn.execute(EMPTY)


@pytest.fixture
def central_config(central_url: str, tmp_path: Path) -> Config:
    """The configuration of a test's own installation: its central database, its home, its key."""
    return config_for(central_url, tmp_path)


@pytest_asyncio.fixture
async def central(central_config: Config) -> AsyncIterator[CentralDatabase]:
    """The central database, open."""
    opened = await CentralDatabase.open(central_config)
    yield opened
    await opened.close()


@pytest.fixture
def keys() -> Keys:
    """The test's installation's keys."""
    return keys_for_tests()
