"""How a command is declared: its example, the options that every command has, and what becomes of its errors."""

import inspect
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast

import typer

from communication_agent.cli.output import Answer, give, show_trace, tell
from communication_agent.errors import Exit, Problem

PROGRAM = "communication-agent"
NOW = "COMMUNICATION_AGENT_NOW"

Work = Callable[..., Answer | Exit | Awaitable[Answer | Exit]]

Tenant = Annotated[str | None, typer.Option("--tenant", "-t", metavar="ID", help="Only this dealer.")]
Day = Annotated[str | None, typer.Option("--date", "-d", metavar="YYYY-MM-DD", help="As of this day in the dealer's zone.")]


@dataclass(frozen=True, slots=True)
class Call:
    """How a command was called."""

    json: bool
    now: datetime | None  # pretended
    debug: bool


def group(help_: str, example: str) -> typer.Typer:
    """Commands that belong together, or one that stands alone."""
    return typer.Typer(help=_help(example, help_), rich_markup_mode="rich", add_completion=False)


def command(commands: typer.Typer, name: str, example: str, environment: str = "") -> Callable[[Work], Work]:
    """Declare a command; its docstring is its help, and it gets --json, --now and --debug.

    `work` takes a Call, then its own parameters, and returns an Answer, or just how it ended when it has spoken itself.
    """

    def declare(work: Work) -> Work:
        def run(**given: object) -> None:
            raise typer.Exit(_perform(work, given))

        own = list(inspect.signature(work).parameters.values())[1:]
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + _COMMON
        run.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess] - inspect reads it
        run.__annotations__ = {p.name: cast("object", p.annotation) for p in parameters}
        commands.command(name, help=_help(example, inspect.getdoc(work) or "", environment))(run)
        return work

    return declare


def exit_of(error: BaseException) -> Exit:
    """Tell people about an error; the exit code that belongs to it."""
    problem = _problem_in(error)
    tell(problem or _unexpected(error))
    return problem.exit if problem else Exit.BUG


def instant(text: str) -> datetime:
    """The instant that --now names; raises Problem CA-202 when it is none, or does not say its offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise _no_instant(text, "it is not written as a date and a time") from error
    if found.tzinfo is None:
        raise _no_instant(text, "its offset is missing, and guessing one could be hours off")
    return found


def _perform(work: Work, given: dict[str, object]) -> Exit:
    call = Call(json=bool(given.pop("json")), now=None, debug=bool(given.pop("debug")))
    now = cast("str | None", given.pop("now"))
    try:
        call = Call(call.json, instant(now) if now else None, call.debug)
        answer = work(call, **given)
        answer = answer if isinstance(answer, Answer | Exit) else _awaited(answer)
        return answer if isinstance(answer, Exit) else give(answer, as_json=call.json)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - people are told about each, and never by a traceback that they did not ask for
        if call.debug:
            show_trace(error)
        return exit_of(error)


def _awaited(work: Awaitable[Answer | Exit]) -> Answer | Exit:
    import asyncio  # noqa: PLC0415 - takes its time to load, which help and version need not spend

    return asyncio.run(cast("Coroutine[object, object, Answer | Exit]", work))


def _problem_in(error: BaseException) -> Problem | None:
    if isinstance(error, Problem):
        return error
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error)
        return next((found for one in inner.exceptions if (found := _problem_in(one))), None)
    if "psycopg" in sys.modules:
        from communication_agent.db.faults import as_problem  # noqa: PLC0415 - loads psycopg, which only some commands need

        return as_problem(error)
    return None


def _unexpected(error: BaseException) -> Problem:
    words = " ".join(str(error).split())
    return Problem(
        "CA-101",
        "Something went wrong that should not have.",
        f"{type(error).__name__}{': ' if words else ''}{words}",
        "run the command again with --debug and report what it prints",
    )


def _no_instant(text: str, why: str) -> Problem:
    return Problem("CA-202", f"{text!r} is not an instant.", why, "write it as in 2026-11-23T10:00:00-05:00")


def _help(example: str, text: str, environment: str = "") -> str:
    # Doubled line ends keep their own line in the help; brackets would be markup.
    shown = f"[bold green]Example:[/] {PROGRAM} {_escaped(example)}"
    parts = [shown, *(_escaped(" ".join(part.split())) for part in text.split("\n\n"))]
    return "\n\n".join([*parts, f"[dim]Environment: {environment}[/]"] if environment else parts)


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")


_COMMON = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, default, annotation in (
        (
            "json",
            False,
            Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.", rich_help_panel="Always")],
        ),
        (
            "now",
            None,
            Annotated[
                str | None,
                typer.Option(
                    "--now",
                    metavar="TIME",
                    help=f"Pretend that it is this instant, with its offset ({NOW}).",
                    rich_help_panel="Always",
                ),
            ],
        ),
        (
            "debug",
            False,
            Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel="Always")],
        ),
    )
]
