"""The embedded PostgreSQL: real processes, real kills."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import LiteralString, Self

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from communication_agent.db.embedded import EmbeddedPostgres
from communication_agent.db.embedded_binaries import account_for, find_programs
from communication_agent.errors import Problem

ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not ROOT, reason="only root can become another user")
only_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")

# Another process that uses the server; a name after the home is the user that it becomes once everything is imported.
ACTOR = """
import ctypes, os, pwd, sys
from pathlib import Path
import psycopg
from communication_agent.db.embedded import EmbeddedPostgres
if len(sys.argv) > 2:
    user = pwd.getpwnam(sys.argv[2])
    os.setgroups([]); os.setgid(user.pw_gid); os.setuid(user.pw_uid)
server = EmbeddedPostgres(Path(sys.argv[1]))
def start(): server.start(); return server.postmaster_pid
def stop(): return server.stop()
def query():
    with psycopg.connect(server.dsn("postgres")) as connection: return connection.execute("SELECT current_user").fetchone()[0]
def adopt_orphans(): return ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
def fork_and_end():
    if child := os.fork(): return os.waitpid(child, 0)[1]
    sys.exit(0)
for line in sys.stdin: print(globals()[line.strip()](), flush=True)
"""


class Actor:
    """A process of its own with an EmbeddedPostgres, told what to do line by line."""

    def __init__(self, home: Path, user: str = "") -> None:
        command = [sys.executable, "-W", "error", "-c", ACTOR, str(home), *([user] if user else [])]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)

    def tell(self, word: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def ask(self, word: str) -> str:
        self.tell(word)
        return self.answer()

    def end(self, signal_number: int | None = None) -> int:
        if signal_number:
            self.process.send_signal(signal_number)
        with suppress(BrokenPipeError):
            self.process.communicate(timeout=30)
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data directory for all tests that leave it usable; each starts and stops its server."""
    home = tmp_path_factory.mktemp("embedded") / "home"
    server = EmbeddedPostgres(home)
    server.start()
    server.stop()
    yield home
    assert not server.running
    shutil.rmtree(home)


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(home)
    server.start()
    yield server
    assert server.stop()


def ask(server: EmbeddedPostgres, query: LiteralString, *, dbname: str = "postgres", user: str = "postgres") -> str:
    with psycopg.connect(server.dsn(dbname, user=user)) as connection:
        row = connection.execute(query).fetchone()
    assert row
    return str(row[0])


def socket_directory(server: EmbeddedPostgres) -> Path:
    return Path(str(conninfo_to_dict(server.dsn())["host"]))


def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen within ten seconds")


