"""The SQL of the cellar: named blocks in sql/<noun>.sql, each with one line of why, read once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString, cast

FOLDER = Path(__file__).parent / "sql"

# What a block may declare beside its why; `dealer` stands before the first block and holds for the file.
MARKS = frozenset({"fanout", "dealer"})

_NAME = re.compile(r"^-- name:[ \t]*(\S+)[ \t]*\n", re.MULTILINE)
_MARK = re.compile(r"-- ([a-z_]+):[ \t]*(.+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One block; `text` has psycopg's named parameters `%(name)s` and no comment lines."""

    name: str
    why: str
    text: LiteralString
    marks: Mapping[str, str]

    @property
    def fanout(self) -> str | None:
        """Why it touches several tenants, None when it does not."""
        return self.marks.get("fanout")

    @property
    def dealer(self) -> bool:
        """Whether it runs on a dealer's database, where there is no tenant_id."""
        return "dealer" in self.marks


def packaged(text: str) -> LiteralString:
    """SQL that comes from a file of this package, not from anybody's input: the one door to the type psycopg asks for."""
    return cast("LiteralString", text)


@cache
def statements(noun: str) -> Mapping[str, Statement]:
    """The blocks of sql/<noun>.sql by name; raises ValueError for a malformed file, FileNotFoundError for none."""
    return parse((FOLDER / f"{noun}.sql").read_text(encoding="utf-8"), noun)


def nouns() -> list[str]:
    """Every noun that has statements, for tests that look at all of them."""
    return sorted(path.stem for path in FOLDER.glob("*.sql"))


def parse(source: str, noun: str = "source") -> Mapping[str, Statement]:
    """The blocks of one file's text; raises ValueError naming the block without a why, doubled, empty or wrongly marked."""
    head, *parts = _NAME.split(source)
    if _code(head):
        raise ValueError(f"{noun}: SQL stands before its first block")
    shared = _marks(noun, head.splitlines())
    found: dict[str, Statement] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in found:
            raise ValueError(f"{noun}.{name}: stands there twice")
        found[name] = _statement(f"{noun}.{name}", name, body, shared)
    return MappingProxyType(found)


def _statement(label: str, name: str, body: str, shared: Mapping[str, str]) -> Statement:
    comments = [line.strip() for line in body.splitlines() if line.lstrip().startswith("--")]
    first = comments[0] if body.startswith("--") else ""
    why = first.removeprefix("--").strip().removeprefix("why:").strip()
    if not why or why.startswith(tuple(f"{mark}:" for mark in MARKS)):
        raise ValueError(f"{label}: the line after its name has to say why it is there")
    if not (code := _code(body)):
        raise ValueError(f"{label}: is empty")
    return Statement(name, why, packaged(code), MappingProxyType({**shared, **_marks(label, comments[1:])}))


def _code(text: str) -> str:
    # Without comment lines: psycopg would take a percent sign in one for a parameter.
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--")).strip().removesuffix(";")


def _marks(label: str, lines: list[str]) -> dict[str, str]:
    found = {match[1]: match[2] for line in lines if (match := _MARK.fullmatch(line.strip()))}
    for mark in found:
        if mark not in MARKS:
            raise ValueError(f"{label}: {mark} is no mark; there are {', '.join(sorted(MARKS))}")
    return found
