"""`/nearest`: the training images that are nearest to an image, where they can be had.

They are prepared once for a version, in a thread; until then the answer says so. Images and names
are shown to all who may use the endpoint, so this is off unless it is asked for.
"""

import base64
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, HTTPException, Request

from lradapt.data.images.decode import DecodeError, Pixels, Preprocessing, preprocess, quiet
from lradapt.serving.image_costs import cost_of
from lradapt.serving.live_model import Loaded
from lradapt.serving.settings import Settings
from lradapt.serving.turns import CrowdedError, Turns
from lradapt.serving.uploads import RETRY, InFlight, Upload, read_uploads


@dataclass(frozen=True, slots=True)
class NearImage:
    """A training image near to another image.

    Attributes:
        image: its name.
        label: its class.
        similarity: cosine of the angle between what the last layer reads of both.
        picture: a file that browsers show; empty where the image cannot be decoded any more.
        media_type: of the picture.
    """

    image: str
    label: str
    similarity: float
    picture: bytes
    media_type: str


Compare = Callable[[Pixels], Sequence[NearImage]]
"""A function that returns the training images nearest to a preprocessed image `[S, S, 3]`."""

Prepare = Callable[[Loaded], Compare]
"""A function that reads the training images of a version; it raises an error that says why not."""

_OFF = "The server was started without --nearest, so it shows none."
_PENDING = "The training images of version {} are being read for the first time."


class Nearest:
    """The training images of the version that is served; another version replaces them."""

    def __init__(self, prepare: Prepare) -> None:
        """Keep how to prepare a version; nothing is read before the first question."""
        self._prepare = prepare
        self._version, self._why_not = "", ""
        self._compare: Compare | None = None
        self._changing = threading.Lock()

    def of(self, loaded: Loaded) -> Compare | str:
        """Return the comparison for a version, "" while it is being prepared, or why not."""
        version = loaded.promotion.version
        with self._changing:
            if version == self._version:
                return self._compare or self._why_not
            self._version, self._compare, self._why_not = version, None, ""
        thread = threading.Thread(target=self._prepare_version, args=(loaded,), daemon=True)
        thread.start()
        return ""

    def _prepare_version(self, loaded: Loaded) -> None:
        compare, why_not = None, ""
        try:
            compare = self._prepare(loaded)
        except Exception as error:  # noqa: BLE001  # answers go on without it
            why_not = str(error) or repr(error)
        with self._changing:
            if self._version == loaded.promotion.version:
                self._compare, self._why_not = compare, why_not


def add_nearest(
    app: FastAPI,
    nearest: Nearest | None,
    serving: Callable[[], Loaded],
    settings: Settings,
    turns: Turns,
    in_flight: InFlight,
) -> None:
    """Add the path `/nearest` to an application; without `nearest` it says that it is off."""

    @app.post("/nearest")
    async def near(request: Request) -> dict[str, Any]:
        loaded = serving()
        version = loaded.promotion.version
        if nearest is None:
            return _answer(version, _OFF)
        with in_flight.body() as body:
            uploads = await read_uploads(request, settings, in_flight, body)
            found = nearest.of(loaded)
            if isinstance(found, str):
                return _answer(version, found or _PENDING.format(version), is_pending=not found)
            how = loaded.model.preprocessing
            return _answer(version, "", await _compared(found, uploads[0], how, settings, turns))


async def _compared(
    compare: Compare, upload: Upload, how: Preprocessing, settings: Settings, turns: Turns
) -> Sequence[NearImage]:
    cost = cost_of(upload.content)
    if cost.megapixels > settings.max_megapixels:
        raise HTTPException(422, f"the image is over {settings.max_megapixels:g} megapixels")
    limited = replace(how, max_megapixels=min(how.max_megapixels, settings.max_megapixels))

    def work() -> Sequence[NearImage]:
        with quiet():
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
