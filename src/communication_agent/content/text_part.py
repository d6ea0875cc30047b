"""The plain-text part of an email, written from the same blocks as the HTML: 78 columns, links on lines of their own."""

from collections.abc import Iterator

from communication_agent.content.blocks import Blocks, Branding
from communication_agent.content.no_break import PLAIN

WIDTH = 78


def render_text(branding: Branding, blocks: Blocks) -> str:
    """The plain-text part; ends with a line break."""
    signature = "\n".join(line for line in (branding.sender_name, branding.name) if line)
    reach = "\n".join(line for line in (branding.hours, branding.phone) if line)
    parts = [
        *(_wrapped(paragraph) for paragraph in blocks.paragraphs),
        f"{blocks.button_label}:\n{_target(blocks.button_url, branding)}",
        signature,
        "-" * 24,
        "\n".join(line for line in (branding.name, branding.address, reach) if line),
        f"{_wrapped(blocks.reason_line)}\n{blocks.settings_label}:\n{blocks.settings_url}",
    ]
    return "\n\n".join(parts) + "\n"


def _target(url: str, branding: Branding) -> str:
    """Where the button leads, as people type it."""
    if url.startswith("tel:"):
        return branding.phone
    return url.removeprefix("mailto:").partition("?")[0] if url.startswith("mailto:") else url


def _wrapped(paragraph: str) -> str:
    return "\n".join(row for line in paragraph.split("\n") for row in _rows(line)).translate(PLAIN)


def _rows(line: str) -> Iterator[str]:
    """Greedy wrapping at plain blanks only; a word that is longer than a row gets one of its own."""
    row = ""
    for word in line.split(" "):
        if row and len(row) + 1 + len(word) > WIDTH:
            yield row
            row = word
        else:
            row = f"{row} {word}" if row else word
    yield row