def state(pid: int) -> str:
    """R, S, Z …, or nothing when there is no such process."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def kill(server: EmbeddedPostgres) -> int:
    pid = server.postmaster_pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: state(pid) in {"", "Z"})
    return pid


def hang_up(listener: socket.socket) -> None:
    caller, _ = listener.accept()
    caller.close()


def modes(path: Path) -> dict[Path, tuple[int, int, int]]:
    found = {place: place.stat() for place in (path, *path.parents)}
    return {place: (info.st_mode, info.st_uid, info.st_gid) for place, info in found.items()}


# --- one server ---------------------------------------------------------------------------------------------------------


def test_the_server_is_set_up_for_an_application_and_not_for_a_test_bench(server: EmbeddedPostgres) -> None:
    wanted = {
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "jit": "off",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "password_encryption": "scram-sha-256",
        "data_checksums": "on",
        "listen_addresses": "",
        "log_error_verbosity": "terse",
    }
    with psycopg.connect(server.dsn("postgres")) as connection:
        found = connection.execute("SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)", [list(wanted)])
        assert dict(found.fetchall()) == wanted


def test_text_sorts_alike_on_every_system(server: EmbeddedPostgres) -> None:
    assert ask(server, "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'postgres'") == "bC.UTF-8"
    assert (
        ask(server, "SELECT lower('ÉÀÑ') || (SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,Z,a,é}'::text[]) x)") == "éàñZabé"
    )


def test_only_the_owner_can_enter_a_new_home_and_nothing_above_it_changes(tmp_path: Path) -> None:
    before = {**modes(tmp_path), **modes(find_programs(None, account_for(tmp_path)).bin)}
    server = EmbeddedPostgres(tmp_path / "new" / "home", settings={"fsync": "off"})
    server.start()
    assert server.stop()
    assert stat.S_IMODE((tmp_path / "new" / "home").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / "home" / "pg").stat().st_mode) == 0o700
    assert {place: modes(place)[place] for place in before} == before


@only_linux
def test_no_tcp_port_is_opened(server: EmbeddedPostgres) -> None:
    held = {str(entry.readlink()) for entry in Path(f"/proc/{server.postmaster_pid}/fd").iterdir()}
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    assert any(entry.startswith("socket:") for entry in held)
    assert not held & {f"socket:[{line[9]}]" for line in lines}


def test_a_second_start_in_a_process_changes_nothing(server: EmbeddedPostgres) -> None:
    pid = server.postmaster_pid
    server.start()
    assert server.postmaster_pid == pid


def test_who_never_started_it_does_not_stop_it(server: EmbeddedPostgres, home: Path) -> None:
    assert EmbeddedPostgres(home).stop() is False
    assert server.running


def test_a_role_that_somebody_made_can_connect_without_a_password(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE clerk LOGIN")
        assert ask(server, "SELECT current_user", user="clerk") == "clerk"
        connection.execute("DROP ROLE clerk")


# --- databases ------------------------------------------------------------------------------------------------------------


def test_a_database_is_made_once_even_when_several_try_at_once(postgres: EmbeddedPostgres) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(postgres.create_database, ["green-valley.2"] * 4))
    assert sorted(made) == [False, False, False, True]
    postgres.drop_database("green-valley.2")


def test_a_dropped_database_is_gone_whoever_is_connected(postgres: EmbeddedPostgres) -> None:
    postgres.create_database("busy")
    with psycopg.connect(postgres.dsn("busy")) as connection:
        postgres.drop_database("busy")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgres.drop_database("busy")
    assert ask(postgres, "SELECT count(*) FROM pg_database WHERE datname = 'busy'") == "0"


@pytest.mark.parametrize("name", ["", "postgres", "template1", 'a"; DROP DATABASE x', "x" * 64, "-x", "a b", "a\n"])
def test_a_name_that_is_not_plain_makes_and_drops_nothing(postgres: EmbeddedPostgres, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        postgres.create_database(name)
    with pytest.raises(ValueError, match="cannot be the name"):
        postgres.drop_database(name)


def test_every_test_gets_an_empty_database(fresh_database: str) -> None:
    with psycopg.connect(fresh_database) as connection:
        connection.execute("CREATE TABLE pg_temp_marker (x int)")
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert found == (1,)


# --- many processes -------------------------------------------------------------------------------------------------------


def test_processes_that_start_at_once_share_one_server_and_the_last_one_stops_it(home: Path) -> None:
    actors = [Actor(home) for _ in range(4)]
    for actor in actors:
        actor.tell("start")
    pids = {actor.answer() for actor in actors}
    assert len(pids) == 1
    assert [actor.ask("stop") for actor in actors] == ["False", "False", "False", "True"]
    assert not EmbeddedPostgres(home).running
    assert [actor.end() for actor in actors] == [0, 0, 0, 0]


def test_the_end_of_a_fork_does_not_take_the_server_from_its_parent_whose_end_stops_it(home: Path) -> None:
    with Actor(home) as actor:
        pid = int(actor.ask("start"))
        assert actor.ask("fork_and_end") == "0"
        assert state(pid) not in {"", "Z"}
        assert int(actor.ask("start")) == pid
        assert actor.end() == 0
    assert state(pid) in {"", "Z"}
    assert not EmbeddedPostgres(home).running


def test_a_server_whose_starter_was_killed_is_adopted_and_stopped_by_the_next(home: Path) -> None:
    with Actor(home) as actor:
        pid = int(actor.ask("start"))
        actor.end(signal.SIGKILL)
    server = EmbeddedPostgres(home)
    assert server.running
    server.start()
    assert server.postmaster_pid == pid
    assert server.stop()


def test_ctrl_c_in_a_terminal_does_not_reach_the_server(home: Path) -> None:
    server = EmbeddedPostgres(home)
    with Actor(home) as actor:
        pid = int(actor.ask("start"))
        assert os.getsid(pid) != os.getsid(actor.process.pid)
        server.start()
        os.killpg(actor.process.pid, signal.SIGINT)
        assert actor.end() == -signal.SIGINT
    assert ask(server, "SELECT 1") == "1"
    assert server.postmaster_pid == pid
    assert server.stop()


# --- deaths ---------------------------------------------------------------------------------------------------------------


def test_a_killed_server_loses_no_committed_row_and_keeps_no_other(server: EmbeddedPostgres) -> None:
    server.create_database("books")
    with psycopg.connect(server.dsn("books"), autocommit=True) as connection:
        connection.execute("CREATE TABLE ledger AS SELECT generate_series(1, 20000) AS n")
    unfinished = psycopg.connect(server.dsn("books"))
    unfinished.execute("INSERT INTO ledger SELECT generate_series(1, 500)")
    pid = kill(server)
    server.start()
    unfinished.close()
    assert server.postmaster_pid not in {pid, None}
    assert ask(server, "SELECT count(*) FROM ledger", dbname="books") == "20000"
    server.drop_database("books")


def test_a_socket_on_which_nobody_answers_is_not_taken_for_a_server(server: EmbeddedPostgres) -> None:
    kill(server)
    path = socket_directory(server) / ".s.PGSQL.5432"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(hang_up, mute)
            assert not server.running
    server.start()
    assert ask(server, "SELECT 1") == "1"


@only_linux
def test_a_killed_server_that_nobody_reaps_does_not_block_the_next(home: Path) -> None:
    with Actor(home) as actor:
        assert actor.ask("adopt_orphans") == "0"
        pid = int(actor.ask("start"))
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: state(pid) == "Z")
        assert int(actor.ask("start")) != pid
        assert state(pid) == "Z"
        assert actor.ask("stop") == "True"


@only_linux
def test_a_pid_that_belongs_to_somebody_else_by_now_does_not_block_the_start(server: EmbeddedPostgres, home: Path) -> None:
    old = kill(server)
    account = account_for(home / "pg")
    with subprocess.Popen(["/bin/sleep", "60"], user=account.uid if ROOT else None) as somebody:
        for lock in (home / "pg" / "postmaster.pid", socket_directory(server) / ".s.PGSQL.5432.lock"):
            lock.write_text(lock.read_text().replace(str(old), str(somebody.pid)))
        server.start()
        assert somebody.poll() is None
        somebody.kill()
    assert server.postmaster_pid not in {old, somebody.pid, None}


@only_linux
def test_a_half_made_data_directory_is_made_again(tmp_path: Path) -> None:
    def children() -> list[int]:
        found = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [int(entry.name) for entry in found if state_parent(entry) == actor.process.pid]

    with Actor(tmp_path) as actor:
        actor.tell("start")
        eventually(lambda: any(tmp_path.glob("pg.new-*/base/1/*")))
        initdb = children()
        actor.process.kill()
        for pid in initdb:
            os.killpg(pid, signal.SIGKILL)
    assert initdb
    assert not (tmp_path / "pg").exists()
    server = EmbeddedPostgres(tmp_path, settings={"fsync": "off"})
    server.start()
    assert ask(server, "SELECT 1") == "1"
    assert server.stop()
    assert not list(tmp_path.glob("pg.new-*"))


def state_parent(entry: Path) -> int:
    with suppress(OSError):
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return 0


# --- refusals -------------------------------------------------------------------------------------------------------------


def test_what_lies_in_the_place_of_the_data_is_never_deleted(tmp_path: Path) -> None:
    letters = tmp_path / "pg" / "letters.txt"
    letters.parent.mkdir()
    letters.write_text("Dear Margaret")
    with pytest.raises(Problem, match="something else than a database"):
        EmbeddedPostgres(tmp_path).start()
    assert letters.read_text() == "Dear Margaret"


def test_a_home_that_cannot_be_made_is_told_in_four_lines(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="Not a directory") as told:
        EmbeddedPostgres(tmp_path / "file" / "home").start()
    assert "COMMUNICATION_AGENT_HOME" in told.value.do


def test_a_wrong_setting_is_named(home: Path) -> None:
    with pytest.raises(Problem, match='invalid value for parameter "shared_buffers"') as told:
        EmbeddedPostgres(home, settings={"shared_buffers": "a lot"}).start()
    assert told.value.code == "CA-309"


def test_a_server_that_does_not_start_shows_the_end_of_its_log_and_can_be_mended(home: Path) -> None:
    control = home / "pg" / "global" / "pg_control"
    control.rename(home / "pg_control")
    with pytest.raises(Problem, match="pg_control"):
        EmbeddedPostgres(home).start()
    (home / "pg_control").rename(control)
    mended = EmbeddedPostgres(home)
    mended.start()
    assert mended.stop()


def test_a_log_that_has_grown_too_large_is_begun_anew(home: Path) -> None:
    large = home / "pg" / "log" / "server-Never.log"
    with large.open("wb") as file:
        file.truncate(9 * 1024 * 1024)
    server = EmbeddedPostgres(home)
    server.start()
    assert server.stop()
    assert not large.exists()


# --- places ---------------------------------------------------------------------------------------------------------------


def test_a_home_with_a_comma_gets_its_socket_elsewhere_because_libpq_would_see_two_hosts() -> None:
    assert socket_directory(EmbeddedPostgres(Path("/srv/Lawn & Garden"))) == Path("/srv/Lawn & Garden/pg")
    assert socket_directory(EmbeddedPostgres(Path("/srv/Lawn, Garden"))).parent == Path(tempfile.gettempdir()).resolve()


def test_a_home_whose_path_no_socket_can_have_gets_one_in_the_temp_directory(tmp_path: Path) -> None:
    name = 'Lawn, Garden & Co "North" $HOME ' + "x" * 100
    server = EmbeddedPostgres(tmp_path / name, settings={"fsync": "off"})
    server.start()
    sockets = socket_directory(server)
    assert sockets.parent == Path(tempfile.gettempdir()).resolve()
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert ask(server, "SELECT 1") == "1"
    assert EmbeddedPostgres(tmp_path / name).dsn() == server.dsn()
    assert server.stop()
    assert not sockets.exists()


def test_a_socket_directory_that_somebody_else_has_made_is_not_used(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("y" * 120), settings={"fsync": "off"})
    sockets = socket_directory(server)
    sockets.mkdir(mode=0o777)
    sockets.chmod(0o777)
    os.chown(sockets, account_for(tmp_path).uid, -1)  # even if it is the server's user who has left it open
    with pytest.raises(Problem, match="belongs to somebody else"):
        server.start()
    sockets.rmdir()


@only_root
def test_root_runs_it_as_somebody_else_in_a_home_that_only_root_can_enter(home: Path, server: EmbeddedPostgres) -> None:
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert home.stat().st_uid == 0
    assert Path(f"/proc/{server.postmaster_pid}").stat().st_uid == account_for(home).uid != 0


@only_root
def test_a_normal_user_needs_no_root_and_root_does_not_lock_the_user_out(tmp_path: Path) -> None:
    user = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, user.pw_uid, user.pw_gid)
        with Actor(Path(home), "nobody") as actor:
            own = int(actor.ask("start"))
            assert Path(f"/proc/{own}").stat().st_uid == user.pw_uid
            assert actor.ask("query") == "postgres"
            assert actor.ask("stop") == "True"
        server = EmbeddedPostgres(Path(home))
        server.start()
        assert Path(f"/proc/{server.postmaster_pid}").stat().st_uid == user.pw_uid
        with Actor(Path(home), "nobody") as actor:
            assert int(actor.ask("start")) == server.postmaster_pid
            assert server.stop() is False
            assert actor.ask("stop") == "True"
