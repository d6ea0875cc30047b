"""What commands print: one JSON document or a readable page on stdout; notes, errors and progress on stderr."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import Enum
from functools import cache
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.text import Text

from communication_agent.errors import Exit, Problem

WIDE = 160  # columns where nobody's terminal says how many there are: a pipe, a file


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command has to say: `document` for --json, `page` for people, `problems` on stderr for both."""

    document: object
    page: Callable[[Console], None]
    exit: Exit = Exit.OK
    problems: Sequence[Problem] = field(default_factory=tuple[Problem, ...])


@cache
def stdout() -> Console:
    """Where people read answers."""
    return _console(stderr=False)


@cache
def stderr() -> Console:
    """Where notes, errors and progress go."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, emoji=False, width=None if stream.isatty() else WIDE)


def give(answer: Answer, *, as_json: bool) -> Exit:
    """Print the answer; a reader who went away (`| head`) is no error."""
    try:
        if as_json:
            sys.stdout.write(json_text(answer.document))
        else:
            answer.page(stdout())
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more when it ends, into nothing this time.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for problem in answer.problems:
        tell(problem)
    return answer.exit


def json_text(document: object) -> str:
    """The document, indented, with a line end."""
    return json.dumps(document, default=_plain, ensure_ascii=False, indent=2) + "\n"


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case datetime() | date() | time():
            return value.isoformat()
        case UUID() | Path():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a document")


def tell(problem: Problem) -> None:
    """The four lines of an error; lines are never folded, so that commands can be copied."""
    what, *others = problem.lines
    head, _, rest = what.partition(": ")
    console = stderr()
    console.print(Text.assemble((f"{head}: ", "bold red"), (clean(rest), "bold")), soft_wrap=True)
    for line in others:
        label, text = line[:6], line[6:]
        console.print(Text.assemble((label, "dim"), clean(text, lines=True)), soft_wrap=True)


def note(text: str) -> None:
    """A remark beside the answer."""
    stderr().print(Text(clean(text), "yellow"), soft_wrap=True)


def show_trace(error: BaseException) -> None:
    """For --debug: where it happened."""
    sys.stderr.write("".join(traceback.format_exception(error)))


def clean(text: object, *, lines: bool = False) -> str:
    """Somebody else's text without what a terminal would obey: escape sequences and, unless `lines`, line ends."""
    kept = "\n" if lines else ""
    return "".join(c if c.isprintable() or c in kept else " " for c in str(text))


def cell(value: object, style: str = "") -> Text:
    """A table's cell: plain text, whatever brackets it holds; nothing for None."""
    return Text("" if value is None else clean(value), style)


def line(*parts: tuple[object, str]) -> Text:
    """A line of pieces, each with its own style; line ends in them are kept."""
    return Text.assemble(*((clean(text, lines=True), style) for text, style in parts))
