"""`/health` and `/version`: the state of the endpoint, and what it serves."""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from lradapt.serving.endpoint import Endpoint
from lradapt.serving.follower import Follower
from lradapt.serving.live_model import Loaded
from lradapt.serving.record import health_of


def add_states(app: FastAPI, endpoint: Endpoint) -> None:
    """Add both paths to an application."""

    @app.get("/health")
    async def health() -> JSONResponse:
        state = described_health(endpoint.follower) | health_of(endpoint.record)
        return JSONResponse(state, 503 if state["status"] == "no model" else 200)

    @app.get("/version")
    async def version() -> dict[str, Any]:
        return described(endpoint.loaded())


def described_health(follower: Follower) -> dict[str, Any]:
    """Return the state of the endpoint: "ok", "stale" (the registry has a fault) or "no model"."""
    loaded, age = follower.live.loaded, follower.checked_seconds_ago()
    return {
        "status": ("stale" if follower.fault else "ok") if loaded else "no model",
        "version": loaded.promotion.version if loaded else None,
        "fault": follower.fault or None,
        "checked_seconds_ago": None if age is None else round(age, 1),
    }


def described(loaded: Loaded) -> dict[str, Any]:
    """Return what is served: the version, since when and why, and its classes."""
    promotion, model = loaded.promotion, loaded.model
    return {
        "version": promotion.version,
        "since": promotion.at,
        "reason": promotion.reason,
        "architecture": model.architecture,
        "classes": model.class_names,
        "input_size": model.preprocessing.input_size,
    }
