"""What can be said about the pages' looks without eyes: contrast, size, structure, and that nothing is written inline."""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from communication_agent.app import App
from communication_agent.content.color import contrast
from communication_agent.db.console_repository import Ended
from communication_agent.policy import REASONS, RULES
from communication_agent.web.console.chart import chart
from communication_agent.web.console.preview import Link, framed, links_of
from communication_agent.web.console.times import Wall, hour
from communication_agent.web.console.words import OUTCOMES, PASSES, why
from communication_agent.web.pages import STATIC, asset
from support.house import MONDAY, DealerRows, everything, listed, settings_for
from support.web import Node, Page, preference_path, visitor

TEXT, PICTURE = 4.5, 3.0  # WCAG 2.2 AA
# Words and the grounds they stand on.
READ = [
    *((ink, ground) for ink in ("ink", "quiet", "accent", "failed") for ground in ("ground", "card")),
    *((ink, "soft") for ink in ("ink", "quiet", "accent")),
    ("on-accent", "accent"),
    ("card", "ink"),
    *((tone, f"{tone}-soft") for tone in ("sent", "waiting", "skipped", "failed")),
    *((tone, "card") for tone in ("sent", "waiting", "skipped", "brand")),
    ("quiet", "waiting-soft"),
    ("quiet", "failed-soft"),
    ("ink", "failed-soft"),
    ("ink", "waiting-soft"),
]
# Edges of what can be used, and the bars of the chart.
SEEN = [
    ("edge", "card"),
    ("edge", "ground"),
    ("edge", "soft"),
    ("email", "card"),
    ("sms", "card"),
    ("failed", "card"),
    ("accent", "card"),
]


def _tokens(dark: bool) -> Mapping[str, str]:
    css = (STATIC / "base.css").read_text()
    light, _, rest = css.partition("@media (prefers-color-scheme: dark)")
    part = rest.partition("*, ::before")[0] if dark else light
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everything_that_is_read_or_pressed_has_enough_contrast(dark: bool) -> None:
    tokens = _tokens(dark)
    weak = [
        (one, other, round(contrast(tokens[one], tokens[other]), 2))
        for one, other in READ
        if contrast(tokens[one], tokens[other]) < TEXT
    ]
    faint = [(one, other) for one, other in SEEN if contrast(tokens[one], tokens[other]) < PICTURE]
    assert (weak, faint) == ([], [])


def test_both_color_schemes_know_the_same_colors() -> None:
    assert _tokens(dark=False).keys() == _tokens(dark=True).keys()


def test_the_styles_stay_small_and_come_from_nowhere_else() -> None:
    styles = [path.read_text() for path in STATIC.glob("*.css")]
    assert sum(map(len, styles)) <= 20_000
    for text in [*styles, (STATIC / "console.js").read_text()]:
        assert "url(" not in text
        assert "@import" not in text
        assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_every_color_of_the_console_is_a_token() -> None:
    css = (STATIC / "console.css").read_text()
    used = set(re.findall(r"var\(--([a-z-]+)\)", css + (STATIC / "base.css").read_text()))
    assert used <= {*_tokens(dark=False), "shadow", "mono", "tone", "tone-soft"}


def test_a_static_files_address_changes_with_its_content() -> None:
    assert re.fullmatch(r"/static/console\.css\?v=[0-9a-f]{12}", asset("console.css"))
    assert asset("console.css").partition("=")[2] != asset("base.css").partition("=")[2]


