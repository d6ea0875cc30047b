"""The console's own cookie, and the token in its forms that only a page of ours can know."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from communication_agent.keys import Keys

COOKIE = "communication_agent_console"
FIELD = "form_token"

_VALUE = re.compile(r"[A-Za-z0-9_-]{32}")


@dataclass(frozen=True, slots=True)
class Guard:
    """One browser; on loopback it is signed in by having come."""

    value: str
    key: bytes
    new: bool

    @classmethod
    def of(cls, request: Request, keys: Keys) -> "Guard":
        """The browser that sent the request, or a new one."""
        value = request.cookies.get(COOKIE, "")
        known = _VALUE.fullmatch(value) is not None
        return cls(value if known else secrets.token_urlsafe(24), keys.current.signing, not known)

    @property
    def token(self) -> str:
        """What a form of this browser carries."""
        return hmac.new(self.key, f"console|{self.value}".encode(), hashlib.sha256).hexdigest()

    def admits(self, form: FormData) -> bool:
        """Whether the form came from a page that was made for this browser."""
        said = form.get(FIELD)
        return not self.new and isinstance(said, str) and hmac.compare_digest(said.encode(), self.token.encode())

    def remembered(self, response: Response) -> Response:
        """The response, with the cookie for a browser that has none."""
        if self.new:
            response.set_cookie(COOKIE, self.value, httponly=True, samesite="strict", path="/")
        return response
