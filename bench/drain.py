"""How fast one worker process empties a full queue: the real job processor, gate, words, two phases, outbox.

N customers of a made-up dealer are due for their check-in; the real scan makes N jobs in the embedded PostgreSQL (fsync on).
Then a fresh worker process drains them. Its clock starts when its databases are open and stops after the last message.
Its processor time includes one file a message in the outbox, whose bare cost on this machine stands beside it.
Afterwards every message is counted: in the history, in the outbox, in the ledger, in the trail; a wrong count is a failure.
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Literal

from bench import machine, page
from communication_agent import telemetry
from communication_agent.app import App, opened, run_once
from communication_agent.config import Config, load
from communication_agent.db.embedded import EmbeddedPostgres
from communication_agent.tenant import TenantSettings

NAME = "drain"
TENANT = "hilltop"
TYPE = "seven_day_checkin"
NOW = datetime.fromisoformat("2026-11-23T10:00:00-05:00")

# A customer with two addresses, a machine bought a week ago, an older one, and a work order that is done.
ROWS = """
INSERT INTO customers (id, first_name, last_name, postal_code, state, email_consent)
SELECT n, (ARRAY['Karen', 'Luis', 'Amy', 'Robert', 'Dana', 'Marcus'])[1 + n % 6], 'Smith ' || n, '43015', 'OH', true
FROM generate_series(1, {count}) n;
INSERT INTO emails (customer_id, address, is_primary)
SELECT n, 'customer' || n || '@mail.example', true FROM generate_series(1, {count}) n;
INSERT INTO phones (customer_id, number, is_primary)
SELECT n, '+1614555' || lpad((n % 10000)::text, 4, '0'), true FROM generate_series(1, {count}) n;
INSERT INTO equipment (id, customer_id, make, model, kind, power_source, serial_number, purchase_date)
SELECT n, n, 'Meadowlark', 'ZT-48', 'zero-turn mower', 'gas', 'MLZ48-' || n, {today} - 7 FROM generate_series(1, {count}) n
UNION ALL
SELECT {count} + n, n, 'Meadowlark', 'LT-42', 'lawn tractor', 'gas', 'MLL42-' || n, {today} - 700 FROM generate_series(1, {count}) n;
INSERT INTO work_orders (id, number, customer_id, equipment_id, kind, status, opened_at, completed_at)
SELECT n, 'WO-' || n, n, {count} + n, 'service', 'completed', {today} - interval '90 days', {today} - interval '88 days'
FROM generate_series(1, {count}) n;
ANALYZE;
"""

COUNTS = """
SELECT (SELECT count(*) FROM communication_history WHERE outcome = 'sent') AS sent,
       (SELECT count(*) FROM communication_history WHERE outcome <> 'sent') AS otherwise,
       (SELECT count(*) FROM communication_jobs) AS left_over,
       (SELECT count(DISTINCT customer_id) FROM communication_history WHERE outcome = 'sent') AS customers,
       (SELECT count(*) FROM messages WHERE sent_at IS NOT NULL) AS messages,
       (SELECT count(*) FROM occasions) AS occasions,
       (SELECT count(*) FROM job_transitions WHERE to_state = 'dispatching') AS dispatched
"""


@dataclass(frozen=True, slots=True)
class Drained:
    """What a worker says about itself."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Run:
    """One drain of `jobs` jobs."""

    jobs: int
    enqueue_seconds: float
    worker: Drained
    server_cpu_seconds: float | None
    file_us: float  # what one empty file costs beside the outbox
    load: float  # how many processes wanted to run on the machine before

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.jobs / self.worker.seconds

    @property
    def cells(self) -> list[str]:
        """The figures as a row."""
        server = self.server_cpu_seconds
        return [
            f"{self.rate:,.0f}",
            f"{self.worker.seconds:.2f}",
            f"{self.worker.cpu_seconds / self.jobs * 1e6:,.0f}",
            "" if server is None else f"{server / self.jobs * 1e6:,.0f}",
            f"{self.worker.peak_mb:.0f}",
            f"{self.file_us:,.0f}",
            f"{self.jobs / self.enqueue_seconds:,.0f}",
            f"{self.load:.1f}",
        ]


HEADS = (
    "run",
    "messages/s",
    "seconds",
    "CPU µs a message: worker",
    "PostgreSQL",
    "worker's peak MB",
    "CPU µs of one empty file here",
    "scan and enqueue, jobs/s",
    "load before",
)


