"""Looking at the program's pages: without a network, or from a real server on loopback; and reading what they are made of."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser

from httpx2 import ASGITransport, AsyncClient

from communication_agent.app import App
from communication_agent.web.app import build, listen, serve

BASE = "http://127.0.0.1:8080"
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
BLOCKS = frozenset({"td", "th", "dt", "dd", "li", "p", "h1", "h2", "h3", "div", "tr", "br"})
FORM = {"sec-fetch-site": "same-origin", "origin": BASE}


@asynccontextmanager
async def visitor(app: App, base: str = BASE) -> AsyncGenerator[AsyncClient]:
    """Somebody who asks the program for pages, in this process."""
    async with AsyncClient(transport=ASGITransport(app=build(app)), base_url=base) as client:
        yield client


@asynccontextmanager
async def served(app: App) -> AsyncGenerator[str]:
    """A real server on a free port of loopback; its address."""
    stopping, listener = asyncio.Event(), listen(app.config.model_copy(update={"health_port": 0}))
    serving = asyncio.create_task(serve(app, stopping, listener=listener))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopping.set()
        await asyncio.wait_for(serving, 10)


@dataclass
class Node:
    """One element with its attributes, its ancestors' names and its words."""

    name: str
    attributes: dict[str, str | None]
    above: tuple[str, ...]
    words: str = ""
    inside: list["Node"] = field(default_factory=list["Node"])


class Page(HTMLParser):
    """A page's elements in their order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self._open: list[Node] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, dict(attrs), tuple(n.name for n in self._open))
        for outer in self._open:
            outer.inside.append(node)
        self.nodes.append(node)
        if tag in BLOCKS:
            self.handle_data(" ")
        if tag not in VOID:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.nodes.append(Node(tag, dict(attrs), tuple(n.name for n in self._open)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().name != tag:
            pass

    def handle_data(self, data: str) -> None:
        for node in self._open:
            node.words += data

    def all(self, *names: str) -> list[Node]:
        """The elements of these names."""
        return [node for node in self.nodes if node.name in names]

    @property
    def words(self) -> str:
        """The page's words, as somebody reads them, in one line."""
        return " ".join(next(node.words for node in self.nodes if node.name == "body").split())


def preference_path(mail: bytes) -> str:
    """The path of the preference page that a mail's List-Unsubscribe names."""
    found = re.search(rb"List-Unsubscribe: <http://127\.0\.0\.1:8080(/p/[\w-]+)>", mail)
    assert found
    return found[1].decode()
