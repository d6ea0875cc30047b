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


def test_a_drain_counts_what_was_not_sent_and_sends_every_message_once(tmp_path: Path) -> None:
    options = drain._options(["--jobs", "40", "--concurrent", "16"])
    server = EmbeddedPostgres(tmp_path)
    server.start()
    try:
        asyncio.run(drain._set_up(tmp_path, options.jobs))
        before = asyncio.run(drain._wrong_counts(tmp_path, options.jobs))
        drained = drain._work_in_a_process_of_its_own(tmp_path, options)
        after = asyncio.run(drain._wrong_counts(tmp_path, options.jobs))
    finally:
        server.stop()
    assert before == {"sent": 0, "left_over": 40, "customers": 0, "messages": 0, "dispatched": 0, "files": 0}
    assert after == {}
    assert 0 < drained.cpu_seconds < 60
    assert 20 < drained.peak_mb < 400


def test_the_median_run_is_told_last() -> None:
    runs = [drain.Run(100, 1.0, drain.Drained(seconds, seconds, 50.0), 0.5, 20.0, 1.0) for seconds in (4.0, 1.0, 2.0)]
    rows = [line for line in drain._section(drain._options([]), runs).splitlines() if line.startswith("|")]
    assert rows[-1] == "| **median** | **50** | **2.00** | **20,000** | **5,000** | **50** | **20** | **100** | **1.0** |"
    assert len(rows) == 2 + 3 + 1


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
