"""Probes: ready only while every loop makes progress, and never a secret or a name."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from communication_agent import telemetry
from communication_agent.app import App, _loops
from communication_agent.clock import unix_micros
from communication_agent.web.health import intervals, judged
from support.house import MONDAY, DealerRows, at, everything, house_at
from support.web import visitor

EVERY = {"scheduler": 20.0, "processor": 5.0, "housekeeping": 3600.0}
START, NOW = 1000.0, 5000.0


@pytest.fixture(autouse=True)
def rounds() -> Iterator[None]:
    """Each test begins in a process whose loops have not run yet."""
    telemetry.PROGRESS.clear()
    yield
    telemetry.PROGRESS.clear()


@pytest.mark.parametrize(
    ("ages", "seconds_up", "status"),
    [
        ({"scheduler": 1, "processor": 1, "housekeeping": 1}, 4000, "ok"),
        ({"scheduler": 59, "processor": 59, "housekeeping": 10_000}, 40_000, "ok"),
        ({"scheduler": 61, "processor": 1, "housekeeping": 1}, 4000, "stuck"),
        ({"scheduler": 1, "processor": 61, "housekeeping": 1}, 4000, "stuck"),
        ({"scheduler": 1, "processor": 1, "housekeeping": 10_801}, 40_000, "stuck"),
        ({}, 10, "starting"),
        ({"scheduler": 1, "processor": 1}, 30, "starting"),
        ({"scheduler": 1, "housekeeping": 1}, 61, "stuck"),
    ],
)
def test_a_loop_may_miss_three_rounds_and_a_minute_at_least(ages: dict[str, float], seconds_up: float, status: str) -> None:
    last = {loop: NOW - age for loop, age in ages.items()}
    assert judged(last, EVERY, NOW - seconds_up, NOW) == status


def test_a_process_without_loops_is_well() -> None:
    assert judged({}, {}, START, NOW) == "ok"


@pytest.mark.parametrize("only", [{"scheduler"}, {"intake"}, {"processor"}, {"scheduler", "processor", "intake", "web"}])
async def test_the_probe_watches_exactly_the_loops_that_run(house: App, only: set[str]) -> None:
    running = {loop.name: loop.interval for loop, _ in _loops(house, frozenset(only))}
    assert intervals(house.config, only) == running


async def _progress(house: App, age: float = 0.0) -> None:
    for loop in intervals(house.config, {"scheduler", "processor", "intake"}):
        telemetry.loop_progressed(loop, unix_micros() / 1e6 - age)


async def test_health_is_ready_while_the_loops_run_and_counts_the_live_jobs(house: App, dealer: DealerRows) -> None:
    night = MONDAY + timedelta(hours=13)
    await dealer.bought(night.date() - timedelta(days=7))
    await everything(at(house, night))
    await _progress(house)

    async with visitor(house) as client:
        answer = await client.get("/health")

    assert answer.status_code == 200
    document = answer.json()
    assert document["status"] == "ok"
    assert document["mode"] == "legacy"
    assert document["database"] is True
    assert document["jobs"] == {"scheduled": 1}
    assert set(document["loops"]) == {"scheduler", "communication_queue", "processor", "lease", "reconciler", "housekeeping"}
    assert all(0 <= seconds < 5 for seconds in document["loops"].values())


async def test_health_says_starting_then_stuck_and_is_not_ready_in_either(house: App) -> None:
    async with visitor(house) as client:
        starting = await client.get("/health")
        await _progress(house)
        telemetry.loop_progressed("processor", unix_micros() / 1e6 - 3600)
        stuck = await client.get("/health")

    assert (starting.status_code, starting.json()["status"]) == (503, "starting")
    assert (stuck.status_code, stuck.json()["status"]) == (503, "stuck")


async def test_health_is_not_ready_without_its_database(house: App) -> None:
    await _progress(house)
    async with house_at(house.config, MONDAY) as app, visitor(app) as client:
        await app.central.close()
        answer = await client.get("/health")
        metrics = await client.get("/metrics")

    assert (answer.status_code, answer.json()["status"], answer.json()["database"]) == (503, "stuck", False)
    assert metrics.status_code == 200


async def test_neither_health_nor_metrics_tell_a_name_an_address_or_a_secret(house: App, dealer: DealerRows) -> None:
    await dealer.bought(MONDAY.date() - timedelta(days=7), email="karen@mail.example", first_name="Karen")
    await everything(house)

    async with visitor(house) as client:
        told = (await client.get("/health")).text + (await client.get("/metrics")).text

    assert 'communication_messages_total{channel="email"' in told
    for private in ("karen", "mail.example", "hilltop", "Hilltop", "555-01", "postgres", house.config.home.name):
        assert private not in told


async def test_metrics_show_the_depth_of_the_queue_as_it_is_at_the_scrape(house: App, dealer: DealerRows) -> None:
    night = MONDAY + timedelta(hours=13)
    await dealer.bought(night.date() - timedelta(days=7))
    await everything(at(house, night))

    async with visitor(house) as client:
        waiting = (await client.get("/metrics")).text
        await everything(at(house, night + timedelta(hours=10)))
        sent = (await client.get("/metrics")).text

    assert 'communication_jobs{lane="1",state="scheduled"} 1.0' in waiting
    assert "communication_jobs{" not in sent
