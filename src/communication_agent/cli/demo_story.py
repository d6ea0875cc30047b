"""The demo's story, as people read it while it happens and at its end."""

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta

from rich.console import Console
from rich.table import Table
from rich.text import Text

from communication_agent.cli.look import COLORS, SIGNS, at, counted, words
from communication_agent.cli.output import cell, line
from communication_agent.config import Config
from communication_agent.demo import Story
from communication_agent.policy import REASONS

INSTANT = 0.05  # seconds; what took less was done together with the step before
KAREN, MARCUS = "991", "992"


class Teller:
    """Says what is done, with the seconds that it took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._since = time.monotonic()

    def done(self, what: str, numbers: str) -> None:
        """One step is done."""
        now = time.monotonic()
        took = f"{now - self._since:.1f} s" if now - self._since >= INSTANT else ""
        self._console.print(line((f"{took:>7}  ", "dim"), (f"{what:<28}", "bold"), (numbers, "")), soft_wrap=True)
        self._since = now


def story_page(console: Console, story: Story, config: Config, program: str, *, served: bool) -> None:
    """The numbers, the people, the reasons, and what to try next with `program`, the words that call it on this stage."""
    console.print()
    first = story.tenants[0]
    console.print(cell(f"{at(config.communication_agent_now, first.zone)} ({story.day:%A}) at {first.name}", "bold"))
    console.print(_numbers(story))
    console.print()
    _pairs(console, "bold cyan", _people(story))
    console.print()
    _pairs(console, "bold", ((f"{number:>3} {words(reason)}", _sentence(reason)) for reason, number in story.reasons.most_common()))
    console.print()
    for label, what in _next(story, config, program, served=served):
        console.print(line((f"  {label:<8}", "bold green"), (what, "")), soft_wrap=True)


def _pairs(console: Console, style: str, pairs: Iterable[tuple[str, str]]) -> None:
    rows = Table.grid(padding=(0, 2), pad_edge=True)
    for label, what in pairs:
        rows.add_row(cell(label, style), cell(what))
    console.print(rows)


def _numbers(story: Story) -> Text:
    parts: list[tuple[object, str]] = []
    for outcome in ("sent", "waiting", "skipped", "failed", "cancelled"):
        number = story.outcomes[outcome]
        parts.append((f"  {SIGNS[outcome]} {number} {outcome} ", f"bold {COLORS[outcome]}" if number else "dim"))
    return line(*parts)


def _people(story: Story) -> Iterator[tuple[str, str]]:
    for message in story.about(KAREN):
        yield "Karen Smith", f"“{message.subject}” {message.outcome} to {message.to}"
    for text, email in story.rescued:
        who = "Marcus Bell" if text.customer_id == MARCUS else f"Customer {text.customer_id}"
        yield who, f"his SMS to {text.to} was refused, and became an email to {email.to}: one occasion, {email.outcome}"
    gone = story.unsubscribed
    customer = gone.file.case.customer if gone and gone.file else None
    if customer:
        became = [message for message in story.about(customer.id) if message.communication == "annual_tuneup"]
        outcome = f"{became[0].outcome}, {words(became[0].reason)}" if became else "never asked for"
        yield customer.name, f"clicked “unsubscribe” on {story.day - timedelta(days=2):%A} evening; today's tune-up: {outcome}"
    accepted = [answer for answer in story.receipts if answer.status == "accepted"]
    yield "The till", f"asked for {counted(len(accepted), 'receipt')}, each with its PDF, on top of the scans"
    for answer in story.receipts:
        if answer.status == "invalid":
            yield "", f"and row {answer.external_id} was kept with its error: {answer.error}"


def _sentence(reason: str) -> str:
    return REASONS.get(reason, "Its time of the day has not come yet." if reason == "planned" else "")


def _next(story: Story, config: Config, program: str, *, served: bool) -> Iterator[tuple[str, str]]:
    karen = story.about(KAREN)
    if served:
        yield "Open", f"{config.base_url}{f'/m/{karen[0].id}' if karen else ''}      Ctrl-C ends"
    yield "Outbox", f"{config.outbox}   nothing left this machine"
    yield "Try", f'{program} explain "Karen Smith" --date {story.day}'
    yield "", f"{program} messages list --outcome skipped"
    yield "", f"{program} scan all --date {story.day + timedelta(days=1)}"