async def _paths(house: App, dealer: DealerRows, dealer_dsn: str) -> list[str]:
    """Every screen, with something on it."""
    texts = settings_for(dealer_dsn, channels={"seven_day_checkin": "preferred"}, outbox={"refuse": ["+16145550199"]})
    await house.tenants.save(texts, MONDAY)
    week = MONDAY.date() - timedelta(days=7)
    customer = await dealer.bought(week, phone="(614) 555-0199", preferred_channel="sms", sms_consent=True)
    machine = await dealer.machine(customer, purchase_date=week.replace(year=2020), disposed_at=MONDAY - timedelta(days=3))
    await dealer.work_order(customer, machine, opened_at=MONDAY - timedelta(days=3), summary="new belt")
    await dealer.bought(week, email=None)
    await everything(house)
    messages = {message.outcome: message for message in await listed(house)}
    mail = (house.config.outbox / "hilltop" / f"{messages['sent'].id}.eml").read_bytes() if "sent" in messages else b""
    base = "/t/hilltop"
    one = f"{base}/messages/{messages['sent'].id}"
    return [
        base,
        f"{base}/messages",
        f"{base}/messages?outcome=cancelled",
        *(f"{one}?view={view}" for view in ("phone", "desktop", "dark", "text", "source")),
        f"{base}/messages/{messages['failed'].id}",
        f"{base}/messages/{messages['failed'].id}?view=source",
        f"{base}/messages/{messages['skipped'].id}",
        f"{base}/customers",
        f"{base}/customers?q=smith",
        f"{base}/customer?id={customer}&type=first_service_alert",
        f"{base}/customer?id={customer}&type=seven_day_checkin&date=2026-11-23",
        f"{base}/customer?id={customer}&date=never",
        f"{base}/nothing",
        "/t/nobody",
        "/p/forged",
        *([preference_path(mail)] if b"List-Unsubscribe" in mail else []),
    ]


async def test_every_screen_is_whole_labelled_small_and_free_of_inline_code(
    house: App, dealer: DealerRows, dealer_dsn: str
) -> None:
    async with visitor(house) as client:
        for path in await _paths(house, dealer, dealer_dsn):
            answer = await client.get(path)
            assert answer.status_code in {200, 404, 422}, path
            assert len(answer.content) <= 100_000, path
            assert findings(Page(answer.text)) == [], path


def findings(page: Page) -> list[str]:
    """What a reader who cannot see, or a browser that trusts nobody, would stumble over."""
    found: list[str] = []
    ids = [node.attributes["id"] for node in page.nodes if "id" in node.attributes]
    found += [f"the id {id_} stands there twice" for id_ in {*ids} if ids.count(id_) > 1]
    levels = [int(node.name[1]) for node in page.all("h1", "h2", "h3", "h4")]
    found += [] if levels.count(1) == 1 else ["there has to be one h1"]
    found += [f"h{b} follows h{a}" for a, b in pairwise(levels) if b > a + 1]
    found += [] if page.all("html")[0].attributes.get("lang") else ["no language"]
    found += [] if page.all("title")[0].words.strip() else ["no title"]
    found += [] if len(page.all("main")) == 1 else ["there has to be one main"]
    labelled = {node.attributes.get("for") for node in page.all("label")}
    for node in page.nodes:
        found += _of_node(node, labelled, {*ids})
    return found


def _of_node(node: Node, labelled: set[str | None], ids: set[str | None]) -> list[str]:
    name, attributes = node.name, node.attributes
    found = [f"{name} has {attribute}" for attribute in attributes if attribute == "style" or attribute.startswith("on")]
    if (
        name in {"input", "select"}
        and attributes.get("type") != "hidden"
        and "label" not in node.above
        and attributes.get("id") not in labelled
    ):
        found.append(f"{name} {attributes.get('name')} has no label")
    if name == "img" and "alt" not in attributes:
        found.append("img has no alt")
    if name == "iframe" and not ("sandbox" in attributes and attributes.get("title")):
        found.append("iframe is open or has no title")
    if name in {"a", "button", "summary"} and not _named(node):
        found.append(f"{name} has no words")
    if name == "script" and (node.words.strip() or not (attributes.get("src") or "").startswith("/static/")):
        found.append("a script stands in the page")
    if name in {"nav", "section"} and not (attributes.get("aria-label") or attributes.get("aria-labelledby")):
        found.append(f"{name} has no name")
    found += [
        f"{name} refers to nobody"
        for key in ("aria-labelledby", "aria-describedby")
        if key in attributes and attributes[key] not in ids
    ]
    if name == "use" and (attributes.get("href") or "")[1:] not in ids:
        found.append(f"there is no sign {attributes.get('href')}")
    if name == "th" and "scope" not in attributes:
        found.append("th has no scope")
    return found


