"""Keeps phones, money, dates and hours on one line in HTML; templates compare the plain value, plain text shows it."""

import re
from collections.abc import Mapping
from typing import Self

from communication_agent.content.catalogue import CATALOGUE, Kind

NO_BREAK = str.maketrans({" ": "\u00a0", "-": "\u2011"})
# Numbers that people copy must stay as they are: marks around them become markup. Private characters, which no fact has.
KEEP, END_KEEP = "\ue000", "\ue001"
PLAIN = str.maketrans({"\u00a0": " ", "\u2011": "-", KEEP: None, END_KEEP: None})

_HOURS = frozenset({"dealership_hours", "delivery_window", "event_time"})
_KINDS = frozenset({Kind.PHONE, Kind.MONEY, Kind.DATE, Kind.TIME})
_LONGEST_KEPT = 24  # characters; a longer one would not fit on a phone
_BEFORE_DIGIT = re.compile(r"-(?=\d)")


class Shown(str):
    """A value that is printed in another form than the one that templates compare."""

    __slots__ = ("form",)

    form: str

    def __new__(cls, value: str, form: str) -> Self:
        """`value`, printed as `form`."""
        self = super().__new__(cls, value)
        self.form = form
        return self


def unbroken(facts: Mapping[str, str]) -> dict[str, str]:
    """The facts as an email prints them."""
    return {name: _shown(name, value) for name, value in facts.items()}


def unbroken_hours(hours: str) -> str:
    """Opening hours that break only after a comma: Mon-Fri 8-5:30, | Sat 8-1."""
    return ", ".join(part.translate(NO_BREAK) for part in hours.split(", "))


def _shown(name: str, value: str) -> str:
    variable = CATALOGUE.get(name)
    if variable is None or not value:
        return value
    if variable.kind in _KINDS:
        return Shown(value, value.translate(NO_BREAK))
    if name in _HOURS:
        return Shown(value, unbroken_hours(value))
    if name.startswith("equipment_"):
        return Shown(value, _BEFORE_DIGIT.sub("\u2011", value))
    if variable.uncut and len(value) <= _LONGEST_KEPT:
        return Shown(value, f"{KEEP}{value}{END_KEEP}")
    return value
