"""The sample dealers and the views: what their descriptions promise, on a real PostgreSQL."""

import asyncio
import re
import tomllib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path
from typing import LiteralString
from uuid import uuid4

import phonenumbers
import psycopg
import pytest
from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from communication_agent.db.embedded import EmbeddedPostgres
from communication_agent.db.sample_dealer import (
    GREEN_VALLEY,
    PRAIRIE_RIDGE,
    SampleCounts,
    SampleDealer,
    load_reference_schema,
    load_sample_dealer,
)
from communication_agent.tenant import TenantSettings

ROOT = Path(__file__).parents[2]
MONDAY = date(2026, 11, 23)
KAREN, MARCUS, PRIYA, WALTER, ROSA = 991, 992, 993, 994, 995
FEW = replace(GREEN_VALLEY, customers=1_000, machines=200, work_orders=300)  # enough for the named people

COLUMNS = {
    "comm_customers": "id first_name last_name company language postal_code state time_zone created_at do_not_contact"
    " preferred_channel email_consent sms_consent sms_consent_at",
    "comm_emails": "customer_id address is_primary status",
    "comm_phones": "customer_id number is_primary status",
    "comm_equipment": "id customer_id make model kind power_source serial_number purchase_date warranty_end machine_hours"
    " hours_read_at disposed_at",
    "comm_work_orders": "id number customer_id equipment_id kind status opened_at completed_at picked_up_at summary",
    "comm_hour_readings": "equipment_id read_at hours",
}

# The audiences of the data design, written once more, so that the sample does not depend on the product's own SQL.
OWNED: LiteralString = "(e.disposed_at IS NULL OR (e.disposed_at AT TIME ZONE %(zone)s)::date > %(day)s)"
FINISHED_SERVICE: LiteralString = "w.equipment_id = e.id AND w.kind = 'service' AND w.status IN ('completed', 'picked_up')"
MACHINES: LiteralString = "SELECT e.customer_id, e.id FROM comm.comm_equipment e WHERE " + OWNED + " AND "
NO_ORDER: LiteralString = "NOT EXISTS (SELECT FROM comm.comm_work_orders w WHERE "
READ_LATELY: LiteralString = "(e.hours_read_at AT TIME ZONE %(zone)s)::date BETWEEN %(day)s::date - 60 AND %(day)s"
CHECK_IN: LiteralString = (
    MACHINES + "e.purchase_date = %(day)s::date - 7 AND " + NO_ORDER + "w.equipment_id = e.id AND w.status = 'open')"
)
TUNE_UP: LiteralString = (
    MACHINES
    + "EXISTS (SELECT FROM generate_series(1, 12) n WHERE (e.purchase_date + make_interval(years => n))::date = %(day)s::date + 14) AND "
    + NO_ORDER
    + "w.equipment_id = e.id AND w.kind = 'service' AND (w.opened_at AT TIME ZONE %(zone)s)::date BETWEEN %(day)s::date - 60 AND %(day)s)"
)
FIRST_SERVICE: LiteralString = (
    MACHINES + "e.machine_hours >= 20 AND e.machine_hours < 100 AND " + READ_LATELY + " AND " + NO_ORDER + FINISHED_SERVICE + ")"
)
USAGE_SERVICE: LiteralString = (
    MACHINES
    + "e.machine_hours >= 100 AND "
    + READ_LATELY
    + " AND "
    + NO_ORDER
    + FINISHED_SERVICE
    + """ AND coalesce(w.completed_at, w.picked_up_at) >= (
        SELECT min(r.read_at) FROM comm.comm_hour_readings r
        WHERE r.equipment_id = e.id AND r.hours >= floor(e.machine_hours / 100) * 100))"""
)
WARRANTY: LiteralString = MACHINES + "e.warranty_end = %(day)s::date + 30"
TRADE_IN: LiteralString = (
    MACHINES
    + """e.purchase_date + interval '8 years' <= %(day)s AND 3 <= (
        SELECT count(*) FROM comm.comm_work_orders w
        WHERE w.equipment_id = e.id AND w.kind = 'repair' AND w.status IN ('completed', 'picked_up'))"""
)
SURVEY: LiteralString = """
    SELECT customer_id, id FROM comm.comm_work_orders
    WHERE picked_up_at >= (%(day)s::date - 3 + time '06:00') AT TIME ZONE %(zone)s
      AND picked_up_at < (%(day)s::date - 2 + time '06:00') AT TIME ZONE %(zone)s"""
