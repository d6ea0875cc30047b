"""`communication-agent queue`: messages that another system asks for."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console
from rich.text import Text

from communication_agent.app import App
from communication_agent.cli.command import Call, Tenant, command, group
from communication_agent.cli.look import at, counted, said, table
from communication_agent.cli.output import Answer, cell
from communication_agent.cli.session import one_tenant, session
from communication_agent.db.query import Row
from communication_agent.db.queue_repository import Answer as Answered
from communication_agent.errors import Exit, Problem
from communication_agent.tenant import TenantSettings

cli = group("Hand over messages that another system asks for.", "queue push receipts.json --tenant green-valley")
ENVIRONMENT = "COMMUNICATION_AGENT_HOME, CENTRAL_DB_URL"
SIGNS = {"accepted": "sent", "duplicate": "skipped", "invalid": "failed", "received": "waiting"}

File = Annotated[Path, typer.Argument(metavar="FILE", help="JSON: one row or a list of rows; - reads from stdin.")]


@command(cli, "push", "queue push receipts.json --tenant green-valley", ENVIRONMENT)
async def push(call: Call, file: File, tenant: Tenant = None) -> Answer:
    """Hand over rows, each of which becomes one message at most.

    An invalid row is kept with its error and holds up nobody; the exit code is 7 then.
    """
    raw = _rows(file)
    async with session(call) as app:
        answers = [one for some in _by_tenant(raw, tenant) for one in await _push(app, *some)]
    answers.sort(key=lambda answer: answer[0])
    given = [answer for _, answer in answers]
    invalid = any(answer.status == "invalid" for answer in given)
    return Answer(
        [document(answer) for answer in given],
        lambda console: _answers(console, given),
        Exit.PARTLY_FAILED if invalid else Exit.OK,
    )


@command(cli, "list", "queue list --tenant green-valley", ENVIRONMENT)
async def list_(call: Call, tenant: Tenant = None) -> Answer:
    """List the newest hundred rows of a dealer and what was answered."""
    async with session(call) as app:
        settings = await one_tenant(app, tenant)
        found = await app.queue_rows.latest(settings.id)
    documents = [{**row, "message_id": row["job_id"]} for row in found]
    for row in documents:
        del row["job_id"]
    return Answer(documents, lambda console: _latest(console, found, settings))


def document(answer: Answered) -> Mapping[str, object]:
    """One element of the contract's list."""
    return {
        "external_id": answer.external_id,
        "status": answer.status,
        "message_id": answer.message_id,
        "error": answer.error,
    }


def _rows(file: Path) -> list[object]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        found = cast("object", json.loads(text))
    except OSError as error:
        why = error.strerror or str(error)
        raise Problem("CA-504", f"The file {file} cannot be read.", why, "give the path of a JSON file") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        do = "write one object or a list of objects, in UTF-8"
        raise Problem("CA-204", f"{file} is not a readable JSON file.", str(error), do) from error
    if isinstance(found, list):
        return cast("list[object]", found)
    if isinstance(found, dict):
        return [cast("object", found)]
    raise Problem("CA-204", f"{file} holds no rows.", "it is neither an object nor a list", "write one object or a list of objects")


def _by_tenant(raw: Sequence[object], named: str | None) -> list[tuple[str | None, list[tuple[int, object]]]]:
    """Rows with their places, under the tenant that is named, else the one that each row names."""
    groups: dict[str | None, list[tuple[int, object]]] = {}
    for place, row in enumerate(raw):
        groups.setdefault(named or _tenant_in(row), []).append((place, row))
    return list(groups.items())


def _tenant_in(row: object) -> str | None:
    own = cast("Mapping[str, object]", row).get("tenant") if isinstance(row, dict) else None
    return own if isinstance(own, str) else None


async def _push(app: App, named: str | None, raw: Sequence[tuple[int, object]]) -> list[tuple[int, Answered]]:
    settings = await one_tenant(app, named)
    answers = await app.queue.push(settings, [row for _, row in raw], app.clock.now())
    return [(place, answer) for (place, _), answer in zip(raw, answers, strict=True)]


def _answers(console: Console, given: Sequence[Answered]) -> None:
    rows = table("", "row", "message", "error", fixed=("message",))
    for answer in given:
        rows.add_row(_said(answer.status), cell(answer.external_id), cell(answer.message_id, "dim"), cell(answer.error, "red"))
    if given:
        console.print(rows)
    accepted = sum(answer.status == "accepted" for answer in given)
    console.print(cell(f"{counted(accepted, 'row')} of {len(given):,} accepted", "bold"))


def _latest(console: Console, found: Sequence[Row], tenant: TenantSettings) -> None:
    rows = table("", "received", "row", "type", "message", "error", fixed=("received", "message"))
    for row in found:
        moment = row["received_at"]
        rows.add_row(
            _said(str(row["status"])),
            cell(at(moment, tenant.zone) if moment else ""),  # pyright: ignore[reportArgumentType] - a timestamptz
            cell(row["external_id"]),
            cell(row["communication"]),
            cell(row["job_id"], "dim"),
            cell(row["error"], "red"),
        )
    console.print(rows if found else cell("No row was handed over yet.", "bold"))


def _said(status: str) -> Text:
    like = said(SIGNS[status])
    return cell(f"{like.plain[0]} {status}", str(like.style))
