"""docs/benchmarks.md: one section a script, each replaced by its newest run."""

import re
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_HEAD = """\
# Benchmarks

What we claim, with the command that measures it. Absolute figures belong to the machine that is named; a shared one adds
noise, so each table shows every run and the median. Each script checks that what it measured was done right.
"""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [heads, ["---"] * len(heads), *rows])


def put(name: str, section: str) -> Path:
    """Write a script's section into the page, in the place of its last one; returns the page's path."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else _HEAD
    block = f"<!-- {name} -->\n{section.strip()}\n<!-- /{name} -->\n"
    pattern = re.compile(rf"<!-- {name} -->\n.*?<!-- /{name} -->\n", re.DOTALL)
    # A function, because a backslash in a figure's words would be read as a group.
    text = pattern.sub(lambda _: block, text) if pattern.search(text) else f"{text.rstrip()}\n\n{block}"
    PAGE.write_text(text, encoding="utf-8")
    return PAGE
