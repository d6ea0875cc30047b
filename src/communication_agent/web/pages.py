"""Templates into pages: one environment that escapes everything, and assets that may be kept for ever."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

STATIC = Path(__file__).parent / "static"

Filters = Mapping[str, Callable[..., object]]


@dataclass(frozen=True, slots=True)
class Pages:
    """Makes HTML responses from templates of this package."""

    environment: Environment = field(repr=False)

    @classmethod
    def made(cls, filters: Filters) -> "Pages":
        """An environment with these filters; a name that a template does not know is an error."""
        loader = ChoiceLoader([
            PackageLoader("communication_agent.web", "templates"),
            PackageLoader("communication_agent.web.console", "templates"),
        ])  # fmt: skip
        environment = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
        )
        environment.filters.update(filters)
        environment.globals["asset"] = asset
        return cls(environment)

    def page(
        self, template: str, values: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> HTMLResponse:
        """The template with these values."""
        return HTMLResponse(self.environment.get_template(template).render(values), status, headers)


@cache
def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"
