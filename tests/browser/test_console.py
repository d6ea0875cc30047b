"""The console and the preference page in a real browser: what no customer's name may do, and what everybody can see and reach."""

import os
import shutil
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Dialog, Page, async_playwright, expect

from communication_agent.app import App
from support.house import MONDAY, DealerRows, at, everything, listed
from support.web import preference_path, served

pytestmark = pytest.mark.browser

TODAY = MONDAY.date()
ANNIVERSARY = date(2024, 12, 7)  # of a purchase whose tune-up is due on MONDAY
WIDTHS = (320, 390, 768, 1280)
HOSTILE = [
    '<script>alert("name")</script>',
    "\"><img src=x onerror=alert('attribute')>",
    "'-alert(1)-'",
    "</title></textarea></style><svg onload=alert(2)>",
    "{{ 7*7 }}{% for x in y %}",
    "javascript:alert(3)",
    "\u202eevil\u202c \u2066isolated",
    "العربية שם Ωμέγα 名前",
    "W" * 10_000,
    "a b " * 2_500,
    "Robert'); DROP TABLE customers;--",
    "\u0000".replace("\u0000", "\ufffd") + "\t\r\n\u2028 breaks",
]


def _chromium() -> str | None:
    return shutil.which("chromium") or next((path for path in ("/usr/bin/chromium",) if Path(path).exists()), None)


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium; where there is none the test is skipped, or fails when CI_REQUIRE_BROWSER=1 says that there has to be one."""
    program = _chromium()
    if program is None:
        reason = "there is no Chromium: apt-get install chromium"
        if os.environ.get("CI_REQUIRE_BROWSER") == "1":  # noqa: TID251 - a switch of the test run, not a setting of the program
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        # As root Chromium's own sandbox cannot be had; the pages are our own.
        chromium = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        await chromium.close()


class Ears:
    """Hears whatever a page would not do if nothing were wrong with it."""

    def __init__(self, page: Page) -> None:
        self.heard: list[str] = []
        page.on("dialog", self._dialog)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.heard.append(f"error: {error}"))
        page.on("request", lambda request: self._request(request.url))

    async def _dialog(self, dialog: Dialog) -> None:
        self.heard.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.heard.append(f"console: {message.text}")

    def _request(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:")):
            self.heard.append(f"request: {url}")


async def screens(house: App, customer: str) -> list[str]:
    """The address of every screen, with this customer on it wherever a customer can be."""
    base = "/t/hilltop"
    messages = [f"{base}/messages/{message.id}" for message in await listed(house) if message.customer_id == customer]
    views = [f"{message}?view={view}" for message in messages for view in ("desktop", "text", "source")]
    return [
        base,
        f"{base}/messages",
        *messages[:1],
        *views,
        f"{base}/customers",
        f"{base}/customers?q=smith",
        f"{base}/customer?id={customer}",
        f"{base}/customer?id={customer}&type=annual_tuneup&date=2026-11-23",
        f"{base}/customer?id={customer}&type=first_service_alert&date=never",
        f"{base}/nothing",
    ]


async def test_no_customers_name_does_anything_but_stand_there(house: App, dealer: DealerRows, browser: Browser) -> None:
    customers: list[str] = []
    for name in HOSTILE:
        columns = {"first_name": name, "last_name": name, "company": name, "language": name[:20], "state": name[:20]}
        customer = await dealer.customer(**columns, phone=name)  # pyright: ignore[reportArgumentType] - columns by name
        machine = await dealer.machine(customer, purchase_date=ANNIVERSARY, make=name, model=name, kind=name)
        await dealer.work_order(customer, machine, number=name, summary=name, opened_at=MONDAY - timedelta(days=300))
        customers.append(str(customer))
    await everything(house)
    assert len([message for message in await listed(house) if message.outcome == "sent"]) > len(HOSTILE) // 2
    async with served(house) as address:
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        ears = Ears(page)
        for path in dict.fromkeys([path for customer in customers for path in await screens(house, customer)]):
            answer = await page.goto(f"{address}{path}")
            assert answer
            assert answer.status in {200, 404, 422}, path
            assert len(await answer.body()) <= 100_000, path
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert await page.locator("h1").count() == 1
    # The browser itself tells of a page that is not found.
    assert [told for told in ears.heard if "404" not in told and "422" not in told] == []


async def test_no_screen_scrolls_sideways_at_any_width(house: App, dealer: DealerRows, browser: Browser) -> None:
    customer = await dealer.bought(ANNIVERSARY, phone="(614) 555-0119")
    for _ in range(3):
        await dealer.bought(TODAY - timedelta(days=7))
    await everything(house)
    async with served(house) as address:
        page = await browser.new_page()
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 800})
            for path in [*await screens(house, str(customer)), "/p/forged"]:
                await page.goto(f"{address}{path}")
                too_wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert too_wide <= 0, (path, width)


async def test_everything_that_is_pressed_is_large_enough_for_a_thumb(house: App, dealer: DealerRows, browser: Browser) -> None:
    customer = await dealer.bought(ANNIVERSARY)
    await everything(house)
    async with served(house) as address:
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        for path in await screens(house, str(customer)):
            await page.goto(f"{address}{path}")
            small = await page.evaluate(
                """() => [...document.querySelectorAll('button, select, input:not([type=hidden]), .tabs a, .screens a, a.button, summary')]
                    .filter(e => e.offsetParent).map(e => [e.getBoundingClientRect().height, e.outerHTML.slice(0, 60)]).filter(([h]) => h < 24)"""
            )
            assert small == [], path


async def test_the_keyboard_reaches_the_content_first_and_shows_where_it_is(house: App, browser: Browser) -> None:
    async with served(house) as address:
        page = await browser.new_page()
        await page.goto(f"{address}/t/hilltop")
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        await page.keyboard.press("g")
        await page.keyboard.press("m")
        await page.wait_for_url("**/messages")
        await page.keyboard.press("/")
        await expect(page.locator("input[type=search]").first).to_be_focused()
    assert outline == "solid"


async def test_every_screen_works_without_javascript(house: App, dealer: DealerRows, browser: Browser) -> None:
    customer = await dealer.bought(ANNIVERSARY, first_name="Karen")
    await everything(house)
    async with served(house) as address:
        page = await (await browser.new_context(java_script_enabled=False)).new_page()
        await page.goto(address)
        await page.get_by_role("link", name="Messages").click()
        await page.get_by_label("Name, address or subject").fill("karen")
        await page.get_by_role("button", name="Show").click()
        await page.get_by_role("link", name="Time for your Meadowlark ZT-48 tune-up").click()
        await page.get_by_role("link", name="Plain text").click()
        await expect(page.get_by_label("Plain text")).to_contain_text("Hi Karen,")
        await page.get_by_role("link", name="Karen Smith").click()
        await page.get_by_label("Type of message").select_option("annual_tuneup")
        await page.get_by_role("button", name="Ask").click()
        await expect(page.get_by_role("status")).to_contain_text("It has had its message")
        await page.get_by_text("Write down what they told you").click()
        await page.get_by_label("How you know").fill("on the phone")
        await page.get_by_role("button", name="Write it down").click()
        await expect(page.locator("#consent")).to_contain_text("Told us: no marketing")
        await page.get_by_text("Hilltop Mowers").first.click()
        assert str(customer) in page.url


async def test_the_preview_is_the_email_and_nothing_in_it_is_alive(house: App, dealer: DealerRows, browser: Browser) -> None:
    await dealer.bought(ANNIVERSARY, first_name="Karen")
    await everything(house)
    (message,) = await listed(house)
    async with served(house) as address:
        page = await browser.new_page(color_scheme="dark")
        ears = Ears(page)
        grounds: dict[str, str] = {}
        for view in ("phone", "dark"):
            await page.goto(f"{address}/t/hilltop/messages/{message.id}?view={view}")
            frame = page.frame_locator("iframe")
            await expect(frame.get_by_text("Hi Karen,")).to_be_visible()
            grounds[view] = await frame.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
        await frame.get_by_role("link", name="Book a tune-up").click()
        await expect(frame.get_by_text("Hi Karen,")).to_be_visible()
        pages = len(page.context.pages)
    assert grounds == {"phone": "rgb(241, 243, 240)", "dark": "rgb(21, 24, 26)"}
    assert pages == 1
    assert [told for told in ears.heard if told.startswith(("dialog", "request", "error"))] == []


async def test_today_stays_fresh_while_somebody_looks_and_stops_when_told(house: App, dealer: DealerRows, browser: Browser) -> None:
    async with served(house) as address:
        page = await browser.new_page()
        ears = Ears(page)
        await page.clock.install()
        await page.goto(f"{address}/t/hilltop")
        sent = page.locator(".tile.sent .big")
        await expect(sent).to_have_text("0")
        await page.get_by_text("The numbers as a table").click()
        await page.locator("body").click(position={"x": 5, "y": 5})
        await page.evaluate("document.activeElement.blur()")

        await dealer.bought(TODAY - timedelta(days=7))
        await everything(house)
        await page.clock.run_for(5100)
        await expect(sent).to_have_text("1")
        assert await page.locator("#numbers").get_attribute("open") is not None

        await page.get_by_role("button", name="Pause").click()
        await dealer.bought(TODAY - timedelta(days=8))
        await everything(at(house, MONDAY + timedelta(minutes=1)))
        await page.clock.run_for(20_000)
        await expect(page.locator("#said")).to_have_text("Updates are paused")
        await expect(sent).to_have_text("1")
    assert ears.heard == []


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_customer_unsubscribes_with_one_press_and_can_come_back(
    house: App, dealer: DealerRows, browser: Browser, javascript: bool
) -> None:
    customer = await dealer.bought(ANNIVERSARY)
    await everything(house)
    (message,) = await listed(house)
    path = preference_path((house.config.outbox / "hilltop" / f"{message.id}.eml").read_bytes())
    async with served(house) as address:
        page = await (await browser.new_context(java_script_enabled=javascript, viewport={"width": 320, "height": 700})).new_page()
        ears = Ears(page)
        await page.goto(f"{address}{path}")
        await page.get_by_role("button", name="Stop marketing email").click()
        await expect(page.get_by_role("status")).to_contain_text("You will get no more marketing email from Hilltop Mowers.")
        async with house.central.tenant("hilltop") as conn:
            wishes = (await house.consents.consents(conn, "hilltop", [str(customer)]))[str(customer)]
        assert [(wish.purpose, wish.granted) for wish in wishes] == [("marketing", False)]
        await page.get_by_role("button", name="Send me everything").click()
        await expect(page.locator(".current h2")).to_have_text("Everything")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert ears.heard == []
