"""Which requests need a token: all but those that reveal nothing of model, images or registry."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lradapt.serving.page_files import PAGE_PATHS
from lradapt.serving.tokens import AcceptedToken, owner_of
from lradapt.serving.uploads import CLOSE

OPEN_PATHS = PAGE_PATHS | {"/livez", "/readyz"}
"""The page, which asks for a token, and probes, whose senders have none."""

_REFUSED = {"WWW-Authenticate": 'Bearer realm="lradapt"', **CLOSE}
_OWNER = "lradapt.token_owner"


class TokenGuard:
    """An application behind tokens; without any, everybody may use all of it.

    A request is refused before its body is read.
    """

    def __init__(self, app: ASGIApp, accepted: Sequence[AcceptedToken]) -> None:
        self._app, self._accepted = app, tuple(accepted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request: refuse it with 401, or give it to the application."""
        if scope["type"] != "http" or not self._accepted or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        token = _token_of(Headers(scope=scope))
        owner = owner_of(token, self._accepted) if token else None
        if owner is None:
            fault = _UNKNOWN if token else _MISSING
            await JSONResponse({"detail": fault}, 401, _REFUSED)(scope, receive, send)
            return
        scope[_OWNER] = owner
        await self._app(scope, receive, send)


_MISSING = (
    "this endpoint needs a token: send it in the header `Authorization: Bearer TOKEN`; who runs "
    "the endpoint makes one with `lradapt token NAME`"
)
_UNKNOWN = (
    "this token is not known here: it is mistyped, withdrawn or of another endpoint; ask who runs "
    "the endpoint for a new one"
)


def token_owner(scope: Scope) -> str | None:
    """Return the name of the token of a request; None without a token."""
    owner: str | None = scope.get(_OWNER)
    return owner


def _token_of(headers: Headers) -> str:
    given = headers.getlist("authorization")
    kind, _, token = (given[0] if len(given) == 1 else "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
