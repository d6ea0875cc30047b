"""What README, CONTRIBUTING and the deployment files say can be done: commands run, examples work, links lead somewhere."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import psycopg
import pytest
from policy_cases import NOW, case

from communication_agent import communications, docs, errors, telemetry
from communication_agent.cli.main import COMMANDS
from communication_agent.communication import Communication
from communication_agent.content.variables import missing
from communication_agent.db.audience_sql import Window, parameters, plan_of_candidates
from communication_agent.db.embedded import EmbeddedPostgres
from communication_agent.domain import Accepted, Channel, Message, Snooze
from communication_agent.policy import RULES, decide, rules
from communication_agent.provider import Dispatch, Provider
from communication_agent.registry import discover
from communication_agent.tenant import TenantSettings
from support.ordinary_server import OrdinaryServer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `kind` is what stands after the fence, such as `sh run`."""

    page: str
    kind: str
    text: str


def _blocks(page: str, kind: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(page, name, body) for name, body in found if name.split("=")[0] == kind]


def _example(page: str, kind: str) -> tuple[str, str]:
    """The name and the text of the page's only block of this kind, such as `python type=blade_season`."""
    (block,) = _blocks(page, kind)
    return block.kind.partition("=")[2], block.text


# ---- commands -------------------------------------------------------------------------------------------------------


@pytest.fixture
def somewhere(tmp_path: Path, central_copy: str, foreign_dealer: OrdinaryServer) -> dict[str, str]:
    """An empty installation, and in its directory the README's tenant file on a dealer's database that is really there."""
    (tenant,) = _blocks("README.md", "toml tenant")
    text = tenant.text.replace("port = 5432", f"port = {foreign_dealer.port}")
    (tmp_path / "northside.toml").write_text(text, encoding="utf-8")
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "HOME": str(tmp_path),
        "COMMUNICATION_AGENT_HOME": str(tmp_path / "home"),
        "CENTRAL_DB_URL": central_copy,
        "HEALTH_PORT": "0",
    }


@pytest.mark.parametrize("block", _blocks("README.md", "sh run"), ids=lambda block: block.text.split("\n")[0])
def test_the_commands_of_the_readme_run_as_they_stand(block: Block, somewhere: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        cwd=somewhere["HOME"],
        env=somewhere,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr.replace("\n", " ")[:400]) == (0, done.stderr.replace("\n", " ")[:400])
    assert done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"(?:^|[`$ ])communication-agent ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    known = {*COMMANDS, "--help"}
    assert sorted({word for word in named if word not in known} - {"is", "can"}) == []


def test_every_make_target_that_a_page_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {word for page in PAGES for word in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))}
    assert sorted(target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)) == []


def test_the_metrics_that_operations_names_are_the_ones_that_exist() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.partition("`GET /metrics`")[2].partition("\nLogs go")[0]
    named = set(re.findall(r"`(communication_\w+)`", section))
    existing = {f"{m.name}_total" if m.type == "counter" else m.name for m in telemetry.REGISTRY.collect()}
    assert named == existing


# ---- links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    broken = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link and not _exists(page, link)]
    assert broken == []


