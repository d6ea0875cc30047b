"""The demo: two made-up dealers, two weeks that really happen, and a Monday, on a database of its own; nothing leaves the machine."""

import asyncio
import base64
import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from communication_agent.app import App, run_once
from communication_agent.clock import Clock, civil_date, civil_instant
from communication_agent.communication import Communication
from communication_agent.config import Config
from communication_agent.db.console_repository import ConsoleRepository
from communication_agent.db.embedded import EmbeddedPostgres
from communication_agent.db.message_repository import Listed
from communication_agent.db.queue_repository import Answer
from communication_agent.db.sample_dealer import GREEN_VALLEY, PRAIRIE_RIDGE, SampleCounts, SampleDealer, load_sample_dealer
from communication_agent.db.servers import DATABASE, connect, tenant_database
from communication_agent.demo_receipt import pdf
from communication_agent.domain import Send
from communication_agent.errors import Problem
from communication_agent.foresight import Foreseen
from communication_agent.policy import decide
from communication_agent.tenant import TenantSettings
from communication_agent.tenant_file import read_tenant_file
from communication_agent.web.wishes import Address, Proof, WishBook, one_click

DEALERS = (GREEN_VALLEY, PRAIRIE_RIDGE)
HISTORY_DAYS = 14
TEN = time(10)
LOOPS = frozenset({"scheduler", "processor", "intake"})
# When the program looks on the days before, once a day: 09:00 and the spread of quiet hours are over in either dealer's zone.
DAILY = time(11, 31)
AT_ONCE = 200  # messages in flight: the outbox is quick
RECEIPTS = 6
# A power cut may cost the demo everything, which is nobody's loss; without waiting for the disk it is quicker.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
NAMED = range(991, 996)  # the sample's people with a part of their own
MARKER = "made-by-the-demo"
# The settings that a demo keeps; all others are as they come, so that it tells the same story everywhere.
KEPT = frozenset(
    {"communication_agent_home", "communication_agent_key", "health_port", "web_host", "public_url", "log_format", "log_level"}
)

Tell = Callable[[str, str], None]  # what is done, and with which numbers


@dataclass(frozen=True, slots=True)
class Story:
    """What happened; messages are those of the demo's day unless it says otherwise."""

    day: date
    tenants: Sequence[TenantSettings]
    customers: int
    history: Counter[str]  # outcomes of the two weeks before
    messages: Sequence[Listed]
    outcomes: Counter[str]  # occasions: an SMS that became an email is one
    reasons: Counter[str]  # why occasions were skipped or wait
    receipts: Sequence[Answer]
    unsubscribed: Foreseen | None
    unserved: Sequence[str] = field(default_factory=tuple[str, ...])

    def about(self, customer_id: str, tenant_id: str = GREEN_VALLEY.slug) -> list[Listed]:
        """The day's messages to one customer."""
        return [m for m in self.messages if (m.customer_id, m.tenant) == (customer_id, tenant_id)]

    @property
    def rescued(self) -> list[tuple[Listed, Listed]]:
        """Texts that were refused, each with the email that went instead."""
        by_id = {message.id: message for message in self.messages}
        return [(by_id[m.fallback_of], m) for m in self.messages if m.fallback_of and m.fallback_of in by_id]


def monday_from(today: date) -> date:
    """The next Monday, today included."""
    return today + timedelta(days=-today.weekday() % 7)


def ten_o_clock(day: date) -> datetime:
    """The instant that the demo pretends: 10:00 at the first dealer's."""
    return civil_instant(day, TEN, read_tenant_file(DEALERS[0].tenant_file).zone)


def demo_day(now: datetime) -> date:
    """The civil date at the first dealer's."""
    return civil_date(now, read_tenant_file(DEALERS[0].tenant_file).zone)


def overrides(home: Path, now: datetime, port: int) -> dict[str, object]:
    """Settings of a demo in `home`: never the operator's own database, key, mode or thresholds."""
    fields = {name: field.get_default(call_default_factory=True) for name, field in Config.model_fields.items() if name not in KEPT}
    own = {"communication_agent_home": home, "communication_agent_now": now, "max_concurrent_jobs": AT_ONCE, "health_port": port}
    return {**fields, **own}


