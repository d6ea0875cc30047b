"""What a measurement ran on, and how much processor time a PostgreSQL server has used."""

import os
import platform
import resource
from pathlib import Path

_PROC = Path("/proc")


def described() -> str:
    """The machine in one line: processor, cores that this process may use, system, Python."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def server_cpu_seconds(postmaster: int) -> float | None:
    """Processor time of a PostgreSQL server, its living and its ended children included; None where there is no /proc."""
    if not (_PROC / "self" / "stat").exists():
        return None
    own = _stat(postmaster)
    if own is None:
        return None
    children = [stat for pid in _pids() if (stat := _stat(pid)) and stat[1] == str(postmaster)]
    ended = int(own[13]) + int(own[14])
    ticks = ended + sum(int(stat[11]) + int(stat[12]) for stat in [own, *children])
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> float:
    """Processor time that this process has used, its threads' included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def file_cost_us(folder: Path, files: int = 1000) -> float:
    """Processor time in µs that this process spends on making one empty file: on some machines the dearest part of a message."""
    names = [folder / f"made-to-measure-{number}" for number in range(files)]
    before = cpu_seconds()
    for name in names:
        name.open("xb").close()
    spent = cpu_seconds() - before
    for name in names:
        name.unlink()
    return spent / files * 1e6


def _pids() -> list[int]:
    return [int(path.name) for path in _PROC.iterdir() if path.name.isdecimal()]


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on, None for a process that has gone."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _processor() -> str:
    try:
        lines = (_PROC / "cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
