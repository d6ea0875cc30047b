"""A frozen email as a picture in a frame: the words untouched, the color scheme fixed, nothing alive."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

# Only here styles may stand in the document: it is an email. Nothing runs, nothing is fetched, nothing is sent.
FRAME_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'self'; sandbox"
)

_DARK_QUERY = re.compile(r"prefers-color-scheme\s*:\s*dark")
_SCHEMES = re.compile(r"(color-schemes?\s*:\s*|content=\")light dark")
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_LINKS = ("https://", "http://", "mailto:", "tel:")


@dataclass(frozen=True, slots=True)
class Link:
    """A link in an email: its words and where it leads."""

    words: str
    href: str


def framed(html: str, scheme: str) -> str:
    """The email as somebody with this color scheme (light or dark) sees it, whatever the browser's own; its links are dead."""
    query = "min-width:0" if scheme == "dark" else "max-width:0"
    fixed = _SCHEMES.sub(rf"\g<1>{scheme}", _DARK_QUERY.sub(query, html))
    # In a sandbox no link may open a window, so this one makes each of them do nothing.
    return _HEAD.sub(lambda head: f'{head[0]}<base target="_blank">', fixed, count=1)


def links_of(html: str) -> list[Link]:
    """Where the email's links lead, each once, in their order."""
    reader = _LinkReader()
    reader.feed(html)
    reader.close()
    return list(dict.fromkeys(Link(" ".join(words.split()), href) for href, words in reader.found if href.startswith(_LINKS)))


class _LinkReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and (href := dict(attrs).get("href")):
            self.found.append((href, ""))
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "a"

    def handle_data(self, data: str) -> None:
        if self.inside:
            href, words = self.found[-1]
            self.found[-1] = (href, words + data)