@contextmanager
def stage(home: Path) -> Generator[None]:
    """An empty installation in `home` with its server running, for one demo at a time; what an earlier one left there goes.

    Raises Problem CA-602 for a directory that holds anything else, or in which a demo plays: nothing but a demo's own is ever deleted.
    """
    marker = _marked(home)
    lock = os.open(marker, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        do = "end it, or let this one play elsewhere: communication-agent demo --keep DIR"
        raise Problem("CA-602", f"A demo is playing in {home} already.", "two would spoil each other's stage", do) from error
    try:
        server = _emptied(home)
        yield
        server.stop()
    finally:
        os.close(lock)


def _marked(home: Path) -> Path:
    marker = home / MARKER
    if home.is_dir() and any(home.iterdir()) and not marker.exists():
        raise Problem(
            "CA-602",
            f"{home} is not a demo's directory.",
            "it holds something else, and a demo begins by deleting what lies in its directory",
            "name an empty or a new directory with --keep",
        )
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        marker.touch(mode=0o600)
    except OSError as error:
        do = "name a directory of yours: communication-agent demo --keep DIR"
        raise Problem("CA-504", f"{home} cannot be used.", error.strerror or str(error), do) from error
    return marker


def _emptied(home: Path) -> EmbeddedPostgres:
    shutil.rmtree(home / "outbox", ignore_errors=True)
    server = EmbeddedPostgres(home, settings=FORGETFUL)
    try:
        server.start()
    except Problem:
        # Of another version, or spoilt by a power cut: a demo's data are nobody's loss.
        shutil.rmtree(home / "pg", ignore_errors=True)
        server.start()
    for name in (DATABASE, *(tenant_database(dealer.slug) for dealer in DEALERS)):
        server.drop_database(name)
    server.create_database(DATABASE)
    return server


async def play(app: App, now: datetime, tell: Tell) -> tuple[App, Story]:
    """Everything up to this instant; the App that stands there, and what happened."""
    day = demo_day(now)
    counts = await asyncio.gather(*(_open_shop(app, dealer, day) for dealer in DEALERS))
    tenants = [await app.tenants.load(dealer.slug) for dealer in DEALERS]
    for tenant, numbers in zip(tenants, counts, strict=True):
        tell(tenant.name, f"{numbers.customers:,} customers, {numbers.machines:,} machines, {numbers.work_orders:,} work orders")
    unsubscribed = await _unsubscribe(app, tenants[0], day)
    await _two_weeks(app, tenants[0], day)
    before = _occasions(await _messages(app, tenants))
    tell(f"{HISTORY_DAYS} days of history", f"{before.total():,} messages decided, {before['sent']:,} sent")
    today = at(app, now)
    receipts = await _receipts(today, tenants[0], day)
    unserved = await run_once(today, LOOPS)
    messages = [m for m in await _messages(app, tenants) if civil_date(m.created_at, tenants[0].zone) >= day]
    replaced = _replaced(messages)
    story = Story(
        day=day,
        tenants=tenants,
        customers=sum(numbers.customers for numbers in counts),
        history=before,
        messages=messages,
        outcomes=_occasions(messages),
        reasons=Counter(m.reason or "" for m in messages if m.id not in replaced and m.outcome in {"skipped", "waiting"}),
        receipts=receipts,
        unsubscribed=unsubscribed,
        unserved=unserved,
    )
    tell("Today", f"{story.outcomes.total()} occasions, {story.outcomes['sent']} sent")
    return today, story


def at(app: App, now: datetime) -> App:
    """The same App at another pretended instant."""
    clock = Clock.pretending(now)
    return replace(app, clock=clock, processor=replace(app.processor, clock=clock), reconciler=replace(app.reconciler, clock=clock))


async def _open_shop(app: App, dealer: SampleDealer, day: date) -> SampleCounts:
    await app.tenants.save(
        read_tenant_file(dealer.tenant_file), at(app, ten_o_clock(day - timedelta(days=HISTORY_DAYS))).clock.now()
    )
    dsn = await app.central.tenant_embedded_dsn(dealer.slug)
    async with await connect(dsn) as conn:
        return await load_sample_dealer(conn, dealer=dealer, today=day)


async def _two_weeks(app: App, tenant: TenantSettings, day: date) -> None:
    for back in range(HISTORY_DAYS, 0, -1):
        await run_once(at(app, civil_instant(day - timedelta(days=back), DAILY, tenant.zone)), LOOPS)


async def _unsubscribe(app: App, tenant: TenantSettings, day: date) -> Foreseen | None:
    """Two evenings before, one of those whose tune-up is due on the day clicks "unsubscribe" in an earlier mail."""
    evening = at(app, civil_instant(day - timedelta(days=2), time(18, 12), tenant.zone))
    found = await app.foresight.scan(tenant, app.communications["annual_tuneup"], day, evening.clock.now())
    for one in found:
        verdict = decide(one.file.case) if one.file and int(one.customer_id) not in NAMED else None
        if isinstance(verdict, Send):
            address = Address(tenant.id, one.customer_id, verdict.channel, app.consents.hash(verdict.channel, verdict.address))
            book = WishBook(evening, ConsoleRepository())
            proof = Proof("one-click unsubscribe", "customer", "List-Unsubscribe=One-Click")
            await book.write(address, one_click(await book.read(address)), proof, evening.clock.now())
            return one
    return None


async def _receipts(app: App, tenant: TenantSettings, day: date) -> list[Answer]:
    """What the till asks for: a receipt for each of the last buyers, and a row that lacks its number."""
    kind = app.communications["seven_day_checkin"]
    buyers = [f for back in range(1, 6) for f in await _bought(app, tenant, kind, day - timedelta(days=back))]
    rows: list[object] = [_receipt(tenant, buyer, number, day) for number, buyer in enumerate(buyers[:RECEIPTS])]
    broken = {
        "external_id": "till-99",
        "communication": "purchase_receipt",
        "customer_id": "991",
        "facts": {"purchase_total": "$31.50"},
    }
    return await app.queue.push(tenant, [*rows, broken], app.clock.now())


async def _bought(app: App, tenant: TenantSettings, check_in: Communication, day: date) -> list[Foreseen]:
    # Whoever hears from us seven days later bought on that day.
    return await app.foresight.scan(tenant, check_in, day + timedelta(days=7), app.clock.now())


def _receipt(tenant: TenantSettings, buyer: Foreseen, number: int, day: date) -> dict[str, object]:
    reference, total = f"R-{88213 + number}", f"${349 + 1250 * (number % 5):,}.00"
    page = pdf(
        tenant.name,
        [
            tenant.address,
            tenant.phone,
            "",
            f"Receipt {reference}",
            f"{day:%B} {day.day}, {day.year}",
            "",
            f"Total {total}",
            "Thank you!",
        ],
    )
    return {
        "external_id": f"till-{88213 + number}",
        "communication": "purchase_receipt",
        "customer_id": buyer.customer_id,
        "equipment_id": buyer.equipment_ids[0],
        "facts": {"receipt_number": reference, "purchase_total": total},
        "attachments": [{"filename": f"receipt-{reference}.pdf", "content_base64": base64.b64encode(page).decode()}],
    }


async def _messages(app: App, tenants: Sequence[TenantSettings]) -> list[Listed]:
    async with app.central.engine() as conn:
        return [message for tenant in tenants for message in await app.messages.list(conn, tenant.id)]


def _replaced(messages: Sequence[Listed]) -> set[object]:
    return {message.fallback_of for message in messages if message.fallback_of}


def _occasions(messages: Sequence[Listed]) -> Counter[str]:
    replaced = _replaced(messages)
    return Counter(message.outcome for message in messages if message.id not in replaced)
