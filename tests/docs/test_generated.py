"""The pages and files that are made from code say what the code says."""

import re
from pathlib import Path

import pytest

from communication_agent import communications, docs
from communication_agent.communication import Communication
from communication_agent.config import Config, Setting, describe, load
from communication_agent.errors import CODES, Problem
from communication_agent.registry import discover

ROOT = Path(__file__).parents[2]
SETTINGS = {setting.name: setting for setting in describe(Config.model_construct())}
KNOBS = {knob.name: knob for knob in docs.knobs(discover(communications, Communication).values())}


@pytest.mark.parametrize("name", docs.pages())
def test_a_generated_page_says_what_the_code_says(name: str) -> None:
    path = ROOT / "docs" / name
    assert path.exists(), f"docs/{name} is missing: run make docs"
    assert path.read_text(encoding="utf-8") == docs.pages()[name], f"docs/{name} is older than the code: run make docs"


def test_the_pages_are_the_same_on_every_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = docs.pages()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "somebody"))
    monkeypatch.setenv("HEALTH_PORT", "9")
    monkeypatch.chdir(tmp_path)
    assert docs.pages() == here


def test_a_default_that_depends_on_the_machine_is_written_symbolically() -> None:
    made = {name.upper() for name, field in Config.model_fields.items() if field.default_factory}
    assert made == docs.SYMBOLIC.keys()


def test_make_docs_writes_every_page(tmp_path: Path) -> None:
    written = docs.write(tmp_path / "new")
    assert {path.name: path.read_text(encoding="utf-8") for path in written} == docs.pages()


@pytest.mark.parametrize("code", CODES)
def test_the_last_line_of_an_error_leads_to_its_place_in_the_docs(code: str) -> None:
    page, anchor = Problem(code, "", "", "").lines[3].removeprefix("More: ").split("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in {_anchor(heading) for heading in headings}


def test_every_type_and_every_threshold_of_the_shelf_is_told() -> None:
    shelf = discover(communications, Communication)
    page = docs.pages()["communications.md"]
    for name, communication in shelf.items():
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert communication.reason_line in section
        assert all(f"`{knob.name}`" in section for knob in communication.knobs)


# ---- .env.example ---------------------------------------------------------------------------------------------------


def _example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return {match[1]: match[2] for line in lines if (match := re.fullmatch(r"# ([A-Z][A-Z0-9_]+)=(.*)", line))}


def test_the_example_environment_has_every_setting_with_its_default() -> None:
    settings = {name: _written(setting) for name, setting in SETTINGS.items()}
    assert _example() == settings | {name: str(knob.default) for name, knob in KNOBS.items()}


def test_the_example_environment_says_what_each_setting_means() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    meanings = {name: setting.meaning for name, setting in SETTINGS.items()} | {name: knob.meaning for name, knob in KNOBS.items()}
    assert [name for name, meaning in meanings.items() if f"# {meaning}\n# {name}=" not in text] == []


def test_the_example_environment_changes_nothing_when_it_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [*SETTINGS, "XDG_DATA_HOME"]:
        monkeypatch.delenv(name, raising=False)
    plain = load(_env_file=None)
    every_line = tmp_path / ".env"
    every_line.write_text("".join(f"{name}={value}\n" for name, value in _example().items()), encoding="utf-8")
    used = load(_env_file=every_line)
    assert used.home == plain.home
    unlike = {name for name in Config.model_fields if getattr(used, name) != getattr(plain, name)}
    assert unlike <= {"communication_agent_home"}  # written with ~ there


def _written(setting: Setting) -> str:
    default = docs.SYMBOLIC.get(setting.name, setting.default)
    return default.lower() if default in {"True", "False"} else default


def _anchor(heading: str) -> str:
    """As GitHub makes it: lower case, punctuation gone, spaces to hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
