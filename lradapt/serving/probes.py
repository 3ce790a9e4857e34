"""`/livez` and `/readyz`: what a supervisor asks, such as Kubernetes; they need no token.

`/livez` fails only if the process no longer answers: a restart helps. `/readyz` fails while there
is no model to answer with: a restart does not help, but requests should go elsewhere. A registry
that does not answer makes neither fail, because the present model goes on answering: see `/health`.
"""

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from lradapt.serving.live_model import LiveModel


def add_probes(app: FastAPI, live: LiveModel) -> None:
    """Add both paths to an application; they reveal one word."""

    @app.get("/livez")
    async def livez() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        if live.loaded is None:
            return JSONResponse({"status": "no model"}, 503)
        return JSONResponse({"status": "ok"})
