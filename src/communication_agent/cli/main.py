"""The program `communication-agent`: finds the command that was named and loads its module only, so that help is quick."""

import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

from typer import Abort
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from communication_agent.cli.command import PROGRAM, exit_of
from communication_agent.cli.output import tell
from communication_agent.errors import Exit, Problem

# name → (panel of the help, what it is for); each is a module of this folder.
COMMANDS = {
    "demo": ("Begin", "See it all on this machine: sample dealers, two weeks of messages, the console. Nothing leaves it."),
    "tenants": ("Begin", "Add dealers, look at them, change, check, pause and resume them."),
    "run": ("Begin", "Run the service, or with --once one round of everything that is due."),
    "scan": ("Ahead", "Who gets what on a day, and who does not and why."),
    "explain": ("Ahead", "Why a customer is due for a message, or why not."),
    "preview": ("Ahead", "The words that a customer would read."),
    "types": ("Ahead", "The messages that exist: when, to whom, why."),
    "messages": ("Messages", "What became of every message; cancel, retry or settle one that waits."),
    "queue": ("Messages", "Hand over messages that another system asks for."),
    "customers": ("Messages", "Find a customer, and record what they wish to hear."),
    "pause": ("Messages", "Stop sending, for everybody or one dealer."),
    "resume": ("Messages", "Go on sending."),
    "doctor": ("Care", "What is wrong, why, and the command that mends it."),
    "config": ("Care", "Every setting with its value, origin and meaning."),
    "migrate": ("Care", "Bring the central database's schema forward."),
    "version": ("Care", "Which version this is."),
}
HELP = """[bold green]Example:[/] communication-agent demo

Writes to the customers of power equipment dealers when there is a reason to, once, and can always say why.

[dim]Every command takes --json, --now and --debug, and its --help begins with an example. Exit codes: 0 well, 1 a bug, \
2 usage, 3 configuration, 4 credentials, 5 not found, 6 refused for safety, 7 partly failed, 8 unreachable, 130 interrupted.[/]"""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit code of contracts.md."""
    given = list(sys.argv[1:] if words is None else words) or ["--help"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        return int(_program(given).main(args=given, prog_name=PROGRAM, standalone_mode=False) or 0)
    except TyperException as error:
        tell(_usage(error))
        return Exit.USAGE
    except (KeyboardInterrupt, Abort):
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last door: nobody is shown a traceback
        return exit_of(error)


def _program(words: Sequence[str]) -> TyperGroup:
    named = next((word for word in words if not word.startswith("-")), "")
    commands = [_loaded(name) if name == named else _outline(name) for name in COMMANDS]
    return TyperGroup(name=PROGRAM, commands=[*commands], help=HELP, rich_markup_mode="rich")


def _outline(name: str) -> TyperCommand:
    panel, help_ = COMMANDS[name]
    return TyperCommand(name, help=help_, rich_help_panel=panel)


def _loaded(name: str) -> TyperCommand | TyperGroup:
    command = get_command(import_module(f"communication_agent.cli.{name}").cli)
    command.name = name
    assert isinstance(command, TyperCommand | TyperGroup)  # noqa: S101 - what typer makes
    return command


def _usage(error: TyperException) -> Problem:
    # Not every error knows where it happened; those about the words themselves do.
    path = str(getattr(getattr(error, "ctx", None), "command_path", PROGRAM))
    message = " ".join(error.format_message().split()).removesuffix(".").replace("Value error, ", "")
    return Problem("CA-205", f"{path} cannot be understood.", message, f"{path} --help")
