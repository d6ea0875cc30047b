"""One layout for every dealer: readable in any brand color, whole on a phone, harmless whatever the values are."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communication_agent.content.blocks import Blocks, Branding, paragraphs_of
from communication_agent.content.color import DARK_CARD, GROUND, WHITE, contrast, readable, readable_on_dark
from communication_agent.content.email_layout import render_html
from communication_agent.content.text_part import render_text

BRANDING = Branding(
    name="Green Valley Outdoor Power",
    phone="(614) 555-0142",
    address="2100 Mill Road, Delaware, OH 43015",
    hours="Mon-Fri 8-5:30, Sat 8-1",
    sender_name="Dana Whitfield",
    logo_url=None,
    color="#1f6b3a",
)
BLOCKS = Blocks(
    subject="Time for your tune-up",
    preheader="A yearly check keeps small wear from becoming a repair.",
    paragraphs=("Hi Karen,", "Work done: oil\nAmount due: $5", "Call (614)\u00a0555\u20110142 soon."),
    button_label="Book a tune-up",
    button_url="https://greenvalley.example/book?a=1&b=2",
    reason_line="You get this because you own a machine bought at our shop.",
    settings_label="Unsubscribe or choose what you get",
    settings_url="https://m.example/u/x7fK2q",
)
VOID = {"meta", "img", "br", "link", "hr"}
COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


class Reader(HTMLParser):
    """What a mail program sees: tags with their attributes, and whether every one is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "title"} & set(self.open):
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def read(branding: Branding = BRANDING, blocks: Blocks = BLOCKS) -> Reader:
    reader = Reader(render_html(branding, blocks))
    assert reader.open == []
    return reader


def test_the_page_says_its_language_and_that_it_is_an_article() -> None:
    reader = read()
    assert reader.all("html")[0]["lang"] == "en"
    article = next(attributes for attributes in reader.all("div") if attributes.get("role") == "article")
    assert article["aria-label"] == BLOCKS.subject
    assert {attributes.get("name"): attributes.get("content") for attributes in reader.all("meta")}["color-scheme"] == "light dark"
    assert all(table.get("role") == "presentation" for table in reader.all("table"))


def test_there_is_one_button_and_its_address_is_whole() -> None:
    links = [link["href"] for link in read().all("a")]
    assert links.count(BLOCKS.button_url) == 1
    assert links.count(BLOCKS.settings_url) == 1


def test_nothing_is_loaded_from_elsewhere_but_the_logo() -> None:
    html = render_html(BRANDING, BLOCKS)
    reader = read(replace(BRANDING, logo_url="https://greenvalley.example/logo.png"))
    assert [image["src"] for image in reader.all("img")] == ["https://greenvalley.example/logo.png"]
    assert reader.all("img")[0]["alt"] == BRANDING.name
    assert not read().all("img")
    for forbidden in ("@import", "@font-face", "<link", "data:", "<script", "googleapis", "url("):
        assert forbidden not in html


def test_the_phone_is_one_piece_and_can_be_called() -> None:
    reader = read()
    assert [link["href"] for link in reader.all("a")].count("tel:+16145550142") == 2
    assert reader.words.count("(614)\u00a0555\u20110142") == 2


@pytest.mark.parametrize(
    ("phone", "url"),
    [
        ("(614) 555-0142", "tel:+16145550142"),
        ("1-614-555-0142", "tel:+16145550142"),
        ("+49 30 5550142", "tel:+49305550142"),
        ("614.555.0142 ext. 12", "tel:+16145550142"),
        ("555-0142", "tel:5550142"),
        ("call us", ""),
        ("24/7", ""),
        ("", ""),
    ],
)
def test_a_phone_becomes_a_number_to_dial(phone: str, url: str) -> None:
    branding = replace(BRANDING, phone=phone)
    assert branding.phone_url == url
    assert ("tel:" in render_html(branding, BLOCKS)) == bool(url)


def test_hours_break_only_after_a_comma() -> None:
    assert "Mon\u2011Fri\u00a08\u20115:30, Sat\u00a08\u20111" in render_html(BRANDING, BLOCKS)


