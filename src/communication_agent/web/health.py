"""`/health` says whether the loops make progress, `/metrics` what they did; neither tells a secret or a name."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from communication_agent import __version__, telemetry
from communication_agent.clock import unix_micros
from communication_agent.config import Config
from communication_agent.web.house import House

ALL = frozenset({"scheduler", "processor", "intake"})
SHORTEST_PATIENCE = 60.0  # seconds
DATABASE_PATIENCE = 2.0  # seconds

Status = Literal["ok", "starting", "stuck"]
Depth = list[Mapping[str, object]]


def intervals(config: Config, only: Collection[str]) -> dict[str, float]:
    """The background loops that run for these names of `--only`, with their intervals in seconds."""
    poll, lease = config.poll_interval_ms / 1000, config.lease_seconds / 4
    loops = {
        "scheduler": {"scheduler": 20.0, "housekeeping": 3600.0},
        "intake": {"communication_queue": min(30.0, poll * 6)},
        "processor": {"processor": poll, "lease": lease, "reconciler": lease},
    }
    return {name: interval for room in sorted(ALL & set(only)) for name, interval in loops[room].items()}


def judged(last: Mapping[str, float], intervals: Mapping[str, float], began: float, now: float) -> Status:
    """`last` good rounds by loop and the start of this process, in Unix seconds: what to make of them.

    A loop may take three intervals, and a minute at least; one without any round yet has had that long since the start.
    """
    if any(now - last.get(loop, began) > max(3 * interval, SHORTEST_PATIENCE) for loop, interval in intervals.items()):
        return "stuck"
    return "ok" if intervals.keys() <= last.keys() else "starting"


@dataclass(frozen=True, slots=True)
class Health:
    """Answers probes and scrapers."""

    house: House
    only: Collection[str]
    began: float  # Unix seconds

    def routes(self) -> list[BaseRoute]:
        """Both addresses."""
        return [Route("/health", self.health), Route("/metrics", self.metrics)]

    async def health(self, _request: Request) -> Response:
        """200 while every loop makes progress and the database answers, else 503."""
        now, depth = unix_micros() / 1e6, await self._depth()
        last = last_rounds()
        config = self.house.config
        status = judged(last, intervals(config, self.only), self.began, now) if depth is not None else "stuck"
        body = {
            "status": status,
            "mode": config.agent_mode,
            "version": __version__,
            "loops": {loop: round(now - at, 1) for loop, at in sorted(last.items())},
            "database": depth is not None,
            "jobs": _by_state(depth or []),
        }
        return JSONResponse(body, 200 if status == "ok" else 503)

    async def metrics(self, _request: Request) -> Response:
        """Prometheus text; the depth of the queue is read for each scrape."""
        depth = await self._depth()
        if depth is not None:
            telemetry.DEPTH.clear()
            for row in depth:
                telemetry.DEPTH.labels(str(row["state"]), str(row["lane"])).set(float(str(row["jobs"])))
        return Response(telemetry.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _depth(self) -> Depth | None:
        """Live jobs by state and lane, None when the database does not answer in time."""
        try:
            async with asyncio.timeout(DATABASE_PATIENCE):
                return await self.house.jobs.depth()
        except Exception:  # noqa: BLE001 - whatever is wrong with it, a probe gets its answer
            return None


def last_rounds() -> dict[str, float]:
    """The last good round of each loop of this process, in Unix seconds."""
    return {sample.labels["loop"]: sample.value for metric in telemetry.PROGRESS.collect() for sample in metric.samples}


def _by_state(depth: Depth) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in depth:
        found[str(row["state"])] = found.get(str(row["state"]), 0) + int(str(row["jobs"]))
    return found
