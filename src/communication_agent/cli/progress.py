"""A progress bar for long work: on stderr, on a terminal only."""

from collections.abc import Generator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from communication_agent.cli.output import stderr


class Steps:
    """Counts finished steps; does nothing where nobody watches."""

    def __init__(self, progress: Progress | None, task: int) -> None:
        self._progress = progress
        self._task = task

    def done(self, what: str = "") -> None:
        """One more step is done; `what` says what comes next."""
        if self._progress:
            self._progress.update(self._progress.task_ids[self._task], advance=1, description=what or None)


@contextmanager
def steps(what: str, total: int) -> Generator[Steps]:
    """A bar for so many steps, gone when the work is done."""
    console = stderr()
    if not console.is_terminal or total < 2:
        yield Steps(None, 0)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(what, total=total)
        yield Steps(progress, 0)