def _named(node: Node) -> bool:
    alts = [inner.attributes.get("alt") or inner.attributes.get("aria-label") for inner in node.inside]
    return bool(node.words.strip() or node.attributes.get("aria-label") or any(alts))


def test_the_findings_see_what_is_wrong() -> None:
    bad = '<html><head><title>x</title></head><body><h1 id="a">x</h1><h3 id="a" onclick="x">y</h3><input name="q"><img src="x"><a href="/"></a>'
    assert len(findings(Page(bad))) == 8


def test_no_outcome_is_told_by_color_alone() -> None:
    icons = (STATIC.parent / "console" / "templates" / "_icons.html").read_text()
    shapes = {
        name: re.search(rf'id="i-{name}"[^>]*>(.*?)</symbol>', icons) for name in (*OUTCOMES, "rerouted", "held", "uncertain")
    }
    assert all(shapes.values())
    assert len({shape[1] for shape in shapes.values() if shape}) == len(shapes)


def test_every_reason_of_the_gate_has_words() -> None:
    for code, sentence in REASONS.items():
        told = why(f"{code}: a detail")
        assert told
        assert (told.sentence, told.detail) == (sentence, "a detail")
        assert told.short
        assert "_" not in told.short
    assert {rule.__name__ for rule in RULES} == PASSES.keys()


def test_a_reason_that_is_no_code_of_ours_is_shown_as_the_provider_said_it() -> None:
    told = why("550 5.1.1 no such user: here")
    assert told
    assert told.sentence == "550 5.1.1 no such user: here"
    assert why(None) is None
    assert why("something_new") == why("something_new:")


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-11-23T09:05:00-05:00", "9:05 am"),
        ("2026-11-23T00:00:00-05:00", "12:00 am"),
        ("2026-11-23T12:30:00-05:00", "12:30 pm"),
        ("2026-11-22T23:59:00-05:00", "Yesterday, 11:59 pm"),
        ("2026-11-24T03:00:00+00:00", "10:00 pm"),
        ("2026-11-25T08:00:00-05:00", "Nov 25, 8:00 am"),
        ("2025-11-25T08:00:00-05:00", "Nov 25, 2025, 8:00 am"),
    ],
)
def test_times_are_the_dealers_own(at: str, shown: str) -> None:
    told = Wall(MONDAY, ZoneInfo("America/New_York")).moment(datetime.fromisoformat(at))
    assert f">{shown}</time>" in told
    assert 'title="' in told


def test_seconds_are_told_where_they_matter() -> None:
    assert hour(time(13, 5, 9), seconds=True) == "1:05:09 pm"


@pytest.mark.parametrize(
    ("most", "top"), [(0, 5), (5, 5), (6, 10), (11, 15), (21, 25), (99, 100), (101, 150), (1001, 1500), (950, 1000)]
)
def test_the_charts_scale_ends_just_above_the_highest_bar(most: int, top: int) -> None:
    drawn = chart([Ended("x", "sent", None, "email", MONDAY.date(), most)] if most else [], MONDAY.date())
    assert drawn.top == top
    assert drawn.empty is (most == 0)
    assert len(drawn.bars) == 30
    if most:
        (piece,) = drawn.bars[-1].pieces
        assert piece.top + piece.height == pytest.approx(120)


def test_links_are_read_once_each_and_only_those_that_lead_somewhere() -> None:
    html = '<a href="https://a.example">One <b>two</b></a><a href="https://a.example">One two</a><a href="javascript:x">no</a><a>none</a>'
    assert links_of(html) == [Link("One two", "https://a.example")]


def test_a_frame_never_leaves_the_color_scheme_to_the_browser() -> None:
    html = (
        '<HEAD><meta content="light dark"><style>:root{color-scheme: light dark}@media (prefers-color-scheme : dark){a{}}</style>'
    )
    assert framed(html, "dark") == (
        '<HEAD><base target="_blank"><meta content="dark"><style>:root{color-scheme: dark}@media (min-width:0){a{}}</style>'
    )
