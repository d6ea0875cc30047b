"""python -m communication_agent.docs [FOLDER] writes the pages that are made from code: types, gate, settings, errors."""

import calendar
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from communication_agent import communications
from communication_agent.communication import OVERVIEW_KNOBS, Communication, Every, Knob, Schedule
from communication_agent.config import Config, Setting, describe
from communication_agent.errors import CODES, Exit, Problem
from communication_agent.policy import REASONS, RULES, Rule
from communication_agent.registry import discover
from communication_agent.tenant import TenantSettings

FOLDER = Path("docs")
HEADER = "<!-- Made from code by `make docs`: change the code, not this page. -->"

# Defaults that differ from machine to machine, as they are written for everybody.
SYMBOLIC = {"COMMUNICATION_AGENT_HOME": "~/.local/share/communication-agent"}

_FAMILIES = {
    Exit.BUG: "A bug of ours",
    Exit.USAGE: "How a command was called",
    Exit.CONFIGURATION: "Settings, tenant files, views, templates",
    Exit.CREDENTIALS: "Passwords and keys that somebody refuses",
    Exit.NOT_FOUND: "What does not exist",
    Exit.REFUSED: "Refused for safety",
    Exit.PARTLY_FAILED: "Some of it failed",
    Exit.UNREACHABLE: "What cannot be reached",
}

Schema = Mapping[str, object]


def pages() -> dict[str, str]:
    """Every generated page by file name."""
    shelf = discover(communications, Communication)
    return {
        "communications.md": communications_page(shelf.values()),
        "policy.md": policy_page(RULES, REASONS),
        "configuration.md": configuration_page(describe(Config.model_construct()), knobs(shelf.values())),
        "errors.md": errors_page(CODES),
    }


def write(folder: Path) -> list[Path]:
    """Write the pages into `folder`; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {folder / name: text for name, text in pages().items()}
    for path, text in paths.items():
        path.write_text(text, encoding="utf-8")
    return [*paths]


def knobs(shelf: Iterable[Communication]) -> list[Knob]:
    """Every threshold once: the system overview's, then those that only one type has."""
    return [*dict.fromkeys([*OVERVIEW_KNOBS, *(knob for communication in shelf for knob in communication.knobs)])]


# ---- communication types -------------------------------------------------------------------------------------------


def communications_page(shelf: Iterable[Communication]) -> str:
    """All types in one table, then each with its conditions."""
    ordered = sorted(shelf, key=lambda c: (c.priority, c.name))
    rows = [
        (f"[{c.name}](#{c.name})", c.title, str(c.purpose), _channel(c), _schedule(c.schedule), str(c.priority)) for c in ordered
    ]
    overview = _table(("type", "what it is", "purpose", "channel", "when", "priority"), rows)
    intro = (
        "Of several messages that are due the one with the lowest priority number goes first. "
        "Where a type has a schedule, its customers are looked for at the scan and written to at the planned time, both by the "
        "dealer's clock; a type without one is asked for by another system. A tenant file can switch a type off (`[types]`), "
        "choose its channel (`[channels]`) and change its thresholds (`[knobs]`)."
    )
    return _page("Communication types", intro, overview, *(_type(c) for c in ordered))


def _type(c: Communication) -> str:
    facts = {
        "purpose": str(c.purpose),
        "channel": _channel(c),
        "when": _schedule(c.schedule),
        "due": _due(c),
        "conditions": "<br>".join(_named(condition.sentence, c.knobs) for condition in c.audience.conditions) if c.audience else "",
        "thresholds": ", ".join(f"`{knob.name}` ({knob.default})" for knob in c.knobs),
        "facts that have to be given": ", ".join(f"`{name}`" for name in c.given),
        "occasion": f"`{c.name}:{c.occasion}`: at most one message, ever",
        "useful": f"until the end of day {c.useful_days} after the due date",
        "found after an outage": f"up to {c.lateness_days} days late" if c.schedule and c.audience and not c.audience.state else "",
        "quiet hours": "not for its email" if c.immediate else "",
        "reason line": c.reason_line,
    }
    return f"## {c.name}\n\n{c.title}.\n\n" + _table(("", ""), [(name, value) for name, value in facts.items() if value])


def _due(c: Communication) -> str:
    if c.audience is None:
        return "when it is asked for"
    return "as long as the conditions hold" if c.audience.state else c.audience.due_sentence


def _channel(c: Communication) -> str:
    channel = "as the customer prefers" if c.channel is None else str(c.channel)
    return f"{channel}, else {c.fallback}" if c.fallback else channel


def _schedule(schedule: Schedule | None) -> str:
    if schedule is None:
        return "when asked for"
    months = " and ".join(calendar.month_name[month] for month in schedule.months)
    day = {
        Every.DAY: "daily",
        Every.WEEK: f"every {calendar.day_name[schedule.weekday]}",
        Every.MONTH: f"on day {schedule.monthday} of the month",
    }[schedule.every]
    return f"{day}{f' in {months}' if months else ''}: scan {schedule.scan_at:%H:%M}, leaves {schedule.send_at:%H:%M}"


def _named(sentence: str, own: Sequence[Knob]) -> str:
    return sentence.format_map({knob.parameter: f"`{knob.name}`" for knob in own})


# ---- the gate ------------------------------------------------------------------------------------------------------


