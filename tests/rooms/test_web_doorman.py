"""Who may ask for what: names, neighbours and forms, and what every answer carries."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from io import StringIO

import pytest
import structlog

from communication_agent import telemetry
from communication_agent.app import App
from support.house import MONDAY, DealerRows, everything, house_at, listed
from support.web import BASE, FORM, visitor

SCREENS = ("/t/hilltop", "/t/hilltop/messages", "/t/hilltop/customers", "/nothing", "/t/nobody", "/p/forged", "/health", "/metrics")


OWN = ("127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "127.0.0.1")
FOREIGN = (
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "localhost.",
    "0.0.0.0",
    "",
    "a b",
)
HANDED_ON = ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP")
# What a browser says of a form that no page of ours has sent; the first says nothing, and is none.
STRANGE: tuple[dict[str, str], ...] = (
    {},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": BASE, "sec-fetch-site": "cross-site"},
    {"origin": "http://127.0.0.1:9999"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
)


async def test_the_console_answers_to_this_machines_own_names(house: App) -> None:
    async with visitor(house) as client:
        for host in OWN:
            assert (await client.get("/t/hilltop", headers={"host": host})).status_code == 200, host


async def test_a_page_elsewhere_that_gives_its_own_name_our_address_reads_nothing(house: App) -> None:
    async with visitor(house) as client:
        for host in FOREIGN:
            for path in SCREENS:
                answer = await client.get(path, headers={"host": host})
                assert answer.status_code == 421, (host, path)
                assert "Hilltop" not in answer.text


async def test_the_public_name_reaches_the_preference_page_and_nothing_else(house: App) -> None:
    config = house.config.model_copy(update={"public_url": "https://mail.dealer.example"})
    async with house_at(config, MONDAY) as app, visitor(app) as client:
        reached = {path: (await client.get(path, headers={"host": "mail.dealer.example"})).status_code for path in SCREENS}

    assert reached == {path: 404 if path == "/p/forged" else 403 for path in SCREENS}


async def test_what_a_web_server_hands_on_from_outside_is_not_taken_for_this_machine(house: App) -> None:
    async with visitor(house) as client:
        for header in HANDED_ON:
            assert (await client.get("/t/hilltop", headers={header: "203.0.113.9"})).status_code == 403, header
            assert (await client.get("/p/forged", headers={header: "203.0.113.9"})).status_code == 404, header


async def test_only_a_page_of_ours_may_send_the_console_a_form(house: App) -> None:
    async with visitor(house) as client:
        for headers in STRANGE:
            for method in ("POST", "PUT", "DELETE", "OPTIONS"):
                answer = await client.request(method, "/t/hilltop/customer?id=1", headers=headers)
                assert answer.status_code == 403, (headers, method)
                assert "not sent by a page of this program" in answer.text
        assert (await client.request("DELETE", "/t/hilltop/customer?id=1", headers=FORM)).status_code == 405


async def test_every_answer_forbids_scripts_frames_and_copies_that_are_not_ours(house: App) -> None:
    async with visitor(house) as client:
        for path in (*SCREENS, "/static/console.css"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; "), path
            assert "unsafe-inline" not in policy
            assert "unsafe-eval" not in policy
            assert "frame-ancestors 'none'" in policy
            assert "base-uri 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert "noindex" in headers["x-robots-tag"]
            kept = "immutable" if path.startswith("/static/") else "no-store"
            assert kept in headers["cache-control"]


async def test_a_form_without_an_end_is_cut_short(house: App) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 1024

    async with visitor(house) as client:
        kind = {"content-type": "application/x-www-form-urlencoded"}
        assert (await client.post("/p/forged", content=b"x" * 70_000, headers=kind)).status_code == 413
        assert (await client.post("/t/hilltop/customer?id=1", content=endless(), headers={**FORM, **kind})).status_code == 413


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What the program logs, as JSON lines."""
    stream = StringIO()
    telemetry.configure("json", "INFO", stream)
    yield stream
    structlog.reset_defaults()


async def test_a_page_that_breaks_tells_nothing_of_what_it_held(house: App, dealer: DealerRows, log: StringIO) -> None:
    await dealer.bought(MONDAY.date() - timedelta(days=7))
    await everything(house)
    (message,) = await listed(house)
    async with house.central.engine() as conn:
        await conn.execute('UPDATE messages SET payload = \'{"secret": "karen@mail.example"}\'')

    async with visitor(house) as client:
        answer = await client.get(f"/t/hilltop/messages/{message.id}")

    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "karen" not in answer.text
    assert "Traceback" not in answer.text
    told = log.getvalue()
    assert '"path": "/t"' in told
    assert "KeyError" in told
    assert "karen" not in told
