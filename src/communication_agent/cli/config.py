"""`communication-agent config`: every setting with its value, origin and meaning."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Console

from communication_agent import communications
from communication_agent import config as configuration
from communication_agent.cli.command import Call, command, group
from communication_agent.cli.look import table
from communication_agent.cli.output import Answer, cell
from communication_agent.communication import OVERVIEW_KNOBS, Communication, Knob
from communication_agent.config import Setting
from communication_agent.registry import discover

cli = group("Every setting with its value, origin and meaning.", "config")


@command(cli, "config", "config --json")
def config(call: Call) -> Answer:
    """Show every setting: its value, where it comes from, its default and its meaning.

    Settings come from the environment, then from the file .env, then from their defaults. Secrets are shown as (set). A dealer's
    own thresholds stand in its tenant file.
    """
    settings = configuration.load(**({"communication_agent_now": call.now} if call.now else {}))
    found = [*configuration.describe(settings), *_knobs(configuration.environment())]
    return Answer([asdict(setting) for setting in found], lambda console: _page(console, found))


def _knobs(environment: Mapping[str, str]) -> list[Setting]:
    types = discover(communications, Communication).values()
    knobs = {knob.name: knob for c in types for knob in c.knobs} | {knob.name: knob for knob in OVERVIEW_KNOBS}
    return [_knob(knob, environment.get(knob.name)) for _, knob in sorted(knobs.items())]


def _knob(knob: Knob, given: str | None) -> Setting:
    return Setting(knob.name, given or str(knob.default), str(knob.default), "environment" if given else "default", knob.meaning)


def _page(console: Console, found: Sequence[Setting]) -> None:
    rows = table("setting", "value", "from", "meaning", fixed=("setting",))
    for setting in found:
        own = setting.origin != "default"
        rows.add_row(
            cell(setting.name, "bold" if own else ""),
            cell(setting.value or "–", "cyan" if own else ""),
            cell(setting.origin, "" if own else "dim"),
            cell(setting.meaning, "dim"),
        )
    console.print(rows)
    for name in configuration.unknown_names():
        console.print(cell(f"! {name} is set, and nobody reads it.", "yellow"))