WIN_BACK: LiteralString = """
    SELECT customer_id, NULL FROM (
        SELECT customer_id, purchase_date AS day FROM comm.comm_equipment
        UNION ALL SELECT customer_id, (opened_at AT TIME ZONE %(zone)s)::date FROM comm.comm_work_orders
        UNION ALL SELECT customer_id, (picked_up_at AT TIME ZONE %(zone)s)::date FROM comm.comm_work_orders
    ) a GROUP BY customer_id HAVING (max(day) + interval '1 year')::date BETWEEN %(day)s::date - 6 AND %(day)s"""
SENDABLE: LiteralString = """
    SELECT count(*) FROM comm.comm_customers c
    WHERE c.id = ANY (%s) AND NOT c.do_not_contact AND c.email_consent IS DISTINCT FROM false
      AND EXISTS (SELECT FROM comm.comm_emails m WHERE m.customer_id = c.id AND coalesce(m.status, 'active') = 'active')"""

Database = Connection[TupleRow]
Load = Callable[[SampleDealer, date], str]


async def _load(dsn: str, dealer: SampleDealer, today: date) -> SampleCounts:
    async with await AsyncConnection.connect(dsn, autocommit=True) as conn:
        await load_reference_schema(conn)
        return await load_sample_dealer(conn, dealer=dealer, today=today)


@contextmanager
def _databases(postgres: EmbeddedPostgres) -> Generator[Load]:
    made: list[str] = []

    def load(dealer: SampleDealer, today: date) -> str:
        made.append(f"sample_{uuid4().hex}")
        postgres.create_database(made[-1])
        dsn = postgres.dsn(made[-1])
        asyncio.run(_load(dsn, dealer, today))
        return dsn

    yield load
    for name in made:
        postgres.drop_database(name)


@pytest.fixture
def loaded(postgres: EmbeddedPostgres) -> Iterator[Load]:
    """A function that makes a database of its own with a dealer in it and tells its address."""
    with _databases(postgres) as load:
        yield load


@pytest.fixture(scope="module")
def green_valley(postgres: EmbeddedPostgres) -> Iterator[Database]:
    """Green Valley on a Monday in November; tests only read."""
    with _databases(postgres) as load, psycopg.connect(load(GREEN_VALLEY, MONDAY), autocommit=True) as conn:
        conn.execute("SET default_transaction_read_only = on")
        yield conn


def _found(conn: Database, query: LiteralString, day: date, zone: str = "America/New_York") -> list[TupleRow]:
    return conn.execute(query, {"day": day, "zone": zone}).fetchall()


def _count(conn: Database, query: LiteralString) -> int:
    row = conn.execute(query).fetchone()
    assert row
    assert isinstance(row[0], int)
    return row[0]


def _rows(dsn: str) -> Mapping[str, list[TupleRow]]:
    with psycopg.connect(dsn) as conn:
        return {
            "customers": conn.execute("SELECT * FROM customers ORDER BY id").fetchall(),
            "emails": conn.execute("SELECT * FROM emails ORDER BY id").fetchall(),
            "phones": conn.execute("SELECT * FROM phones ORDER BY id").fetchall(),
            "equipment": conn.execute("SELECT * FROM equipment ORDER BY id").fetchall(),
            "work_orders": conn.execute("SELECT * FROM work_orders ORDER BY id").fetchall(),
            "hour_readings": conn.execute("SELECT * FROM hour_readings ORDER BY 1, 2").fetchall(),
        }


@pytest.mark.parametrize("dealer", [GREEN_VALLEY, PRAIRIE_RIDGE], ids=lambda dealer: dealer.slug)
def test_a_sample_dealer_has_exactly_the_rows_that_were_ordered(fresh_database: str, dealer: SampleDealer) -> None:
    counts = asyncio.run(_load(fresh_database, dealer, MONDAY))
    assert (counts.customers, counts.machines, counts.work_orders) == (dealer.customers, dealer.machines, dealer.work_orders)
    rows = _rows(fresh_database)
    assert list(asdict(counts).values()) == [
        len(rows[t]) for t in ("customers", "emails", "phones", "equipment", "work_orders", "hour_readings")
    ]


