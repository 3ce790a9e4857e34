"""The answer to the images of a request: decoded and classified in turns with other requests.

Each image is decoded in a turn of its own, and the model gets a few at a time. Between two turns a
request can end: if its client has gone, nothing more is decoded for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import anyio.to_thread
import numpy as np
from fastapi import HTTPException
from starlette.requests import ClientDisconnect

from lradapt.data.images.decode import Pixels, Preprocessing, preprocess
from lradapt.data.images.open_image import quiet
from lradapt.errors import LradaptError, UnreadableError
from lradapt.inference.answers import Answers, joined
from lradapt.inference.predict import Model
from lradapt.serving.image_costs import Cost, cost_of
from lradapt.serving.live_model import Loaded
from lradapt.serving.settings import Settings
from lradapt.serving.turns import CrowdedError, Turns
from lradapt.serving.uploads import RETRY, Upload

_BATCH_SIZE = 8  # images that are classified in one turn

_Result = TypeVar("_Result")

Keep = Callable[[Loaded, Sequence[Upload], Sequence[Pixels], Answers], None]
"""A function that records the answers of a model to images, by the pixels that it received."""


async def answer_to(
    loaded: Loaded,
    uploads: Sequence[Upload],
    settings: Settings,
    turns: Turns,
    keep: Keep | None = None,
) -> tuple[int, dict[str, Any]]:
    """Return status and answer: 200 with a prediction for each image, or 422 with the faults.

    Args:
        loaded: the model.
        uploads: the images.
        settings: the limits.
        turns: of all requests.
        keep: gets the answer, if it is one with predictions.

    Raises:
        HTTPException: 413 if all images together have too many pixels, 503 if too many requests
            wait or this machine cannot decode an image, 500 if the model gives NaN.
    """
    costs = await anyio.to_thread.run_sync(_costs, uploads)
    allowed = [cost for cost in costs if cost.megapixels <= settings.max_megapixels]
    total = sum(cost.megapixels for cost in allowed)
    _refuse_many_pixels(total, settings.total_megapixels)
    all_seconds = sum(cost.seconds for cost in allowed)

    async def in_turn(seconds: float, work: Callable[..., _Result], *arguments: Any) -> _Result:
        async with turns.turn(seconds, all_seconds):
            return await anyio.to_thread.run_sync(work, *arguments, limiter=turns.limiter)

    try:
        preprocessing = _limited(loaded.model.preprocessing, settings)
        decoded: list[Pixels | str] = []
        for upload, cost in zip(uploads, costs, strict=True):
            fault = _too_large(cost.megapixels, settings.max_megapixels)
            decoded.append(fault or await in_turn(cost.seconds, _decoded, upload, preprocessing))
        squares = [found for found in decoded if not isinstance(found, str)]
        if len(squares) < len(decoded):
            return 422, _faults(uploads, decoded)
        parts = [squares[k : k + _BATCH_SIZE] for k in range(0, len(squares), _BATCH_SIZE)]
        found = [await in_turn(0, _answers, loaded.model, part, keep is not None) for part in parts]
    except CrowdedError as error:
        raise HTTPException(
            503, "too many requests wait for this endpoint: try again later", RETRY
        ) from error
    answers = joined(found)
    _refuse_unless_finite(answers, uploads)
    if keep is not None:
        keep(loaded, uploads, squares, answers)
    return 200, _predictions(loaded, uploads, answers)


async def while_connected(
    work: Coroutine[Any, Any, _Result], receive: Callable[[], Awaitable[MutableMapping[str, Any]]]
) -> _Result:
    """Return the result of `work`, which is cancelled if the client goes.

    Args:
        work: that answers a request whose body has been read.
        receive: of the request.

    Raises:
        ClientDisconnect: the client has gone.
    """
    working, going = asyncio.ensure_future(work), asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({working, going}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        going.cancel()
        await asyncio.gather(working, going, return_exceptions=True)


async def _gone(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _costs(uploads: Sequence[Upload]) -> list[Cost]:
    with quiet():
        return [cost_of(upload.content) for upload in uploads]


def _limited(preprocessing: Preprocessing, settings: Settings) -> Preprocessing:
    most = min(preprocessing.max_megapixels, settings.max_megapixels)
    return replace(preprocessing, max_megapixels=most)


def _refuse_many_pixels(total: float, limit: float) -> None:
    if total > limit:
        raise HTTPException(
            413,
            f"the images of the request have {total:.1f} megapixels together, over {limit:g}, the "
            "limit of this endpoint: send fewer images in a request, or smaller ones",
        )


def _too_large(cost: float, limit: float) -> str:
    if cost <= limit:
        return ""
    return (
        f"to decode it takes as long as {cost:.1f} megapixels, over {limit:g}, the limit of this "
        "endpoint: scale the image down"
    )


def _decoded(upload: Upload, preprocessing: Preprocessing) -> Pixels | str:
    try:
        with quiet(), faults_of_machine():
            return preprocess(upload.content, preprocessing)
    except LradaptError as error:
        return str(error)


@contextmanager
def faults_of_machine() -> Iterator[None]:
    """Answer 503 if this machine cannot decode an image in a block: the image may be right.

    Raises:
        HTTPException: 503, with a time to try again.
    """
    try:
        yield
    except (UnreadableError, MemoryError) as error:
        text = str(error) or "the memory did not suffice"
        raise HTTPException(503, text, RETRY) from error


def _answers(model: Model, squares: Sequence[Pixels], with_features: bool) -> Answers:
    return model.answers(np.stack(squares), with_features=with_features)


def _refuse_unless_finite(answers: Answers, uploads: Sequence[Upload]) -> None:
    sent = answers.probabilities
    if answers.unlike is not None:
        sent = np.column_stack([sent, answers.unlike])
    for upload, row in zip(uploads, sent, strict=True):
        if not np.isfinite(row).all():
            of_image = f" for {upload.name}" if upload.name else ""
            raise HTTPException(
                500,
                f"the model gave NaN or infinity{of_image}, which is no answer; go back to an "
                "earlier version",
            )


def _faults(uploads: Sequence[Upload], decoded: Sequence[Pixels | str]) -> dict[str, Any]:
    faults = [
        {"name": upload.name, "fault": found}
        for upload, found in zip(uploads, decoded, strict=True)
        if isinstance(found, str)
    ]
    return {"detail": "not every file is an image that can be decoded", "faults": faults}


def _predictions(loaded: Loaded, uploads: Sequence[Upload], answers: Answers) -> dict[str, Any]:
    doubts = loaded.model.doubts(answers)
    predictions = [
        {"name": upload.name, **named(loaded.model, row.tolist()), **doubt.as_dict()}
        for upload, row, doubt in zip(uploads, answers.probabilities, doubts, strict=True)
    ]
    return {"version": loaded.promotion.version, "predictions": predictions}


def named(model: Model, row: Sequence[float]) -> dict[str, Any]:
    """Return the class, and the probability of each class, the most probable first."""
    pairs = zip(model.class_names, map(float, row), strict=True)
    probabilities = dict(sorted(pairs, key=lambda pair: -pair[1]))
    return {"class": next(iter(probabilities)), "probabilities": probabilities}