def _exists(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists() or not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# ---- examples -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["README.md", "docs/examples/tenant.toml"])
def test_a_tenant_file_that_is_shown_is_valid(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8") if name.endswith(".toml") else _blocks(name, "toml tenant")[0].text
    tenant = TenantSettings.model_validate(tomllib.loads(text))
    assert (tenant.id, tenant.sending) == ("northside", "outbox")


def test_the_example_of_a_tenant_file_has_every_field() -> None:
    text = re.sub(r"^# (?=\[|\w+ = )", "", (ROOT / "docs/examples/tenant.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    shown = {f"{section}.{name}" if isinstance(fields, dict) else section
             for section, fields in tomllib.loads(text).items()
             for name in (fields if isinstance(fields, dict) else [section])}  # fmt: skip
    told = set(re.findall(r"^\| `([a-z_.]+)` \|", docs.pages()["configuration.md"], re.MULTILINE))
    free = {"knobs", "types", "channels"}  # sections of names that the dealer chooses
    assert {name for name in shown if name.partition(".")[0] not in free} == told - free
    assert free <= {name.partition(".")[0] for name in shown}


def test_the_example_of_a_type_is_found_told_and_understood_by_a_dealers_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: EmbeddedPostgres, dealer_template: str
) -> None:
    name, text = _example("CONTRIBUTING.md", "python type")
    (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(communications, "__path__", [str(tmp_path)])
    shelf = discover(communications, Communication)
    monkeypatch.delitem(sys.modules, f"{communications.__name__}.{name}")

    assert f"## {name}" in docs.communications_page(shelf.values())
    assert "dealership_phone" in missing(shelf[name], {}, Channel.EMAIL)  # its words can be read
    assert "equipment_short" in missing(shelf[name], {}, Channel.SMS)
    values = parameters(Window(date(2026, 3, 2), date(2026, 3, 1), date(2026, 3, 2)), "America/New_York", {})
    with psycopg.connect(postgres.dsn(dealer_template)) as conn:
        plan = conn.execute(plan_of_candidates(shelf[name]), values).fetchone()
    assert plan


async def test_the_example_of_a_provider_sends(tmp_path: Path) -> None:
    name, text = _example("CONTRIBUTING.md", "python provider")
    module = ModuleType(name)
    exec(compile(text, f"{name}.py", "exec"), vars(module))  # noqa: S102 - our own page's example
    provider = vars(module)["PROVIDER"]
    assert isinstance(provider, Provider)
    assert provider.name == name
    message = Message(uuid4(), "northside", Channel.SMS, "Northside", "+13125550191", NOW, text="Ready")

    receipt = await provider.send(Dispatch(message, {"loft": str(tmp_path)}))

    assert isinstance(receipt, Accepted)
    assert (tmp_path / str(receipt.provider_id)).read_text() == "Ready"


def test_the_example_of_a_rule_waits_for_monday() -> None:
    name, text = _example("CONTRIBUTING.md", "python rule")
    namespace = {**vars(rules)}
    exec(compile(text, f"{name}.py", "exec"), namespace)  # noqa: S102 - our own page's example
    sunday = datetime.fromisoformat("2026-11-22T12:00:00-05:00").astimezone(UTC)
    monday = datetime.fromisoformat("2026-11-23T09:00:00-05:00")
    verdicts = [decide(case(now=now), (*RULES, namespace[name])) for now in (sunday, monday)]
    assert verdicts[0] == Snooze(monday, name)
    assert not isinstance(verdicts[1], Snooze)


# ---- deployment -----------------------------------------------------------------------------------------------------


def test_the_container_is_built_from_the_lock_and_runs_as_nobody_in_particular() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes --requirement requirements.txt" in text
    assert re.search(r"^USER (?!root)\w+", text, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK[^\n]*\\\n[^\n]*/health", text, re.MULTILINE)
    copied = [source for line in re.findall(r"^COPY (?!--)(.+)$", text, re.MULTILINE) for source in line.split()[:-1]]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert [source for source in copied if not (ROOT / source).exists() or f"!{source}" not in ignored] == []


def test_compose_gives_the_service_no_more_than_it_needs() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    app = text.partition("\n  app:\n")[2].partition("\nvolumes:\n")[0]
    for needed in (
        "read_only: true",
        "cap_drop:\n      - ALL",
        "no-new-privileges:true",
        "env_file: .env",
        "condition: service_healthy",
    ):
        assert needed in app
    assert "ports:" not in app  # the console has no logins
    assert "/data" in app
    seconds = re.search(r"stop_grace_period: (\d+)s", app)
    assert seconds
    assert int(seconds[1]) > 30


def test_every_code_is_explained_with_its_exit_code() -> None:
    page = docs.pages()["errors.md"]
    for code in errors.CODES:
        section = page.partition(f"\n### {code}\n")[0].rpartition("\n## ")[2]
        assert f"(exit {int(errors.Problem(code, '', '', '').exit)})" in section
