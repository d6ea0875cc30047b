"""`communication-agent types`: the messages that exist."""

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel

from communication_agent import communications
from communication_agent.cli.command import Call, command, group
from communication_agent.cli.look import table
from communication_agent.cli.names import type_named
from communication_agent.cli.output import Answer, cell, line
from communication_agent.communication import Communication, Every, Schedule
from communication_agent.registry import discover

cli = group("The messages that exist: when, to whom, why.", "types list")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Name = Annotated[str, typer.Argument(metavar="TYPE", help="A communication type, as `types list` names it.")]


@command(cli, "list", "types list")
def list_(_call: Call) -> Answer:
    """List the communication types."""
    shelf = discover(communications, Communication)
    return Answer([document(c) for c in shelf.values()], lambda console: _table(console, shelf))


@command(cli, "show", "types show annual_tuneup")
def show(_call: Call, name: Name) -> Answer:
    """Show a type: its conditions, thresholds, and wording."""
    found = type_named(name, discover(communications, Communication))
    return Answer({**document(found), **_details(found)}, lambda console: _page(console, found))


def document(communication: Communication) -> dict[str, object]:
    """A type in the list."""
    return {
        "name": communication.name,
        "title": communication.title,
        "purpose": communication.purpose,
        "channel": communication.channel,
        "schedule": _when(communication.schedule),
        "immediate": communication.immediate,
        "priority": communication.priority,
        "useful_days": communication.useful_days,
        "knobs": {knob.name: knob.default for knob in communication.knobs},
    }


def _details(communication: Communication) -> Mapping[str, object]:
    audience, wording = communication.audience, communication.wording
    conditions = audience.conditions if audience else ()
    return {
        "due": audience.due_sentence if audience else None,
        "conditions": [{"code": c.code, "sentence": _sentence(c.sentence, communication)} for c in conditions],
        "occasion": communication.occasion,
        "given": communication.given,
        "reason_line": communication.reason_line,
        "wording": {"subject": wording.subject, "preheader": wording.preheader, "body": wording.body, "sms": wording.sms},
    }


def _sentence(sentence: str, communication: Communication) -> str:
    return sentence.format_map({knob.parameter: knob.default for knob in communication.knobs})


def _when(schedule: Schedule | None) -> str | None:
    """A schedule in words; None for a type that is made by a door."""
    if schedule is None:
        return None
    names = {
        Every.DAY: "every day",
        Every.WEEK: f"every {WEEKDAYS[schedule.weekday]}",
        Every.MONTH: f"on day {schedule.monthday} of the month",
    }
    months = f" in month {', '.join(map(str, schedule.months))}" if schedule.months else ""
    return f"{names[schedule.every]}{months} at {schedule.scan_at:%H:%M}, sent at {schedule.send_at:%H:%M}"


def _table(console: Console, shelf: Mapping[str, Communication]) -> None:
    rows = table("type", "title", "purpose", "when", fixed=("type",))
    for c in shelf.values():
        rows.add_row(cell(c.name, "bold"), cell(c.title), cell(c.purpose), cell(_when(c.schedule) or "when another system asks"))
    console.print(rows)


def _page(console: Console, found: Communication) -> None:
    console.print(cell(f"{found.title}  ({found.name}, {found.purpose})", "bold"))
    console.print(cell(_when(found.schedule) or f"when another system asks, with {', '.join(found.given) or 'nothing else'}"))
    if found.audience:
        console.print(cell(f"  · {found.audience.due_sentence}"))
        for condition in found.audience.conditions:
            console.print(cell(f"  · {_sentence(condition.sentence, found)}"))
    for knob in found.knobs:
        console.print(line((f"  {knob.name} = {knob.default}", "cyan"), (f"  {knob.meaning}", "dim")))
    wording = found.wording
    console.print(Panel(line((wording.subject, "bold"), (f"\n\n{wording.body.strip()}", "")), title="email", width=100))
    console.print(Panel(cell(wording.sms), title="SMS", width=100))
