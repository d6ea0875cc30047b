"""The preference page behind the link in every message: GET shows, POST acts, and nobody needs an account."""

import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from communication_agent.content.color import readable, readable_on_dark
from communication_agent.db.console_repository import ConsoleRepository, DealerCard
from communication_agent.domain import Channel
from communication_agent.tokens import PreferenceToken, read
from communication_agent.web.house import House
from communication_agent.web.pages import Pages
from communication_agent.web.preference_words import WORDS, Choice, Words, language_of
from communication_agent.web.wishes import Address, Level, Proof, WishBook, changes_to, one_click

BRAND = "#1f6b3a"
ONE_CLICK = ("List-Unsubscribe", "One-Click")  # RFC 8058


@dataclass(frozen=True, slots=True)
class _Visit:
    token: PreferenceToken
    card: DealerCard
    language: str

    @property
    def address(self) -> Address:
        return Address(self.token.tenant_id, self.token.customer_id, self.token.channel, self.token.address_hash)

    @property
    def words(self) -> Words:
        return WORDS[self.language, self.token.channel]


@dataclass(frozen=True, slots=True)
class PreferencePage:
    """Answers `/p/{token}`; the token is the capability, so any program may POST with it."""

    house: House
    pages: Pages
    reads: ConsoleRepository

    def routes(self) -> list[BaseRoute]:
        """GET and HEAD show, POST acts."""
        return [Route("/p/{token}", self.show, methods=["GET"]), Route("/p/{token}", self.act, methods=["POST"])]

    @property
    def book(self) -> WishBook:
        """Where wishes are kept."""
        return WishBook(self.house, self.reads)

    async def show(self, request: Request) -> Response:
        """The choices, with the one that holds marked; changes nothing."""
        visit = await self._visit(request)
        return await self._page(visit, None) if visit else self._lost(request)

    async def act(self, request: Request) -> Response:
        """`List-Unsubscribe=One-Click` stops marketing, `level=…` does what was chosen; saying it again changes nothing."""
        visit = await self._visit(request)
        if visit is None:
            return self._lost(request)
        async with request.form(max_files=0, max_fields=20) as form:
            said, level = form.get(ONE_CLICK[0]), form.get("level")
        chosen: Level | None = None
        if isinstance(said, str) and said.strip() == ONE_CLICK[1]:
            chosen = await self._one_click(visit)
        elif level in set(Level):
            chosen = await self._choose(visit, Level(str(level)))
        return await self._page(visit, chosen)

    async def _one_click(self, visit: _Visit) -> Level:
        wishes = await self.book.read(visit.address)
        proof = Proof("one-click unsubscribe", "customer", "=".join(ONE_CLICK))
        await self.book.write(visit.address, one_click(wishes), proof, self.house.clock.now())
        return Level.NOTHING if wishes.level is Level.NOTHING else Level.ESSENTIAL

    async def _choose(self, visit: _Visit, level: Level) -> Level:
        wishes = await self.book.read(visit.address)
        choice = visit.words.choices[level]
        proof = Proof("preference page", "customer", f"{choice.title}: {choice.meaning}")
        await self.book.write(visit.address, changes_to(level, wishes), proof, self.house.clock.now())
        return level

    async def _visit(self, request: Request) -> _Visit | None:
        token = read(self.house.keys, str(request.path_params["token"]))
        if token is None:
            return None
        async with self.house.central.tenant(token.tenant_id) as conn:
            card = await self.reads.dealer_card(conn, token.tenant_id)
        return _Visit(token, card, language_of(request.headers.get("accept-language", ""))) if card else None

    async def _page(self, visit: _Visit, chosen: Level | None) -> Response:
        level = (await self.book.read(visit.address)).level
        words, dealer, nonce = visit.words, visit.card.name, secrets.token_urlsafe(16)
        done = words.choices[chosen].done.format(dealer=dealer) if chosen is not None else ""
        values = {
            "language": visit.language,
            "words": words,
            "card": visit.card,
            "title": words.title.format(dealer=dealer),
            "about": words.about.partition("{address}"),
            "address": await self._masked(visit.token) or words.this_address,
            "choices": _ordered(words, level),
            "level": level,
            "done": done if chosen is level else "",
            "refused": chosen is not None and chosen is not level,
            "nonce": nonce,
            "brand": readable(visit.card.brand_color or BRAND),
            "brand_on_dark": readable_on_dark(visit.card.brand_color or BRAND),
        }
        return self.pages.page("preferences.html", values, headers=_headers(visit.language, nonce))

    async def _masked(self, token: PreferenceToken) -> str | None:
        """The address of the token as its owner recognises it, None when it was never written to."""
        async with self.house.central.tenant(token.tenant_id) as conn:
            known = await self.reads.written_to(conn, token.tenant_id, token.customer_id, token.channel)
        own = (value for value in known if self.house.consents.hash(token.channel, value) == token.address_hash)
        return next((masked(token.channel, value) for value in own), None)

    def _lost(self, request: Request) -> Response:
        language = language_of(request.headers.get("accept-language", ""))
        values = {"language": language, "words": WORDS[language, Channel.EMAIL]}
        return self.pages.page("lost.html", values, status=404, headers=_headers(language, None))


def masked(channel: Channel, address: str) -> str:
    """k•••@e•••.example, or the last two digits of a number: enough to know it, too little to use it."""
    if channel is Channel.SMS:
        return f"•••-•••-••{address[-2:]}"
    local, _, domain = address.rpartition("@")
    name, _, ending = domain.rpartition(".")
    return f"{local[:1]}•••@{name[:1]}•••.{ending}"


def _ordered(words: Words, level: Level) -> list[tuple[Level, Choice]]:
    # What holds now comes first, then what asks for less.
    rest = [(other, choice) for other, choice in words.choices.items() if other is not level]
    return [(level, words.choices[level]), *rest]


def _headers(language: str, nonce: str | None) -> dict[str, str]:
    style = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    policy = f"default-src 'none'; style-src {style}; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    return {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "content-language": language,
        "vary": "Accept-Language",
    }
