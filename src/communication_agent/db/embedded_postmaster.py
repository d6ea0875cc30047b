"""The server process of a data directory: whether it answers, whether it lives, and what the dead leave behind."""

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SOCKET = ".s.PGSQL.5432"
# The shortest message that a server answers (SSLRequest in PostgreSQL's manual, "Message Formats").
_MAY_I_USE_TLS = struct.pack("!ii", 8, 80877103)
_SEGMENTS = Path("/proc/sysvipc/shm")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What postmaster.pid says about the server that runs, or ran, on a data directory."""

    pid: int
    sockets: Path
    segment: tuple[str, str] | None  # key and id of its shared memory, once there is one
    status: str

    @classmethod
    def read(cls, data: Path) -> Self | None:
        """None without a (whole) file."""
        with suppress(FileNotFoundError, ValueError, IndexError):
            lines = (data / "postmaster.pid").read_text().splitlines()
            key, _, number = lines[6].strip().partition(" ") if len(lines) > 6 else ("", "", "")
            segment = (key, number.strip()) if number else None
            return cls(int(lines[0]), data / lines[4], segment, lines[7].strip() if len(lines) > 7 else "")
        return None

    def accepts(self) -> bool:
        """Whether somebody answers on the socket, which lies where only the server can have made it.

        To connect is not enough: a killed server's last child keeps the socket open for a moment and answers nothing.
        """
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.sockets / SOCKET))
                client.sendall(_MAY_I_USE_TLS)
                return client.recv(1) != b""
            except TimeoutError:
                return True  # busy, not dead
            except OSError:
                return False

    def ready(self) -> bool:
        """Whether it answers queries."""
        return self.status == "ready" and self.accepts()

    def lives(self) -> bool:
        """Whether it, or a child that outlived it, still works on the data. A zombie does not."""
        if self.accepts():
            return True
        # Not by the pid, which may be a zombie's or by now somebody else's: PostgreSQL's own interlock is this segment.
        return _attached(self.segment, self.pid) if self.segment else _named_postgres(self.pid)


def clear_away_the_dead(data: Path, sockets: Path) -> None:
    """Remove the lock files of a server of which nothing lives any more: the pid in them may look alive to PostgreSQL.

    Where process 1 does not reap, a killed server stays a zombie; after a container's restart its pid is another's.
    """
    if not _SEGMENTS.exists():
        return  # without that table nobody can be certain, and PostgreSQL decides
    for path in (data / "postmaster.pid", sockets / SOCKET, sockets / f"{SOCKET}.lock"):
        path.unlink(missing_ok=True)


def _attached(segment: tuple[str, str], creator: int) -> bool:
    """Whether a process uses the shared memory that `creator` made; False also where the system does not say."""
    with suppress(FileNotFoundError):
        for line in _SEGMENTS.read_text().splitlines()[1:]:
            key, number, _, _, maker, _, processes, *_ = line.split()
            if ((key, number), int(maker)) == (segment, creator):
                return int(processes) > 0
    return False


def _named_postgres(pid: int) -> bool:
    with suppress(OSError):
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
        return name.endswith("(postgres") and rest.split()[0] != "Z"
    return False