def main(words: list[str]) -> int:
    """Measure, print, and write with --write; 1 when a count is wrong."""
    options = _options(words)
    runs: list[Run] = []
    for number in range(options.runs):
        run, wrong = _measured(options)
        if wrong:
            print(f"run {number + 1}: wrong counts: {wrong}", file=sys.stderr)
            return 1
        print(f"run {number + 1}: " + ", ".join(f"{head} {cell}" for head, cell in zip(HEADS[1:], run.cells, strict=True)))
        runs.append(run)
    section = _section(options, runs)
    print(f"\n{section}")
    if options.write:
        print(f"written to {page.put(NAME, section)}")
    return 0


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench drain", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=5000, help="messages to send in a run (5000)")
    parser.add_argument("--concurrent", type=int, default=200, help="MAX_CONCURRENT_JOBS (200)")
    parser.add_argument("--runs", type=int, default=3, help="the median of so many counts (3)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--profile", action="store_true", help="show where the worker's time goes; slows it down")
    parser.add_argument("--worker", type=Path, metavar="HOME", help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _measured(options: argparse.Namespace) -> tuple[Run, dict[str, int]]:
    """One drain on a server and files of its own, and the counts that are not as they have to be."""
    with tempfile.TemporaryDirectory(prefix="bench-drain-") as folder:
        home = Path(folder)
        server = EmbeddedPostgres(home)
        server.start()
        try:
            enqueue_seconds = asyncio.run(_set_up(home, options.jobs))
            load, before = os.getloadavg()[0], machine.server_cpu_seconds(server.postmaster_pid or 0)
            worker = _work_in_a_process_of_its_own(home, options)
            after = machine.server_cpu_seconds(server.postmaster_pid or 0)
            cpu = None if before is None or after is None else after - before
            file_us = machine.file_cost_us(home)
            return Run(options.jobs, enqueue_seconds, worker, cpu, file_us, load), asyncio.run(_wrong_counts(home, options.jobs))
        finally:
            server.stop()


async def _set_up(home: Path, jobs: int) -> float:
    """Make the dealer and the jobs; the seconds that scan and enqueue took."""
    async with opened(_config(home, 1)) as app:
        tenant = _tenant()
        await app.tenants.save(tenant, app.clock.now())
        await _fill(await app.central.tenant_embedded_dsn(TENANT), jobs, NOW.date())
        began = time.perf_counter()
        counts = await app.scheduler.enqueue(tenant, app.communications[TYPE], NOW.date(), app.clock.now())
        seconds = time.perf_counter() - began
    if counts != {"found": jobs, "enqueued": jobs}:
        raise RuntimeError(f"the scan was to make {jobs} jobs and made {counts}")
    return seconds


async def _fill(dsn: str, count: int, today: date) -> None:
    async with await AsyncConnection.connect(dsn, autocommit=True) as conn:
        await conn.execute(SQL(ROWS).format(count=Literal(count), today=Literal(today)))


def _work_in_a_process_of_its_own(home: Path, options: argparse.Namespace) -> Drained:
    words = ["--worker", str(home), "--concurrent", str(options.concurrent), *(["--profile"] if options.profile else [])]
    command = [sys.executable, "-m", "bench.drain", *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - this very script
    return Drained(**json.loads(done.stdout))


def _work(options: argparse.Namespace) -> int:
    """The worker process: prints a Drained as JSON."""
    telemetry.configure("json", "INFO")
    profile = cProfile.Profile() if options.profile else None
    drained = asyncio.run(_drain(_config(options.worker, options.concurrent), profile))
    if profile:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(40)
    print(json.dumps(asdict(drained)))
    return 0


async def _drain(config: Config, profile: cProfile.Profile | None) -> Drained:
    async with opened(config) as app:
        before, began = machine.cpu_seconds(), time.perf_counter()
        if profile:
            profile.enable()
        await run_once(app, frozenset({"processor"}))
        if profile:
            profile.disable()
        return Drained(time.perf_counter() - began, machine.cpu_seconds() - before, _peak_mb())


async def _wrong_counts(home: Path, jobs: int) -> dict[str, int]:
    async with opened(_config(home, 1)) as app:
        found = await _counts(app)
    found["files"] = sum(1 for _ in (home / "outbox" / TENANT).glob("*.eml"))
    right = dict.fromkeys(found, jobs) | {"otherwise": 0, "left_over": 0}
    return {name: value for name, value in found.items() if value != right[name]}


async def _counts(app: App) -> dict[str, int]:
    async with app.central.engine() as conn, conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(COUNTS)
        (row,) = await cursor.fetchall()
    return {name: int(value) for name, value in row.items()}


def _config(home: Path, concurrent: int) -> Config:
    return load(
        _env_file=None,
        central_db_url=None,
        communication_agent_home=home,
        communication_agent_now=NOW,
        max_concurrent_jobs=concurrent,
    )


def _tenant() -> TenantSettings:
    return TenantSettings.model_validate({
        "id": TENANT,
        "name": "Hilltop Mowers",
        "sms_name": "Hilltop",
        "time_zone": "America/New_York",
        "phone": "(614) 555-0142",
        "address": "2100 Mill Road, Delaware, OH 43015",
        "hours": "Mon-Fri 8-5:30, Sat 8-1",
        "sender_name": "Dana Whitfield",
        "booking_url": "https://hilltop.example/book",
        "database": {"embedded": True},
        "email": {"from": "Hilltop Mowers <service@hilltop.example>", "reply_to": "dana@hilltop.example"},
    })  # fmt: skip


def _peak_mb() -> float:
    # Linux counts in kilobytes, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)


def _section(options: argparse.Namespace, runs: list[Run]) -> str:
    rows = [[str(number), *run.cells] for number, run in enumerate(runs, 1)]
    median = sorted(runs, key=lambda run: run.rate)[len(runs) // 2]
    rows.append(["**median**", *(f"**{cell}**" for cell in median.cells)])
    return f"""\
## {NAME}: one worker process empties a full queue

{" ".join((__doc__ or "").split())}

`python -m bench {NAME} --jobs {options.jobs} --concurrent {options.concurrent} --runs {options.runs}` on {machine.described()}.

{page.table(HEADS, rows)}"""


if __name__ == "__main__":
    given = _options(sys.argv[1:])
    sys.exit(_work(given) if given.worker else main(sys.argv[1:]))