def test_line_breaks_of_a_paragraph_stay() -> None:
    assert "Work done: oil<br>Amount due: $5" in render_html(BRANDING, BLOCKS)


def test_every_value_is_escaped() -> None:
    evil = "\"><script>alert('x')</script>[[body]]{{ x }}&"
    branding = Branding(evil, evil, evil, evil, evil, "https://x.example/a\"b'c", "#1f6b3a")
    blocks = Blocks(evil, evil, (evil,), evil, "https://x.example/?a='\"><b>", evil, evil, 'https://x.example/"><b>')
    reader = read(branding, blocks)
    assert not reader.all("script")
    assert not reader.all("b")
    assert "".join(reader.words).count("[[body]]") == 10
    assert {attribute for _, attributes in reader.tags for attribute in attributes if attribute.startswith("on")} == set()


def test_the_layout_is_small() -> None:
    assert len(render_html(BRANDING, BLOCKS).encode()) < 14_000


def test_a_dealer_without_hours_phone_or_sender_leaves_no_gap() -> None:
    bare = replace(BRANDING, hours="", phone="", sender_name="")
    html = render_html(bare, BLOCKS)
    assert "&middot;" not in html
    assert "<strong></strong>" not in html
    assert "<br></p>" not in html
    assert "\n\n\n" not in render_text(bare, BLOCKS)


@given(COLORS)
def test_any_brand_color_becomes_readable(color: str) -> None:
    assert contrast(readable(color), WHITE) >= 4.5
    assert contrast(readable(color, GROUND), GROUND) >= 4.5
    assert contrast(readable_on_dark(color), DARK_CARD) >= 4.5


def test_a_readable_color_stays_what_it_is() -> None:
    assert readable("#1F6B3A") == "#1f6b3a"
    assert readable("#ffcc00") != "#ffcc00"


@pytest.mark.parametrize("color", ["#ffff00", "#ffffff", "#000000", "#1f6b3a", "#ff7700"])
def test_the_colors_on_the_page_can_be_read(color: str) -> None:
    reader = read(replace(BRANDING, color=color))
    button = next(link for link in reader.all("a") if link["href"] == BLOCKS.button_url)
    style = dict(part.split(":", 1) for part in (button["style"] or "").strip(";").split(";"))
    assert contrast(style["background"], style["color"]) >= 4.5
    footer = next(link for link in reader.all("a") if link["href"] == BLOCKS.settings_url)
    assert contrast((footer["style"] or "").removeprefix("color:"), GROUND) >= 4.5


def test_plain_text_has_78_columns_links_of_their_own_and_no_marks() -> None:
    blocks = replace(BLOCKS, paragraphs=("word " * 60 + "https://example.example/" + "x" * 90, *BLOCKS.paragraphs))
    lines = render_text(BRANDING, blocks).split("\n")
    assert all(len(line) <= 78 for line in lines if "https://" not in line)
    assert {BLOCKS.button_url, BLOCKS.settings_url, BRANDING.address, "Call (614) 555-0142 soon."} <= set(lines)
    assert not {"\u00a0", "\u2011"} & set("".join(lines))


def test_plain_text_does_not_tear_a_phone_apart() -> None:
    paragraph = "x " * 35 + "call (614)\u00a0555\u20110142 now"
    assert "\n(614) 555-0142 now" in render_text(BRANDING, replace(BLOCKS, paragraphs=(paragraph,)))


@pytest.mark.parametrize(
    ("url", "line"),
    [("mailto:dana@greenvalley.example?subject=Re%3A", "dana@greenvalley.example"), ("tel:+16145550142", "(614) 555-0142")],
)
def test_plain_text_shows_addresses_as_people_type_them(url: str, line: str) -> None:
    assert f"Book a tune-up:\n{line}\n" in render_text(BRANDING, replace(BLOCKS, button_url=url))


def test_paragraphs_are_parted_by_blank_lines_and_tidied() -> None:
    assert paragraphs_of("\n\nHi  Karen, \n\n \n\n\nOne\n two\r\n\r\n") == ("Hi Karen,", "One\ntwo")
