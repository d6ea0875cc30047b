"""The one branded layout of all emails: MJML, compiled once, filled with escaped values."""

import re
from functools import cache, lru_cache
from html import escape
from importlib import resources

from communication_agent.content.blocks import Blocks, Branding
from communication_agent.content.color import GROUND, readable, readable_on_dark
from communication_agent.content.no_break import END_KEEP, KEEP, NO_BREAK, unbroken_hours

_SLOT = re.compile(r"\[\[(\w+)\]\]")
# Fills the preview line of an inbox, so that the greeting does not run on behind the preheader.
_PADDING = "&#847;&zwnj;&nbsp;" * 60
_PARAGRAPH = '<p style="margin:0 0 18px">'
_MARKS = str.maketrans({"\n": "<br>", KEEP: '<span style="white-space:nowrap">', END_KEEP: "</span>"})


def render_html(branding: Branding, blocks: Blocks) -> str:
    """The HTML part; every value is escaped, none is ever read as a template."""
    values = {
        "subject": _text(blocks.subject),
        "preheader": _text(blocks.preheader),
        "body": _body(branding, blocks),
        "button_label": _text(blocks.button_label),
        "button_url": escape(blocks.button_url),
        "reason_line": _text(blocks.reason_line),
        "settings_label": _text(blocks.settings_label),
        "settings_url": escape(blocks.settings_url),
    }
    return "".join(values[piece] if is_slot else piece for is_slot, piece in _branded(branding))


@lru_cache(maxsize=512)
def _branded(branding: Branding) -> tuple[tuple[bool, str], ...]:
    """The layout with the dealer's values filled in: (is a slot, its name or finished HTML)."""
    values = {
        "padding": _PADDING,
        "brand": _brand(branding),
        "light_brand": readable_on_dark(branding.color),
        "masthead": _masthead(branding),
        "signature": _signature(branding),
        "dealer": _dealer(branding),
    }
    pieces: list[tuple[bool, str]] = []
    finished = ""
    for is_slot, piece in _pieces():
        if is_slot and piece not in values:
            pieces += [(False, finished), (True, piece)]
            finished = ""
        else:
            finished += values[piece] if is_slot else piece
    return (*pieces, (False, finished))


@cache
def _pieces() -> tuple[tuple[bool, str], ...]:
    # re.split with one group alternates between what lies outside the slots and their names.
    return tuple((index % 2 == 1, piece) for index, piece in enumerate(_SLOT.split(_compiled())))


def _compiled() -> str:
    import mrml  # noqa: PLC0415 - a library that only the first email needs

    source = resources.files("communication_agent.content").joinpath("layout.mjml").read_text(encoding="utf-8")
    html = mrml.to_html(source, render_options=mrml.RenderOptions(disable_comments=True, fonts={})).content
    return re.sub(r"\n\s*", "\n", html)


def _body(branding: Branding, blocks: Blocks) -> str:
    paragraphs = "".join(f"{_PARAGRAPH}{_text(paragraph)}</p>" for paragraph in blocks.paragraphs)
    phone = _text(branding.phone.translate(NO_BREAK))
    # Mail programs are told not to guess at numbers (dates look like some), so the one that is a phone says so.
    return paragraphs.replace(phone, _phone_link(branding)) if branding.phone_url else paragraphs


def _masthead(branding: Branding) -> str:
    name, color = _text(branding.name), _brand(branding)
    style = f"font-size:20px;line-height:28px;font-weight:700;letter-spacing:-.01em;color:{color}"
    if branding.logo_url is None:
        return f'<span class="name" style="{style}">{name}</span>'
    image = f'<img src="{escape(branding.logo_url)}" height="40" alt="{name}" style="display:block;height:40px;max-width:240px;{style}">'
    return f'<span class="logo">{image}</span>'


def _signature(branding: Branding) -> str:
    dealer = f'<span class="q" style="color:#59635d">{_text(branding.name)}</span>'
    return f"<strong>{_text(branding.sender_name)}</strong><br>{dealer}" if branding.sender_name else dealer


def _dealer(branding: Branding) -> str:
    hours = [_text(unbroken_hours(branding.hours))] if branding.hours else []
    phone = [_phone_link(branding)] if branding.phone_url else []
    # Long hours would leave the dot alone at the end of a phone's line.
    between = " &middot; " if len(branding.hours) <= 28 else "<br>"
    lines = [f"<strong>{_text(branding.name)}</strong>", _text(branding.address), between.join(hours + phone)]
    return f'<p style="margin:0 0 12px">{"<br>".join(line for line in lines if line)}</p>'


def _brand(branding: Branding) -> str:
    # The footer's links lie on the ground around the card, where they need most.
    return readable(branding.color, GROUND)


@lru_cache(maxsize=512)
def _phone_link(branding: Branding) -> str:
    number = _text(branding.phone.translate(NO_BREAK))
    return f'<a class="l" href="{branding.phone_url}" style="color:{_brand(branding)}">{number}</a>'


def _text(text: str) -> str:
    return escape(text).translate(_MARKS)
