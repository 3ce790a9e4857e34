"""ImageNet weights from the hub that timm uses (huggingface.co), within a bounded time."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from lradapt.errors import WeightsError
from lradapt.networks.timm_networks import load_timm_file
from lradapt.runtime.files import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

_FILE = "model.safetensors"
_SHA256_LENGTH = 64
_LEAST_RATE = 100_000  # bytes a second of a download; a slower one is given up
_Answer = TypeVar("_Answer")


def hub_weights(name: str, *, seconds: float) -> "tuple[dict[str, Tensor], str, str]":
    """Return the default weights of a timm network, their source and their licence.

    Args:
        name: within timm.
        seconds: until the hub must have answered; the download has as long again, and one second
            more for each 100 kB.

    Raises:
        WeightsError: there are none, the hub does not answer, or the file is damaged.
    """
    from timm import get_pretrained_cfg

    known: Any = get_pretrained_cfg(name)
    repository = known.hf_hub_id if known else None
    if not repository:
        raise WeightsError(f"timm names no weights of {name} on its hub")
    path, digest = _download(repository, seconds)
    if len(digest) == _SHA256_LENGTH and sha256_of(path) != digest:
        raise WeightsError(
            f"{path} of {repository} is damaged: its sha256 is not the hub's; delete it, and try "
            "again"
        )
    weights = load_timm_file(name, str(path))
    return weights, f"{repository} on huggingface.co, sha256 {sha256_of(path)}", known.license or ""


def _download(repository: str, seconds: float) -> tuple[Path, str]:
    import huggingface_hub as hub

    kept = hub.try_to_load_from_cache(repository, _FILE)
    if isinstance(kept, str):
        return Path(kept), Path(kept).resolve().name  # of a blob of the cache: its sha256
    url = hub.hf_hub_url(repository, _FILE)
    # It warns at each of its attempts, also after they were given up here.
    hub.utils.logging.set_verbosity(logging.ERROR)
    try:
        # No token: the weights are public, and a person's credentials are not ours to send.
        found = _within(
            seconds, lambda: hub.get_hf_file_metadata(url, token=False, timeout=seconds)
        )
        path = _within(
            seconds + (found.size or 0) / _LEAST_RATE,
            lambda: hub.hf_hub_download(repository, _FILE, token=False, etag_timeout=seconds),
        )
    except Exception as error:  # the hub's client raises whatever its connection does
        raise WeightsError(
            f"{repository} cannot be downloaded from huggingface.co here ({error})"
        ) from error
    return Path(path), found.etag or ""


def _within(seconds: float, ask: Callable[[], _Answer]) -> _Answer:
    """Return the answer, or give up: a name lookup or a proxy can ignore every timeout.

    Raises:
        TimeoutError: there is no answer in time.
    """
    answers: SimpleQueue[tuple[_Answer | None, Exception | None]] = SimpleQueue()

    def run() -> None:
        try:
            answers.put((ask(), None))
        except Exception as error:  # noqa: BLE001 - raised again in the caller
            answers.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except Empty as empty:
        raise TimeoutError(f"not done in {seconds:.3g} seconds") from empty
    if error:
        raise error
    return answer  # type: ignore[return-value]