def test_the_same_seed_and_day_make_the_same_rows_whatever_the_session(loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _rows(loaded(PRAIRIE_RIDGE, MONDAY))
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    monkeypatch.setenv("PGDATESTYLE", "German")
    elsewhere = loaded(PRAIRIE_RIDGE, MONDAY)
    monkeypatch.undo()
    assert _rows(elsewhere) == first
    other = _rows(loaded(replace(PRAIRIE_RIDGE, seed=7), MONDAY))
    assert first["customers"] != other["customers"]
    assert first["equipment"] != other["equipment"]


def test_the_two_dealers_know_different_people(loaded: Load) -> None:
    with psycopg.connect(loaded(PRAIRIE_RIDGE, MONDAY)) as conn:
        assert not conn.execute("SELECT FROM customers WHERE first_name = 'Karen' AND last_name = 'Smith'").fetchall()
        assert _count(conn, "SELECT count(*) FROM customers WHERE state = 'CO'") > 200


def test_a_filled_database_is_refused_and_left_as_it_was(loaded: Load) -> None:
    dsn = loaded(PRAIRIE_RIDGE, MONDAY)
    before = _rows(dsn)
    with pytest.raises(psycopg.errors.UniqueViolation):
        asyncio.run(_load(dsn, PRAIRIE_RIDGE, MONDAY + timedelta(1)))
    assert _rows(dsn) == before


def test_rows_agree_with_each_other(green_valley: Database) -> None:
    contradictions: dict[str, LiteralString] = {
        "an order of somebody else's machine": """
            SELECT w.id FROM work_orders w JOIN equipment e ON e.id = w.equipment_id WHERE e.customer_id <> w.customer_id""",
        "steps out of order": "SELECT id FROM work_orders WHERE completed_at < opened_at OR picked_up_at < completed_at",
        "a status without its time": """
            SELECT id FROM work_orders WHERE (status = 'picked_up') <> (picked_up_at IS NOT NULL)
            OR (status IN ('completed', 'picked_up')) <> (completed_at IS NOT NULL)""",
        "work on a machine before its sale or after it was gone": """
            SELECT w.id FROM work_orders w JOIN equipment e ON e.id = w.equipment_id
            WHERE w.opened_at::date < e.purchase_date OR w.opened_at > e.disposed_at""",
        "a warranty order after the warranty": """
            SELECT w.id FROM work_orders w JOIN equipment e ON e.id = w.equipment_id
            WHERE w.kind = 'warranty' AND w.opened_at::date > e.warranty_end""",
        "a sale before the customer": """
            SELECT c.id FROM customers c JOIN equipment e ON e.customer_id = c.id WHERE e.purchase_date < c.created_at::date - 1""",
        "a consent of nobody": "SELECT id FROM customers WHERE sms_consent_at < created_at",
        "gone before it was bought": "SELECT id FROM equipment WHERE disposed_at::date < purchase_date",
        "hours without a date": "SELECT id FROM equipment WHERE (machine_hours IS NULL) <> (hours_read_at IS NULL)",
        "hours that are not the last reading": """
            SELECT e.id FROM equipment e WHERE (e.machine_hours, e.hours_read_at) IS DISTINCT FROM
            (SELECT (r.hours, r.read_at) FROM hour_readings r WHERE r.equipment_id = e.id ORDER BY read_at DESC LIMIT 1)
            AND e.machine_hours IS NOT NULL""",
        "a meter that runs backwards": """
            SELECT a.equipment_id FROM hour_readings a JOIN hour_readings b USING (equipment_id)
            WHERE a.read_at < b.read_at AND a.hours > b.hours""",
    }
    for contradiction, query in contradictions.items():
        assert green_valley.execute(query).fetchall() == [], contradiction


def test_nothing_happens_later_than_the_morning_it_is_seen_from(green_valley: Database) -> None:
    latest = green_valley.execute("""
        SELECT greatest(
            (SELECT max(greatest(opened_at, completed_at, picked_up_at)) FROM work_orders),
            (SELECT max(greatest(hours_read_at, disposed_at, purchase_date::timestamptz)) FROM equipment),
            (SELECT max(greatest(created_at, sms_consent_at)) FROM customers)
        ) < timestamptz '2026-11-23 06:00 America/New_York'""").fetchone()
    assert latest == (True,)


def _columns(conn: Database) -> dict[str, str]:
    query: LiteralString = """
        SELECT table_name, string_agg(column_name, ' ' ORDER BY ordinal_position)
        FROM information_schema.columns WHERE table_schema = 'comm' GROUP BY table_name"""
    return dict(conn.execute(query).fetchall())


def test_the_reference_views_have_exactly_the_documented_columns(green_valley: Database) -> None:
    assert _columns(green_valley) == COLUMNS


def test_every_column_of_the_reference_views_is_explained(green_valley: Database) -> None:
    bare = green_valley.execute("""
        SELECT attrelid::regclass, attname FROM pg_attribute
        WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'comm'::regnamespace)
          AND col_description(attrelid, attnum) IS NULL""").fetchall()
    assert bare == []


def test_the_reference_schema_can_be_loaded_again(loaded: Load) -> None:
    dsn = loaded(PRAIRIE_RIDGE, MONDAY)
    before = _rows(dsn)

    async def again() -> None:
        async with await AsyncConnection.connect(dsn) as conn:
            await load_reference_schema(conn)

    asyncio.run(again())
    assert _rows(dsn) == before


@pytest.mark.parametrize(
    "query",
    [
        "EXPLAIN SELECT * FROM comm.comm_customers WHERE id = 991",
        "EXPLAIN SELECT * FROM comm.comm_equipment WHERE id = 99101",
        "EXPLAIN SELECT * FROM comm.comm_equipment WHERE customer_id = 991",
        "EXPLAIN SELECT * FROM comm.comm_equipment WHERE purchase_date = '2026-11-16'",
        "EXPLAIN SELECT * FROM comm.comm_equipment WHERE warranty_end = '2026-12-23'",
        "EXPLAIN SELECT * FROM comm.comm_emails WHERE customer_id = 991",
        "EXPLAIN SELECT * FROM comm.comm_phones WHERE customer_id = 991",
        "EXPLAIN SELECT * FROM comm.comm_work_orders WHERE customer_id = 991",
        "EXPLAIN SELECT * FROM comm.comm_work_orders WHERE equipment_id = 99101",
        "EXPLAIN SELECT * FROM comm.comm_work_orders WHERE picked_up_at >= '2026-11-20' AND picked_up_at < '2026-11-21'",
        "EXPLAIN SELECT * FROM comm.comm_hour_readings WHERE equipment_id = 99101",
    ],
)
def test_a_look_up_through_a_view_uses_an_index(green_valley: Database, query: LiteralString) -> None:
    plan = "\n".join(str(line) for (line,) in green_valley.execute(query))
    assert "Index Cond" in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize(
    "today",
    [date(2027, 2, 14), date(2028, 2, 14), date(2028, 2, 15), date(2028, 2, 29)],
    ids=str,
)
def test_karen_smiths_tune_up_is_due_on_the_day_itself(loaded: Load, today: date) -> None:
    with psycopg.connect(loaded(FEW, today)) as conn:
        assert (KAREN, 99101) in _found(conn, TUNE_UP, today)
        assert (PRIYA, 99301) in _found(conn, TUNE_UP, today)
        assert not any(row[0] == KAREN for kind in (CHECK_IN, FIRST_SERVICE, USAGE_SERVICE) for row in _found(conn, kind, today))


def test_the_named_people_are_who_they_are_said_to_be(green_valley: Database) -> None:
    def facts(customer: int) -> TupleRow:
        row = green_valley.execute(
            """SELECT first_name || ' ' || last_name, language, preferred_channel, email_consent, sms_consent,
               (SELECT address FROM comm.comm_emails WHERE customer_id = c.id AND is_primary),
               (SELECT number FROM comm.comm_phones WHERE customer_id = c.id)
               FROM comm.comm_customers c WHERE id = %s""",
            [customer],
        ).fetchone()
        assert row
        return row

    assert facts(KAREN) == ("Karen Smith", "en", "email", True, None, "karen.smith@mailbox.example", "(614) 555-0191")
    assert facts(MARCUS) == ("Marcus Bell", "en", "sms", True, True, "marcus.bell@lakemail.example", "(614) 555-0199")
    assert facts(PRIYA)[:5] == ("Priya Raman", "en", None, False, False)
    assert facts(ROSA)[:5] == ("Rosa Delgado", "es", "sms", True, True)
    assert {(MARCUS, 99201), (ROSA, 99501)} <= set(_found(green_valley, CHECK_IN, MONDAY))
    assert green_valley.execute(
        "SELECT customer_id, purchase_date, disposed_at IS NOT NULL FROM comm.comm_equipment WHERE id IN (99101, 99401) ORDER BY id"
    ).fetchall() == [(KAREN, date(2022, 12, 7), False), (WALTER, date(2022, 12, 7), True)]
    assert WALTER not in {row[0] for row in _found(green_valley, TUNE_UP, MONDAY)}
    history = green_valley.execute("SELECT kind, status FROM comm.comm_work_orders WHERE customer_id = 991 ORDER BY opened_at")
    assert [kind for kind, status in history if status == "picked_up"] == [
        "repair", "service", "service", "service", "repair", "service",
    ]  # fmt: skip


@pytest.mark.parametrize("today", [date(2027, 4, 26), date(2027, 7, 26)], ids=str)
def test_there_is_something_to_write_every_day_and_more_on_mondays(loaded: Load, today: date) -> None:
    with psycopg.connect(loaded(GREEN_VALLEY, today)) as conn:
        for back in range(21):
            day = today - timedelta(back)
            assert 3 <= len({row[0] for kind in (CHECK_IN, TUNE_UP) for row in _found(conn, kind, day)}) <= 20, day
            assert len(_found(conn, CHECK_IN, day)) >= 2, day
        due = {row[0] for kind in (CHECK_IN, TUNE_UP, FIRST_SERVICE) for row in _found(conn, kind, today)}
        assert 30 <= len(due) <= 70
        sendable = conn.execute(SENDABLE, [list(due)]).fetchone()
        assert sendable
        assert 25 <= sendable[0] < len(due)
        # Those that the Mondays before did not find yet, so that the history leaves today something to do.
        earlier = {row for week in (7, 14) for row in _found(conn, FIRST_SERVICE, today - timedelta(week))}
        assert len(set(_found(conn, FIRST_SERVICE, today)) - earlier) >= 12


def test_the_smaller_dealer_has_something_to_write_every_day_too(loaded: Load) -> None:
    with psycopg.connect(loaded(PRAIRIE_RIDGE, MONDAY)) as conn:
        for back in range(21):
            day = MONDAY - timedelta(back)
            assert _found(conn, CHECK_IN, day, "America/Denver"), day


def test_later_audiences_find_people_too(green_valley: Database) -> None:
    month = [MONDAY - timedelta(back) for back in range(28)]
    assert all(_found(green_valley, SURVEY, day) for day in month[:21])
    assert len(_found(green_valley, USAGE_SERVICE, MONDAY)) >= 10
    assert len(_found(green_valley, TRADE_IN, MONDAY)) >= 30
    assert len([row for day in month for row in _found(green_valley, WARRANTY, day)]) >= 10
    assert all(len(_found(green_valley, WIN_BACK, day)) >= 3 for day in month[::7])


@pytest.mark.parametrize(
    ("least", "query"),
    [
        (100, "customers c WHERE NOT EXISTS (SELECT FROM emails m WHERE m.customer_id = c.id)"),
        (100, "customers c WHERE NOT EXISTS (SELECT FROM phones p WHERE p.customer_id = c.id)"),
        (300, "(SELECT customer_id FROM emails GROUP BY 1 HAVING count(*) > 1) x"),
        (300, "(SELECT customer_id FROM phones GROUP BY 1 HAVING count(*) > 1) x"),
        (20, "(SELECT customer_id FROM emails GROUP BY 1 HAVING NOT bool_or(is_primary)) x"),
        (5, "(SELECT customer_id FROM emails WHERE is_primary GROUP BY 1 HAVING count(*) > 1) x"),
        (50, "emails WHERE status = 'bounced'"),
        (20, "emails WHERE status = 'invalid'"),
        (400, "emails WHERE status IS NULL"),
        (2, "emails WHERE address NOT LIKE '%@%'"),
        (20, "phones WHERE status = 'bounced'"),
        (20, "phones WHERE status = 'invalid'"),
        (2, "phones WHERE number LIKE '555-01__'"),
        (40, "(SELECT right(regexp_replace(number, '[^0-9]', '', 'g'), 10) FROM phones GROUP BY 1 HAVING count(*) = 2) x"),
        (10, "customers WHERE do_not_contact"),
        (50, "customers WHERE email_consent IS FALSE"),
        (300, "customers WHERE email_consent IS NULL"),
        (100, "customers WHERE sms_consent IS FALSE AND sms_consent_at IS NOT NULL"),
        (500, "customers WHERE sms_consent AND sms_consent_at IS NOT NULL"),
        (500, "customers WHERE sms_consent IS NULL AND sms_consent_at IS NULL"),
        (100, "customers WHERE preferred_channel = 'sms'"),
        (10, "customers WHERE first_name = ''"),
        (30, "customers WHERE first_name IS NULL AND company IS NOT NULL"),
        (50, "customers WHERE language = 'es'"),
        (50, "customers WHERE state NOT IN ('OH')"),
        (20, "customers WHERE time_zone NOT IN ('America/New_York')"),
        (50, "customers WHERE postal_code IS NULL"),
        (100, "equipment WHERE disposed_at IS NOT NULL"),
        (50, "equipment WHERE power_source IS NULL"),
        (50, "equipment WHERE power_source = 'diesel'"),
        (300, "equipment WHERE power_source = 'battery'"),
        (500, "equipment WHERE machine_hours IS NULL"),
        (10, "equipment WHERE purchase_date IS NULL"),
        (1, "equipment WHERE model IS NULL"),
        (100, "equipment WHERE warranty_end IS NULL"),
        (30, "work_orders WHERE status = 'open'"),
        (50, "work_orders WHERE status = 'cancelled'"),
        (50, "work_orders WHERE status = 'completed'"),
        (5, "work_orders WHERE equipment_id IS NULL"),
        (1, "equipment e JOIN work_orders w ON w.equipment_id = e.id WHERE purchase_date = '2026-11-16' AND w.status = 'open'"),
        (20, "(SELECT DISTINCT make, model FROM equipment WHERE model IS NOT NULL) x"),
    ],
)  # fmt: skip
def test_real_life_is_in_the_sample(green_valley: Database, least: int, query: LiteralString) -> None:
    assert _count(green_valley, "SELECT count(*) FROM " + query) >= least


def test_mowers_sell_in_spring_and_snow_blowers_in_autumn(green_valley: Database) -> None:
    seasons = dict(
        green_valley.execute("""
            SELECT CASE WHEN kind LIKE '%snow%' THEN 'snow' ELSE 'mower' END,
                   count(*) FILTER (WHERE extract(month FROM purchase_date) IN (3, 4, 5, 6))::float / count(*)
            FROM equipment WHERE kind LIKE '%snow%' OR kind LIKE '%mower%' GROUP BY 1""").fetchall()
    )
    assert seasons["mower"] > 0.45
    assert seasons["snow"] < 0.3


def test_no_address_can_belong_to_a_real_person(green_valley: Database) -> None:
    addresses = [address for (address,) in green_valley.execute("SELECT address FROM emails")]
    assert [address for address in addresses if not re.fullmatch(r"[a-z.0-9]+(@| at )[a-z]+\.example", address)] == []
    numbers = {re.sub(r"\D", "", number) for (number,) in green_valley.execute("SELECT number FROM phones")}
    assert [number for number in numbers if not re.fullmatch(r"(1?\d{3})?55501\d\d", number)] == []
    complete = [phonenumbers.parse(number, "US") for number in numbers if len(number) >= 10]
    assert [number for number in complete if not phonenumbers.is_valid_number(number)] == []


def test_only_one_number_is_refused(green_valley: Database) -> None:
    assert green_valley.execute("SELECT customer_id FROM phones WHERE number LIKE '%0199'").fetchall() == [(MARCUS,)]


@pytest.mark.parametrize("dealer", [GREEN_VALLEY, PRAIRIE_RIDGE], ids=lambda dealer: dealer.slug)
def test_the_tenant_file_belongs_to_its_dealer_and_sends_nothing(dealer: SampleDealer) -> None:
    tenant = TenantSettings.model_validate(tomllib.loads(dealer.tenant_file.read_text(encoding="utf-8")))
    assert (tenant.id, tenant.name, tenant.time_zone) == (dealer.slug, dealer.name, dealer.time_zone)
    assert (tenant.sending, tenant.database.embedded) == ("outbox", True)
    assert tenant.outbox.refuse == (("+16145550199",) if dealer is GREEN_VALLEY else ())


def test_the_example_views_fit_a_dealer_with_other_tables(fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as conn:
        conn.execute((ROOT / "tests/data/foreign_dealer.sql").read_bytes())
        conn.execute((ROOT / "docs/examples/dealer_views.sql").read_bytes())
        assert _columns(conn) == {view: columns for view, columns in COLUMNS.items() if view != "comm_hour_readings"}
        due = [len(_found(conn, kind, date(2026, 6, 15), "America/Chicago")) for kind in (CHECK_IN, TUNE_UP, FIRST_SERVICE)]
        assert due == [59, 58, 28]
        statuses = conn.execute("SELECT DISTINCT status FROM comm.comm_work_orders").fetchall()
        assert {status for (status,) in statuses} == {"open", "completed", "picked_up", "cancelled"}
