"""`/nearest`: the training images that are nearest to an image, where they can be had.

Until those of a version are prepared, the answer says so. Images and names are shown to all who may
use the endpoint, so this is off unless it is asked for.
"""

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, HTTPException, Request

from lradapt.data.images.decode import Preprocessing, preprocess
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.open_image import quiet
from lradapt.serving.answers import faults_of_machine
from lradapt.serving.endpoint import Endpoint
from lradapt.serving.image_costs import cost_of
from lradapt.serving.nearest import Compare, NearImage
from lradapt.serving.settings import Settings
from lradapt.serving.turns import CrowdedError, Turns
from lradapt.serving.uploads import RETRY, Upload, read_uploads

_OFF = "The server was started without --nearest, so it shows none."
_PENDING = "The training images of version {} are being read for the first time."


def add_nearest(app: FastAPI, endpoint: Endpoint) -> None:
    """Add the path `/nearest` to an application; without the option it says that it is off."""
    nearest, settings, in_flight = endpoint.additions.nearest, endpoint.settings, endpoint.in_flight

    @app.post("/nearest")
    async def near(request: Request) -> dict[str, Any]:
        loaded = endpoint.loaded()
        version = loaded.promotion.version
        if nearest is None:
            return _answer(version, _OFF)
        with in_flight.body() as body:
            uploads = await read_uploads(request, settings, in_flight, body)
            found = nearest.of(loaded)
            if isinstance(found, str):
                return _answer(version, found or _PENDING.format(version), is_pending=not found)
            how = loaded.model.preprocessing
            images = await _compared(found, uploads[0], how, settings, endpoint.turns)
            return _answer(version, "", images)


async def _compared(
    compare: Compare, upload: Upload, how: Preprocessing, settings: Settings, turns: Turns
) -> Sequence[NearImage]:
    cost = cost_of(upload.content)
    if cost.megapixels > settings.max_megapixels:
        raise HTTPException(422, f"the image is over {settings.max_megapixels:g} megapixels")
    limited = replace(how, max_megapixels=min(how.max_megapixels, settings.max_megapixels))

    def work() -> Sequence[NearImage]:
        with quiet(), faults_of_machine():
            return compare(preprocess(upload.content, limited))

    try:
        async with turns.turn(cost.seconds, cost.seconds):
            return await anyio.to_thread.run_sync(work, limiter=turns.limiter)
    except CrowdedError as error:
        raise HTTPException(503, "too many requests wait: try again later", RETRY) from error
    except DecodeError as error:
        raise HTTPException(422, str(error)) from error


def _answer(
    version: str, why_not: str, found: Sequence[NearImage] = (), *, is_pending: bool = False
) -> dict[str, Any]:
    near = [
        {
            "image": each.image,
            "label": each.label,
            "similarity": round(each.similarity, 4),
            "picture": _data_url(each),
        }
        for each in found
    ]
    return {
        "version": version,
        "neighbours": near,
        "why_not": why_not or None,
        "is_pending": is_pending,
    }


def _data_url(near: NearImage) -> str | None:
    if not near.picture:
        return None
    return f"data:{near.media_type};base64,{base64.b64encode(near.picture).decode()}"
