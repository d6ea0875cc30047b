"""A made-up dealer in a database of the reference schema: the same seed and day make the same rows."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

REFERENCE = Path(__file__).parent / "reference"

# In the order in which they run: each builds on temporary tables of the one before.
_PARTS = ("sample_words.sql", "sample_dealer.sql", "sample_people.sql", "sample_workshop.sql")


@dataclass(frozen=True, slots=True)
class SampleDealer:
    """What a made-up dealer is made from; `slug` is the tenant's id, `home_state` one of OH and CO."""

    slug: str
    name: str
    seed: int
    customers: int
    machines: int
    work_orders: int
    time_zone: str
    home_state: str

    @property
    def tenant_file(self) -> Path:
        """The file for `tenants add`."""
        return REFERENCE / f"{self.slug.replace('-', '_')}.toml"


@dataclass(frozen=True, slots=True)
class SampleCounts:
    """How many rows each table has."""

    customers: int
    emails: int
    phones: int
    machines: int
    work_orders: int
    hour_readings: int


GREEN_VALLEY = SampleDealer(
    slug="green-valley",
    name="Green Valley Outdoor Power",
    seed=4821,
    customers=2_000,
    machines=3_400,
    work_orders=6_100,
    time_zone="America/New_York",
    home_state="OH",
)
PRAIRIE_RIDGE = SampleDealer(
    slug="prairie-ridge",
    name="Prairie Ridge Mower & Saw",
    seed=1107,
    customers=260,
    machines=420,
    work_orders=700,
    time_zone="America/Denver",
    home_state="CO",
)


async def load_reference_schema(conn: AsyncConnection[TupleRow]) -> None:
    """Create the six tables and the comm views; nothing that exists is changed."""
    async with conn.transaction():
        await conn.execute((REFERENCE / "tenant_schema.sql").read_bytes())


async def load_sample_dealer(conn: AsyncConnection[TupleRow], *, dealer: SampleDealer, today: date) -> SampleCounts:
    """Fill the empty tables as they look at six in the morning of `today`, a civil date in the dealer's zone.

    Raises psycopg.errors.UniqueViolation, and changes nothing, when the tables already hold a dealer.
    """
    async with conn.transaction():
        for setting, value in _settings(dealer, today).items():
            await conn.execute("SELECT set_config('sample.' || %s, %s, true)", (setting, value))
        for part in _PARTS:
            await conn.execute((REFERENCE / part).read_bytes())
        return await _counts(conn)


def _settings(dealer: SampleDealer, today: date) -> dict[str, str]:
    return {
        "today": today.isoformat(),
        "time_zone": dealer.time_zone,
        "home_state": dealer.home_state,
        "seed": str(dealer.seed),
        "customers": str(dealer.customers),
        "machines": str(dealer.machines),
        "work_orders": str(dealer.work_orders),
    }


async def _counts(conn: AsyncConnection[TupleRow]) -> SampleCounts:
    async with conn.cursor(row_factory=class_row(SampleCounts)) as cursor:
        await cursor.execute("""
            SELECT
                (SELECT count(*) FROM public.customers) AS customers,
                (SELECT count(*) FROM public.emails) AS emails,
                (SELECT count(*) FROM public.phones) AS phones,
                (SELECT count(*) FROM public.equipment) AS machines,
                (SELECT count(*) FROM public.work_orders) AS work_orders,
                (SELECT count(*) FROM public.hour_readings) AS hour_readings
        """)
        [counts] = await cursor.fetchall()
    return counts
