"""Names that people type: the nearest one when there is none."""

import difflib
from collections.abc import Mapping

from communication_agent.communication import Communication
from communication_agent.errors import Problem


def types_named(name: str, shelf: Mapping[str, Communication]) -> list[Communication]:
    """The type of this name (`seasonal_reminder` is two); raises Problem CA-201 naming the nearest one."""
    found = [c for c in shelf.values() if c.name == name or (name == "seasonal_reminder" and c.name.startswith(f"{name}_"))]
    if not found:
        near = difflib.get_close_matches(name, [*shelf, "all"], n=1, cutoff=0.4)
        why = f"did you mean {near[0]}?" if near else "no name is like it"
        raise Problem("CA-201", f"There is no communication type {name!r}.", why, "communication-agent types list")
    return found


def type_named(name: str, shelf: Mapping[str, Communication]) -> Communication:
    """The one type of this name; raises Problem CA-201."""
    return types_named(name, shelf)[0]
