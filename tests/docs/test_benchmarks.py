"""The benchmarks run, count what they did, and write their page."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bench import __main__ as runner
from bench import drain, machine, page

from communication_agent.db.embedded import EmbeddedPostgres

ROOT = Path(__file__).parents[2]


def test_a_small_drain_sends_every_message_once_and_says_what_it_took() -> None:
    words = [sys.executable, "-m", "bench", "drain", "--jobs", "40", "--concurrent", "16", "--runs", "1"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    figures = re.search(r"^\| 1 \| (.+) \|$", done.stdout, re.MULTILINE)
    assert figures
    assert len(figures[1].split(" | ")) == len(drain.HEADS) - 1
    assert all(float(figure.replace(",", "")) >= 0 for figure in figures[1].split(" | "))


def test_what_was_not_sent_is_a_wrong_count(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    server.start()
    try:
        asyncio.run(drain._set_up(tmp_path, 3))
        wrong = asyncio.run(drain._wrong_counts(tmp_path, 3))
    finally:
        server.stop()
    assert wrong == {"sent": 0, "left_over": 3, "customers": 0, "messages": 0, "dispatched": 0, "files": 0}


def test_a_name_that_is_no_benchmark_is_refused() -> None:
    assert runner.main(["nothing"]) == 2


def test_the_newest_run_takes_the_place_of_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "benchmarks.md")
    for name, text in (("drain", "old"), ("scan", "other"), ("drain", r"new \1")):
        page.put(name, text)
    written = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert re.findall(r"<!-- (\w+) -->\n(.*)\n<!-- /\w+ -->", written) == [("drain", r"new \1"), ("scan", "other")]


def test_the_table_in_the_docs_has_the_columns_that_are_measured() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert "| " + " | ".join(drain.HEADS) + " |" in text


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
def test_the_processor_time_of_a_server_counts_its_children() -> None:
    busy = "sum(range(20_000_000))"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{busy}']); input()"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, text=True) as process:
        # Its child has ended when it reads; what the child used belongs to it then.
        while (used := machine.server_cpu_seconds(process.pid) or 0.0) < 0.1:
            assert process.poll() is None
        process.communicate("\n")
    assert used >= 0.1