def policy_page(rules: Sequence[Rule], reasons: Mapping[str, str]) -> str:
    """The rules in the order in which they are asked, and every reason with its sentence."""
    intro = (
        "One pure function stands before every message, whoever asked for it: `policy.decide(case)`. Every rule below is asked; "
        "a skip outweighs a hold, and a hold outweighs a wait. The same function answers `scan` and `explain`. "
        "A rule is a function in `src/communication_agent/policy/rules.py`, and what stands here is its documentation."
    )
    told = [f"{place}. **{rule.__name__}**: {_prose(rule)}" for place, rule in enumerate(rules, 1)]
    table = _table(("reason", "what people read"), [(f"`{code}`", sentence) for code, sentence in reasons.items()])
    return _page("The gate", intro, "## Rules", "\n".join(told), "## Reasons", table)


def _prose(documented: Callable[..., object]) -> str:
    return " ".join((inspect.getdoc(documented) or "").split())


# ---- settings ------------------------------------------------------------------------------------------------------


def configuration_page(settings: Sequence[Setting], thresholds: Sequence[Knob]) -> str:
    """Settings of the installation, thresholds, and the fields of a tenant file."""
    intro = (
        "An installation is set up by its environment or by a file `.env` in the directory where it starts (`.env.example` has "
        "every name); the environment wins. `communication-agent config` shows each value and where it comes from. "
        "A dealer is set up by a tenant file: `docs/examples/tenant.toml` explains every field."
    )
    named = [(f"`{s.name}`", _code(SYMBOLIC.get(s.name, _flag(s.default))), s.meaning) for s in settings]
    knobs_ = [(f"`{k.name}`", str(k.default), f"{k.minimum} to {k.maximum}", k.meaning) for k in thresholds]
    return _page(
        "Configuration",
        intro,
        "## The installation",
        _table(("variable", "default", "meaning"), named),
        "## Thresholds",
        "From the tenant file's `[knobs]`, else from the environment, else the default.",
        _table(("variable", "default", "from, to", "meaning"), knobs_),
        "## A tenant file",
        _table(("field", "takes", "default"), _fields(TenantSettings.model_json_schema())),
    )


def _flag(default: str) -> str:
    # As one writes it in a file, not as Python shows it.
    return default.lower() if default in {"True", "False"} else default


def _fields(schema: Schema) -> list[tuple[str, str, str]]:
    shelf = cast("Mapping[str, Schema]", schema.get("$defs", {}))
    return sorted(_fields_of(schema, shelf), key=lambda row: "." in row[0])


def _fields_of(schema: Schema, shelf: Mapping[str, Schema], above: str = "") -> Iterable[tuple[str, str, str]]:
    required = cast("list[str]", schema.get("required", []))
    for name, field in cast("Mapping[str, Schema]", schema["properties"]).items():
        inner = _section(field, shelf)
        if inner:
            yield from _fields_of(inner, shelf, f"{above}{name}.")
        else:
            default = "required" if name in required else _code(_shown(field.get("default")))
            yield f"`{above}{name}`", _takes(field), default


def _section(field: Schema, shelf: Mapping[str, Schema]) -> Schema | None:
    for choice in cast("Sequence[Schema]", field.get("anyOf", [field])):
        if "$ref" in choice:
            return shelf[str(choice["$ref"]).rpartition("/")[2]]
    return None


def _takes(field: Schema) -> str:
    choices = [c for c in cast("Sequence[Schema]", field.get("anyOf", [field])) if c.get("type") != "null"]
    field = choices[0]
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in cast("list[object]", field["enum"]))
    if field.get("type") == "array":
        return f"list of {_takes(cast('Schema', field['items']))}"
    if field.get("type") == "object":
        return f"section: name = {_takes(cast('Schema', field['additionalProperties']))}"
    words = {"password": "secret text", "date": "date", "time": "time, as in `21:00`"}.get(str(field.get("format")))
    return words or {"string": "text", "integer": "number", "boolean": "true or false"}[str(field["type"])]


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, str) and re.fullmatch(r"\d\d:\d\d:00", default):
        return default[:5]
    if isinstance(default, list):
        return ", ".join(map(str, cast("list[object]", default)))
    return "" if default in (None, {}) else str(default)


# ---- errors --------------------------------------------------------------------------------------------------------


def errors_page(codes: Mapping[str, tuple[str, str]]) -> str:
    """Every code with its anchor, by family; the family decides the exit code."""
    intro = (
        "An error is told in four lines: what happened, why, what to do, and the line of this page. "
        "The hundreds digit is the family, and the family decides the exit code of the command. "
        "0 is well, 130 is Ctrl-C."
    )
    families: dict[Exit, list[str]] = {}
    for code, (title, meaning) in codes.items():
        families.setdefault(Problem(code, "", "", "").exit, []).append(f"### {code}\n\n**{title}.** {meaning}")
    told = [f"## {_FAMILIES[exit_]} (exit {int(exit_)})\n\n" + "\n\n".join(entries) for exit_, entries in families.items()]
    return _page("Errors", intro, *told)


# ---- markdown ------------------------------------------------------------------------------------------------------


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([HEADER, f"# {title}", *parts]) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(heads), _row(["---"] * len(heads)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in cells) + " |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    for path in write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        sys.stdout.write(f"{path}\n")
