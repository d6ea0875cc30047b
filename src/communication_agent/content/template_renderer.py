"""Wording as Liquid behind a narrow door: checked before it is parsed, bounded when it runs, its errors name the place."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from communication_agent.content.catalogue import nearest
from communication_agent.errors import Problem

MAX_SOURCE = 32_000  # bytes
MAX_TAG = 400  # characters
MAX_TAGS = 200
MAX_BRACKETS = 4  # in one tag
TAGS = frozenset({"if", "elsif", "else", "endif", "unless", "endunless", "case", "when", "endcase", "for", "endfor"})
FILTERS = frozenset({"default", "capitalize", "upcase", "downcase", "strip", "truncate", "money", "date", "escape"})

_DELIMITER = re.compile(r"\{\{|\{%|%\}|\}\}")
_TAG_NAME = re.compile(r"-?\s*([^\s%-]*)")
# Besides line breaks and tabs; the last two mark numbers that stay on one line (no_break.py).
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ue000\ue001]")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_CLOSES = {"{{": "}}", "{%": "%}"}


class _Tree(Protocol):
    """A parsed template; liquid_engine.Tree."""

    variables: frozenset[str]
    filters: frozenset[str]

    def render(self, facts: Mapping[str, object]) -> str: ...


@dataclass(frozen=True, slots=True)
class Template:
    """Wording that has been checked and parsed."""

    source: str
    variables: frozenset[str]
    _tree: _Tree = field(repr=False)

    def render(self, facts: Mapping[str, object]) -> str:
        """The words for these facts; raises Problem CA-308 naming a variable that is looked up and absent."""
        return self._tree.render(facts)

    def used(self, facts: Mapping[str, object]) -> frozenset[str]:
        """The variables that are looked up when it is rendered with these facts, known or not."""
        seen = _Seen(facts)
        self._tree.render(seen)
        return frozenset(seen.names & self.variables)


class _Seen(dict[str, object]):
    """Facts that remember which of them were asked for; absent ones are empty."""

    def __init__(self, facts: Mapping[str, object]) -> None:
        super().__init__(facts)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> object:
        self.names.add(name)
        return self.get(name, "")


def compile_template(source: str, *, html: bool) -> Template:
    """`source` as a template, parsed once; in HTML every value is escaped, in text none.

    Raises Problem CA-308 naming the line, and the tag or filter that is not allowed.
    """
    if len(source) > MAX_SOURCE or len(source.encode(errors="replace")) > MAX_SOURCE:
        raise _refused("The template is too long", f"It may have {MAX_SOURCE} bytes.", "Shorten it.")
    return _compiled(source, html)


@lru_cache(maxsize=1024)
def _compiled(source: str, html: bool) -> Template:  # noqa: FBT001 - a private cache key
    guard(source)
    from communication_agent.content.liquid_engine import Tree  # noqa: PLC0415 - 0.4 s that a command without words is spared

    tree = Tree(source, html=html)
    for name in sorted(tree.filters - FILTERS):
        raise _refused(f'There is no filter "{name}"', f"Filters are {', '.join(sorted(FILTERS))}.", "Use one of these, or none.")
    return Template(source, tree.variables, tree)


def guard(source: str) -> None:
    """Refuse in one linear pass what the parser would need quadratic time or much memory for; raises Problem CA-308."""
    if found := _CONTROL.search(source):
        raise _at(source, found, "a control character", "Remove it.")
    opened: re.Match[str] | None = None
    tags = 0
    for mark in _DELIMITER.finditer(source):
        if opened is None:
            opened = _opening(source, mark)
            tags += 1
        elif mark.group() == _CLOSES[opened.group()]:
            _check_tag(source, opened, source[opened.end() : mark.start()])
            opened = None
        else:
            raise _at(source, mark, f"{mark.group()} inside {opened.group()}", "Close the first tag before the next one.")
    if opened:
        raise _at(source, opened, f"{opened.group()} is never closed", f"Write {_CLOSES[opened.group()]} after it.")
    if tags > MAX_TAGS:
        raise _refused(f"The template has {tags} tags", f"At most {MAX_TAGS} are allowed.", "Say it in fewer.")


def unknown(template: Template, known: frozenset[str]) -> Problem | None:
    """What is wrong when the template names a variable that nobody knows, even in a branch that is seldom taken."""
    for name in sorted(template.variables - known):
        close = nearest(name, known)
        do = f"Did you mean {close}?" if close else "`communication-agent types show` lists the variables."
        return _refused(f'"{name}" is not known', "There is no variable of that name.", do)
    return None


def _opening(source: str, mark: re.Match[str]) -> re.Match[str]:
    if mark.group() not in _CLOSES:
        raise _at(source, mark, f"{mark.group()} closes nothing", "Remove it, or write its beginning.")
    return mark


def _check_tag(source: str, opened: re.Match[str], inner: str) -> None:
    if len(inner) > MAX_TAG:
        raise _at(source, opened, f"a tag of {len(inner)} characters", f"At most {MAX_TAG} are allowed.")
    if opened.group() == "{%":
        _check_name(source, opened, inner)
    bare = _QUOTED.sub("", inner)
    if ".." in bare:
        raise _at(source, opened, "a range (..)", "Ranges are not allowed.")
    if sum(bare.count(bracket) for bracket in "([{") > MAX_BRACKETS:
        raise _at(source, opened, "too many brackets", f"At most {MAX_BRACKETS} are allowed in a tag.")


def _check_name(source: str, opened: re.Match[str], inner: str) -> None:
    found = _TAG_NAME.match(inner)
    name = found.group(1) if found else ""
    if name not in TAGS:
        allowed = ", ".join(sorted(name for name in TAGS if not name.startswith("end")))
        raise _at(source, opened, f'the tag "{name[:40]}" is not allowed', f"Tags are {allowed}.")


def _at(source: str, mark: re.Match[str], what: str, do: str) -> Problem:
    line = source.count("\n", 0, mark.start()) + 1
    return _refused(f"Line {line}: {what}", f"Near: {source[mark.start() : mark.start() + 40]!r}", do)


def _refused(what: str, why: str, do: str) -> Problem:
    return Problem("CA-308", f"{what}.", why, do)
