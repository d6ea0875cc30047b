"""The catalogue of variables: every fact that a message can name, with its type, source and examples."""

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib import resources

# Every wording has to read well without these.
ALWAYS_OPTIONAL = frozenset({"first_name", "offer_text", "offer_expires", "inquiry_summary"})
# Empty ones choose the general words: no file attached, machine of unknown kind.
CHOOSES_WORDS = frozenset({"has_attachment", "power_source"})


class Kind(StrEnum):
    """What a variable's value looks like; the first word of its type in the catalogue."""

    TEXT = "text"
    DATE = "date"
    TIME = "time"
    MONEY = "money"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    ENUM = "enum"
    PHONE = "phone"
    EMAIL = "email"
    HTTPS = "https"  # a whole address
    URL = "url"  # a short one, which may come without https://


@dataclass(frozen=True)
class Variable:
    """One fact that wording can name."""

    name: str
    type: str
    source: str
    example: str
    long_example: str
    meaning: str

    @cached_property
    def kind(self) -> Kind:
        """The kind that the type names."""
        return Kind(self.type.removeprefix("GSM-7 ").split()[0].rstrip(",").lower())

    @cached_property
    def limit(self) -> int | None:
        """The greatest length in characters, None when the type names none."""
        found = re.search(r"text <= (\d+)", self.type)
        return int(found.group(1)) if found else None

    @cached_property
    def uncut(self) -> bool:
        """Whether a part of it would be false: numbers that people look up, and words that must not be rewritten."""
        return "verbatim" in self.source or self.name.endswith(("_number", "_reference"))


def _load() -> dict[str, Variable]:
    text = resources.files("communication_agent.content").joinpath("variables.toml").read_text(encoding="utf-8")
    return {name: Variable(name=name, **row) for name, row in tomllib.loads(text).items()}


CATALOGUE = _load()


def nearest(name: str, also: Iterable[str] = ()) -> str | None:
    """The known variable that `name` was probably meant to be, None when nothing is close."""
    close = difflib.get_close_matches(name, {*CATALOGUE, *also}, n=1)
    return close[0] if close else None
