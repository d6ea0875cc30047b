"""What somebody wants to hear on a channel, in three levels, read from and written to suppressions and the consent ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from communication_agent.db.consent_repository import Wish
from communication_agent.db.console_repository import ConsoleRepository
from communication_agent.domain import Channel, Consent
from communication_agent.web.house import House

ALL, MARKETING = "all", "marketing"


class Level(StrEnum):
    """How much somebody wants to hear."""

    EVERYTHING = "everything"
    ESSENTIAL = "essential"  # no marketing
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Address:
    """Whose wishes, for which channel, at which address (known by its hash)."""

    tenant_id: str
    customer_id: str
    channel: Channel
    address_hash: str


@dataclass(frozen=True, slots=True)
class Proof:
    """How we know: where it was said, by whom, with which words."""

    source: str
    actor: str
    words: str
    reason: str = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Wishes:
    """The purposes that were refused, and those that were granted expressly."""

    refused: frozenset[str] = frozenset()
    granted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, stops: Iterable[tuple[str, str]], said: Sequence[Consent]) -> "Wishes":
        """From suppressions (purpose, reason) and the latest consents of one channel; a bounce is no wish."""
        stopped = {purpose for purpose, reason in stops if reason != "bounced"}
        return cls(
            refused=frozenset(stopped | {consent.purpose for consent in said if not consent.granted}),
            granted=frozenset(consent.purpose for consent in said if consent.granted),
        )

    @property
    def level(self) -> Level:
        """What they come to."""
        if ALL in self.refused:
            return Level.NOTHING
        return Level.ESSENTIAL if MARKETING in self.refused else Level.EVERYTHING


@dataclass(frozen=True, slots=True)
class Changes:
    """The purposes to stop, and those to take up again."""

    stop: frozenset[str] = frozenset()
    resume: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is anything to write down."""
        return bool(self.stop or self.resume)


def changes_to(level: Level, wishes: Wishes) -> Changes:
    """What has to be written down so that `level` holds: nothing when it was said before."""
    match level:
        case Level.NOTHING:
            return Changes(stop=frozenset({ALL}) - wishes.refused)
        case Level.ESSENTIAL:
            return Changes(stop=frozenset({MARKETING}) - wishes.refused, resume=frozenset({ALL}) & wishes.refused)
        case Level.EVERYTHING:
            # A yes is written down even where there was no no: marketing texts need one.
            return Changes(resume=wishes.refused | (frozenset({MARKETING}) - wishes.granted))


def one_click(wishes: Wishes) -> Changes:
    """No more marketing; whatever else was refused stays refused."""
    return Changes(stop=frozenset({MARKETING}) - wishes.refused)


@dataclass(frozen=True, slots=True)
class WishBook:
    """Reads and writes wishes, each time in one transaction that sees one tenant."""

    house: House
    reads: ConsoleRepository

    async def read(self, address: Address) -> Wishes:
        """What is known."""
        tenant_id = address.tenant_id
        async with self.house.central.tenant(tenant_id) as conn:
            stops = await self.reads.stops(conn, tenant_id, address.channel, address.address_hash)
            consents = await self.house.consents.consents(conn, tenant_id, [address.customer_id])
        said = [consent for consent in consents.get(address.customer_id, ()) if consent.channel is address.channel]
        return Wishes.of([(stop.purpose, stop.reason) for stop in stops], said)

    async def write(self, address: Address, changes: Changes, proof: Proof, now: datetime) -> None:
        """Write the changes down with their proof; effective with the commit."""
        if not changes:
            return
        async with self.house.central.tenant(address.tenant_id) as conn:
            for purpose in sorted(changes.resume):
                await self.house.consents.release(conn, address.tenant_id, _wish(address, purpose, proof), now)
            for purpose in sorted(changes.stop):
                await self.house.consents.suppress(conn, address.tenant_id, _wish(address, purpose, proof), now)


def _wish(address: Address, purpose: str, proof: Proof) -> Wish:
    return Wish(
        customer_id=address.customer_id,
        channel=address.channel,
        address_hash=address.address_hash,
        purpose=purpose,
        source=proof.source,
        actor=proof.actor,
        words=proof.words,
        reason=proof.reason,
    )
