"""How long this process has been running, as people with a stopwatch would measure it."""

import os
import time
from pathlib import Path

from communication_agent.clock import boot_seconds

_LOADED = time.monotonic()


def since_start() -> float:
    """Seconds since the process started; where the system does not tell, since this module was loaded."""
    try:
        after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        return boot_seconds() - int(after_name[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return time.monotonic() - _LOADED
