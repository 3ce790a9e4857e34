"""Shadow mode: a challenger classifies what the model in production has answered, beside it.

It never delays or fails an answer: it runs in a process of its own that takes only idle time,
behind a bounded queue; images that do not fit are dropped and counted.
"""

import json
import logging
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, HTTPException

from lradapt.inference.metadata import ModelError
from lradapt.registry.manifest import MODEL
from lradapt.registry.registry import Registry
from lradapt.runtime.system.processes import not_interrupted
from lradapt.serving.background import Background
from lradapt.serving.settings import MB
from lradapt.serving.shadow_process import read_frame, write_frame
from lradapt.serving.uploads import Upload

log = logging.getLogger(__name__)

_COMMAND = [sys.executable, "-m", "lradapt.serving.shadow_process"]
_MAX_IMAGES, _MAX_BYTES = 64, 32 * MB  # that wait
_RESTART_SECONDS, _CLOSE_SECONDS = 60.0, 5.0
_MAX_PAIRS = 1000  # of classes that are counted each
_SHOWN_PAIRS = 20


class ShadowError(Exception):
    """The process of the challenger has not answered."""


@dataclass(frozen=True, slots=True)
class _Image:
    content: bytes
    version: str
    label: str


@dataclass(slots=True)
class _Tally:
    """How often the challenger agreed with one version in production."""

    version: str = ""
    agreed: int = 0
    disagreed: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, served: str, shadow: str) -> None:
        if served == shadow:
            self.agreed += 1
            return
        self.disagreed += 1
        if (served, shadow) in self.pairs or len(self.pairs) < _MAX_PAIRS:
            self.pairs[served, shadow] += 1


class Shadow:
    """A challenger, and how it has compared.

    Attributes:
        version: of the challenger.
    """

    def __init__(self, version: str, model: bytes) -> None:
        """Start the process of the challenger.

        Args:
            version: its name.
            model: its ONNX file.

        Raises:
            ModelError: this version of lradapt cannot load it.
        """
        self.version, self._model = version, model
        self._total: Counter[str] = Counter(agreed=0, disagreed=0, failed=0)
        self._tally = _Tally()
        self._process: subprocess.Popen[bytes] | None = None
        self._started, self._is_closed = 0.0, False
        self._start()
        self._background = Background(
            self._compare,
            name=f"the shadow {version} fails",
            max_items=_MAX_IMAGES,
            max_bytes=_MAX_BYTES,
        )

    def offer(self, uploads: Sequence[Upload], answer: Mapping[str, Any]) -> None:
        """Compare the challenger with an answer, later; nothing is compared with itself."""
        if answer["version"] == self.version:
            return
        for upload, prediction in zip(uploads, answer["predictions"], strict=True):
            image = _Image(upload.content, answer["version"], prediction["class"])
            self._background.offer(image, len(upload.content))

    def counts(self) -> dict[str, int]:
        """Return how many images agreed, disagreed, failed and were dropped since the start."""
        return {**self._total, "dropped": self._background.num_dropped}

    def summary(self) -> dict[str, Any]:
        """Return the comparison with the version in production that was compared last."""
        tally = self._tally
        images = tally.agreed + tally.disagreed
        pairs = tally.pairs.copy().most_common(_SHOWN_PAIRS)
        return {
            "version": self.version,
            "compared_with": tally.version or None,
            "images": images,
            "disagreed": tally.disagreed,
            "share_disagreed": round(tally.disagreed / images, 4) if images else None,
            "pairs": [
                {"served": served, "shadow": shadow, "images": count}
                for (served, shadow), count in pairs
            ],
            "failed": self._total["failed"],
            "dropped": self._background.num_dropped,
        }

    def close(self) -> None:
        """End the process; what waits is not compared any more."""
        self._is_closed = True
        self._stop()
        self._background.close(_CLOSE_SECONDS)

    def _compare(self, image: _Image) -> None:
        try:
            answer = self._ask(image.content)
        except (ShadowError, ModelError):
            if self._is_closed:
                return
            self._total["failed"] += 1
            raise
        if image.version != self._tally.version:
            self._tally = _Tally(image.version)
        self._tally.add(image.label, answer["class"])
        self._total["agreed" if image.label == answer["class"] else "disagreed"] += 1

    def _ask(self, content: bytes) -> dict[str, Any]:
        if self._is_closed:
            raise ShadowError("it was ended")
        if self._process is None and time.monotonic() - self._started > _RESTART_SECONDS:
            self._start()
        if self._process is None:
            raise ShadowError("its process has ended; it is started again after a minute")
        answer = self._exchange(content)
        if "fault" in answer:
            raise ShadowError(answer["fault"])
        return answer

    def _start(self) -> None:
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **not_interrupted(),  # Ctrl-C in a terminal is for the server
        )
        try:
            answer = self._exchange(self._model)
        except ShadowError as error:
            raise ModelError(f"the process of the shadow {self.version} has not started") from error
        if "fault" in answer:
            self._stop()
            raise ModelError(f"version {self.version} cannot be the shadow: {answer['fault']}")

    def _exchange(self, content: bytes) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            write_frame(process.stdin, content)
            answer: dict[str, Any] = json.loads(read_frame(process.stdout))
        except (OSError, EOFError, ValueError) as error:
            self._stop()
            raise ShadowError("its process has ended") from error
        return answer

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except OSError:  # what was not sent is lost
                continue


@contextmanager
def shadowed(registry: Registry, version: str | None) -> Iterator[Shadow | None]:
    """Yield a version of a registry as a challenger; log its comparison when the block ends.

    Args:
        registry: that has the version.
        version: its name, or None for no challenger.

    Raises:
        RegistryError: there is no such version, or it cannot be read or is damaged.
        ModelError: this version of lradapt cannot load it.
    """
    if version is None:
        yield None
        return
    shadow = Shadow(version, registry.open(version).read(MODEL))
    try:
        yield shadow
    finally:
        shadow.close()
        log.info("%s", in_words(shadow.summary()))


def in_words(summary: Mapping[str, Any]) -> str:
    """Return a summary as one sentence, for the log."""
    if not summary["images"]:
        return f"the shadow {summary['version']} was compared on no image"
    return (
        f"the shadow {summary['version']} beside {summary['compared_with']}: "
        f"{summary['disagreed']} of {summary['images']} images with another class "
        f"({summary['share_disagreed']:.1%}), {summary['failed']} failed, "
        f"{summary['dropped']} dropped"
    )


def add_shadow(app: FastAPI, shadow: Shadow | None) -> None:
    """Add the path `/shadow` to an application."""

    @app.get("/shadow")
    async def summary() -> dict[str, Any]:
        if shadow is None:
            raise HTTPException(404, "no challenger runs in shadow mode: start with --shadow")
        return shadow.summary()
