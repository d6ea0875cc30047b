"""One file on the shelf is a new communication type, everywhere."""

import shutil
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from communication_agent import communications
from communication_agent.communication import Communication
from communication_agent.registry import discover
from support.central import config_for
from support.house import MONDAY, DealerRows, everything, house_at, listed, settings_for

SOURCE = Path(communications.__file__).parent / "seven_day_checkin.py"


@pytest.fixture
def new_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A type `thirty_day_checkin` in a file of its own: the seven-day one with another number."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    words = SOURCE.read_text().replace("seven_day_checkin", "thirty_day_checkin").replace("SEVEN_DAY", "THIRTY_DAY")
    words = words.replace("::date - 7", "::date - 30").replace("e.purchase_date + 7", "e.purchase_date + 30")
    (shelf / "thirty_day_checkin.py").write_text(words)
    monkeypatch.setattr(communications, "__path__", [*communications.__path__, str(shelf)])
    yield "thirty_day_checkin"
    sys.modules.pop("communication_agent.communications.thirty_day_checkin", None)
    shutil.rmtree(shelf)


async def test_a_file_on_the_shelf_is_scanned_explained_and_sent(
    new_type: str, central_url: str, dealer_dsn: str, dealer: DealerRows, tmp_path: Path
) -> None:
    customer = await dealer.bought(date(2026, 10, 24))
    async with house_at(config_for(central_url, tmp_path), MONDAY) as app:
        tenant = settings_for(dealer_dsn)
        await app.tenants.save(tenant, app.clock.now())
        communication = app.communications[new_type]

        (seen,) = await app.foresight.scan(tenant, communication, MONDAY.date(), app.clock.now())
        why = await app.foresight.explain(tenant, communication, str(customer), MONDAY.date())
        await everything(app)

        assert (seen.customer_id, seen.verdict, why.due) == (str(customer), "send", True)
        assert [(m.communication, m.outcome) for m in await listed(app)] == [(new_type, "sent")]


def test_a_file_on_the_shelf_appears_in_the_generated_table(new_type: str) -> None:
    from communication_agent import docs

    assert new_type in docs.communications_page(discover(communications, Communication).values())


def test_a_file_whose_declaration_has_another_name_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "misnamed.py").write_text(SOURCE.read_text())
    monkeypatch.setattr(communications, "__path__", [str(shelf)])

    with pytest.raises(LookupError, match="misnamed"):
        discover(communications, Communication)
    sys.modules.pop("communication_agent.communications.misnamed", None)
