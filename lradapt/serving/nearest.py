"""The training images nearest to an image, prepared once for a version, in a thread."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lradapt.data.images.decode import Pixels
from lradapt.serving.live_model import Loaded

_RETRY_SECONDS = 60.0


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


class Nearest:
    """The training images of the version that is served; another version replaces them.

    A failure is the answer for a minute; the first question after that tries again.
    """

    def __init__(self, prepare: Prepare, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep how to prepare a version; nothing is read before the first question."""
        self._prepare, self._clock = prepare, clock
        self._version, self._why_not = "", ""
        self._failed = 0.0
        self._compare: Compare | None = None
        self._changing = threading.Lock()

    def of(self, loaded: Loaded) -> Compare | str:
        """Return the comparison for a version, "" while it is being prepared, or why not."""
        version = loaded.promotion.version
        with self._changing:
            if version == self._version and not self._is_to_be_tried_again():
                return self._compare or self._why_not
            self._version, self._compare, self._why_not = version, None, ""
        thread = threading.Thread(target=self._prepare_version, args=(loaded,), daemon=True)
        thread.start()
        return ""

    def _is_to_be_tried_again(self) -> bool:
        return bool(self._why_not) and self._clock() - self._failed > _RETRY_SECONDS

    def _prepare_version(self, loaded: Loaded) -> None:
        compare, why_not = None, ""
        try:
            compare = self._prepare(loaded)
        except Exception as error:  # noqa: BLE001  # answers go on without it
            why_not = str(error) or repr(error)
        with self._changing:
            if self._version == loaded.promotion.version:
                self._compare, self._why_not = compare, why_not
                self._failed = self._clock()
