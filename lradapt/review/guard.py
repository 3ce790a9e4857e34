"""Who may use the page: requests with the token, from a page of this server, by its own name.

Another user of the machine has no token. A web page of others has no cookie (SameSite=Strict), and
the wrong origin. A name of others that leads to 127.0.0.1 (DNS rebinding) is the wrong host.
"""

import hashlib
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN_NAMES = ("127.0.0.1", "localhost")
_SAFE = ("GET", "HEAD")
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class Guard:
    """An application behind a token: all that does not belong to its page is answered with 403."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token
        self._cookie = f"lradapt_review_{hashlib.sha256(token.encode()).hexdigest()[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request: refuse it, or give it to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        by_address = scope["path"] == "/" and self._is_token(_token_of(scope))
        refusal = _fault_of(scope["method"], headers)
        if not refusal and not by_address and not self._is_token(_cookie_of(headers, self._cookie)):
            refusal = "no token: open the address that `lradapt review` has printed"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer[name] = value
                if by_address and not refusal:
                    answer["set-cookie"] = (
                        f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
                    )
            await send(message)

        app = JSONResponse({"detail": refusal}, 403) if refusal else self._app
        await app(scope, receive, guarded)

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self._token.encode())


def _fault_of(method: str, headers: Headers) -> str:
    """Return what is wrong with the origin of a request; "" for nothing."""
    hosts = headers.getlist("host")
    if len(hosts) != 1 or _name_of(hosts[0]) not in _OWN_NAMES:
        return "another host than 127.0.0.1 or localhost"
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and method not in _SAFE:
        return "a request of another page"
    if method in _SAFE:
        return ""
    if headers.getlist("origin") != [f"http://{hosts[0]}"]:
        return "a request of another page"
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return "expected content of the type application/json"
    return ""


def _name_of(host: str) -> str:
    try:
        parts = urlsplit(f"//{host}")
        return (parts.hostname or "") if parts.netloc == host and "@" not in host else ""
    except ValueError:
        return ""


def _token_of(scope: Scope) -> str:
    values = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
    return values[0] if len(values) == 1 else ""


def _cookie_of(headers: Headers, name: str) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
