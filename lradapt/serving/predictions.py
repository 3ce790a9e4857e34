"""`/predict`: the classes of the images of a request.

The header `lradapt-group` names what all images of a request belong to, such as a patient.

A request uses one model from start to end, so the version cannot change between two of its images,
and no request waits for a new one to load.
"""

from functools import partial

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from lradapt.serving.answers import Keep, answer_to, while_connected
from lradapt.serving.endpoint import Endpoint
from lradapt.serving.exchanges import note_answer
from lradapt.serving.record import Record
from lradapt.serving.uploads import read_uploads

GROUP = "lradapt-group"
"""The header with the group; it reaches the record alone, as a pseudonym."""


def add_predictions(app: FastAPI, endpoint: Endpoint) -> None:
    """Add the path to an application."""
    settings, turns, in_flight = endpoint.settings, endpoint.turns, endpoint.in_flight

    @app.post("/predict")
    async def predict(request: Request) -> JSONResponse:
        loaded = endpoint.loaded()
        with in_flight.body() as body:
            uploads = await read_uploads(request, settings, in_flight, body)
            keep = _keep(endpoint.record, request)
            answering = answer_to(loaded, uploads, settings, turns, keep)
            status, answer = await while_connected(answering, request.receive)
        endpoint.additions.offer(uploads, answer)
        note_answer(request.scope, answer)
        return JSONResponse(answer, status)


def _keep(record: Record | None, request: Request) -> Keep | None:
    """Return what records the answer to a request; None without a record."""
    if record is None:
        return None
    return partial(record.keep, request.headers.get(GROUP, "").strip())
