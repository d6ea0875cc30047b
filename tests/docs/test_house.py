"""docs/house.md describes the house that stands here, and the house keeps to its sizes."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from communication_agent.domain import TRANSITIONS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "communication_agent"
HOUSE = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
MODULES = [path for path in SOURCE.rglob("*.py") if path.name != "__init__.py"]
PYTHON = [path for folder in ("src", "bench", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]

LONGEST_FUNCTION, LONGEST_FILE, LONGEST_TEST_FILE = 50, 300, 500


def test_every_module_has_its_place_in_the_tree() -> None:
    tree = _fenced(HOUSE, "## 3. The tree")
    named = set(re.findall(r"[\w/]+\.py\b", tree))
    assert sorted(path.name for path in MODULES if path.name not in named) == []


def test_the_tree_names_no_module_that_has_gone() -> None:
    tree = _fenced(HOUSE, "## 3. The tree")
    names = {path.name for path in MODULES}
    assert sorted(set(re.findall(r"[\w/]+\.py\b", tree)) - names) == []


def test_every_package_stands_on_a_floor() -> None:
    floors = {name.strip() for floor in _layers() for name in floor.split("|")}
    rooms = {path.stem for path in SOURCE.glob("*.py")} | {
        path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()
    }
    assert sorted(rooms - floors - {"__init__"}) == []


def test_the_picture_of_the_floors_is_the_contract() -> None:
    picture = _fenced(HOUSE, "## 2. Floors").splitlines()
    drawn = [re.split(r"\s{2,}", line[10:].strip())[0] for line in picture]
    assert drawn == _layers()


def test_the_picture_of_the_states_is_the_table() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+)", HOUSE, re.MULTILINE))
    assert drawn == {(str(before), str(after)) for before, steps in TRANSITIONS.items() for after in steps}


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_fits_on_a_few_screens(path: Path) -> None:
    longest = LONGEST_TEST_FILE if "tests" in path.parts else LONGEST_FILE
    assert len(path.read_text(encoding="utf-8").splitlines()) <= longest


def test_a_function_fits_on_one_screen() -> None:
    too_long = [f"{path.relative_to(ROOT)}: {name} has {lines} lines" for path in PYTHON for name, lines in _functions(path)]
    assert too_long == []


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield node.name, lines


def _layers() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = cast("list[dict[str, list[str]]]", project["tool"]["importlinter"]["contracts"])
    return next(contract["layers"] for contract in contracts if "layers" in contract)


def _fenced(page: str, heading: str) -> str:
    return page.partition(f"{heading}\n")[2].partition("```\n")[2].partition("\n```")[0]
