"""Which PostgreSQL is taken, and that its programs can be run."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from communication_agent.db import embedded_binaries
from communication_agent.db.embedded import EmbeddedPostgres
from communication_agent.db.embedded_binaries import account_for, find_programs
from communication_agent.errors import Problem


def test_the_programs_of_the_version_that_made_the_data_are_taken(tmp_path: Path) -> None:
    account = account_for(tmp_path)
    assert find_programs(None, account).major == 18
    assert find_programs(None, account, 16).major == 16
    with pytest.raises(Problem, match="PostgreSQL 17"):
        find_programs(find_programs(None, account).bin, account, 17)


def test_without_the_wheel_the_programs_on_the_path_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = find_programs(None, account_for(tmp_path)).bin
    (tmp_path / "initdb").symlink_to(wheel / "initdb")
    monkeypatch.setattr(embedded_binaries, "WHEEL", "no_such_wheel")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_programs(None, account_for(tmp_path)).bin == wheel


def test_a_directory_that_was_named_is_the_only_one_that_is_tried(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="does not hold initdb") as told:
        EmbeddedPostgres(tmp_path, binaries=tmp_path).start()
    assert told.value.code == "CA-309"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can reach what others cannot")
def test_programs_that_only_root_can_reach_are_run_from_a_copy(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = find_programs(None, account_for(tmp_path)).bin.parents[1]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(package / "pginstall18", closed / package.name / "pginstall18")
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    with tempfile.TemporaryDirectory() as copies:
        Path(copies).chmod(0o755)
        monkeypatch.setattr(embedded_binaries, "COPIES", Path(copies))
        server = EmbeddedPostgres(tmp_path / "home", binaries=closed / package.name / "pginstall18", settings={"fsync": "off"})
        server.start()
        program = Path(f"/proc/{server.postmaster_pid}/exe").readlink()
        assert server.stop()
        assert program.is_relative_to(copies)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
