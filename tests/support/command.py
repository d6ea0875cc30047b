"""The command line in a test's own installation: words in, exit code, stdout and stderr out."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from communication_agent.cli import main
from support.central import KEY

MONDAY = "2026-11-23T10:00:00-05:00"
PROGRAM = str(Path(sys.executable).with_name("communication-agent"))


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> object:
        """The one JSON document on stdout."""
        return cast("object", json.loads(self.out))

    @property
    def fields(self) -> dict[str, object]:
        """The document, an object."""
        assert isinstance(self.document, dict), self
        return cast("dict[str, object]", self.document)

    @property
    def rows(self) -> list[dict[str, object]]:
        """The document, a list of objects."""
        assert isinstance(self.document, list), self
        return cast("list[dict[str, object]]", self.document)

    def assert_problem(self, code: str, exit_: int) -> str:
        """Four lines on stderr with this code, nothing on stdout, no traceback; returns stderr."""
        assert self.code == exit_, self
        assert f"Error {code}: " in self.err
        assert "\nWhy:  " in self.err
        assert "\nDo:   " in self.err
        assert f"\nMore: docs/errors.md#{code.lower()}" in self.err
        assert "Traceback" not in self.err
        return self.err


Comma = Callable[..., Ran]


def installation(central_url: str | None, home: Path) -> dict[str, str]:
    """The environment of an installation: its central database (None = embedded), its home, its key."""
    own = {"COMMUNICATION_AGENT_HOME": str(home), "COMMUNICATION_AGENT_KEY": KEY, "NO_COLOR": "1"}
    return own | ({"CENTRAL_DB_URL": central_url} if central_url else {})


@pytest.fixture
def comma(central_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Comma:
    """Runs one command on the test's own central database, in this process."""
    monkeypatch.chdir(tmp_path)  # no .env
    for name, value in installation(central_url, tmp_path / "home").items():
        monkeypatch.setenv(name, value)

    def run(*words: object) -> Ran:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


def program(home: Path, *words: object, central_url: str | None = None, **environment: str) -> Ran:
    """Runs one command in a process of its own."""
    found = subprocess.run(
        [PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        env=_environment(home, central_url, environment),
        cwd=home.parent,
        check=False,
    )
    return Ran(found.returncode, found.stdout, found.stderr)


def started(home: Path, *words: object, central_url: str | None = None, **environment: str) -> "subprocess.Popen[str]":
    """Starts a command in a process of its own, to be watched and ended by the test."""
    return subprocess.Popen(
        [PROGRAM, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(home, central_url, environment),
        cwd=home.parent,
    )


def fetched(url: str, path: str, seconds: float = 40.0) -> str:
    """The page at a path of a server of loopback, following redirects; asks again until the answer is good or time is up."""
    deadline = time.monotonic() + seconds
    while True:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=seconds)
        with closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
        if answer.status == 200:
            return text
        path = answer.headers.get("location", path)
        assert time.monotonic() < deadline, f"{answer.status} {text}"


def _environment(home: Path, central_url: str | None, more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONWARNINGS") if name in os.environ}  # noqa: TID251 - a child needs them
    return {**kept, **installation(central_url, home), **more}


def tenant_file(folder: Path, dsn: str | None, tenant_id: str = "hilltop", more: str = "", **database: object) -> Path:
    """A tenant file for the dealer's database that `dsn` names, None = an embedded one; `database` overrides its fields."""
    parts = conninfo_to_dict(dsn) if dsn else {}
    fields = {"host": parts.get("host"), "dbname": parts.get("dbname"), "user": parts.get("user"), "sslmode": "disable"} | database
    section = "embedded = true" if dsn is None else "\n".join(f"{name} = {json.dumps(value)}" for name, value in fields.items())
    path = folder / f"{tenant_id}.toml"
    path.write_text(
        f'id = "{tenant_id}"\nname = "Hilltop Mowers"\nsms_name = "Hilltop"\ntime_zone = "America/New_York"\n'
        'phone = "(614) 555-0142"\naddress = "2100 Mill Road, Delaware, OH 43015"\nhours = "Mon-Fri 8-5:30"\nsender_name = "Dana Whitfield"\n'
        f'booking_url = "https://hilltop.example/book"\n{more}\n[database]\n{section}\n'
        '[email]\nfrom = "Hilltop Mowers <service@hilltop.example>"\nreply_to = "dana@hilltop.example"\n',
        encoding="utf-8",
    )
    return path


@pytest.fixture
def hilltop(comma: Comma, sample_template: str, tmp_path: Path) -> Comma:
    """`comma`, with the tenant `hilltop` on the sample dealer's data as of MONDAY."""
    assert comma("tenants", "add", tenant_file(tmp_path, sample_template), "--no-check").code == 0
    return comma


@pytest.fixture
def central_rows(central_url: str) -> Iterator[psycopg.Connection]:
    """The central database, to look at and to set a stage."""
    with closing(psycopg.connect(central_url, autocommit=True)) as conn:
        yield conn
