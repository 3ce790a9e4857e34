"""The record of an endpoint: its recorder, the upload to S3, and what of it the health says."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread

from lradapt.data.images.decode import Pixels
from lradapt.inference.answers import Answers
from lradapt.recording.bounds import Bounds
from lradapt.recording.lines import Header
from lradapt.recording.recorder import Recorder
from lradapt.recording.rows import Batch
from lradapt.registry import open_store
from lradapt.registry.record_uploads import Uploads
from lradapt.serving.live_model import Loaded
from lradapt.serving.pseudonyms import pseudonym
from lradapt.serving.uploads import Upload

_CLOSE_SECONDS = 5.0


class Record:
    """Where the answers of an endpoint are recorded."""

    def __init__(
        self,
        location: str,
        bounds: Bounds,
        *,
        with_images: bool = False,
        spool: Path,
        group_key: bytes,
    ) -> None:
        """Keep where to record; nothing is written before `start`.

        Args:
            location: a folder, or `s3://bucket/prefix`, as of a registry.
            bounds: of the record; of the spool too.
            with_images: whether the files of the images are kept.
            spool: the folder in which segments wait for their upload to S3.
            group_key: of the pseudonyms of groups, see `pseudonyms.read_key`.

        Raises:
            RegistryError: see `open_registry`.
        """
        self._location, is_folder = location, "://" not in location
        self._group_key = group_key
        self._recorder = Recorder(
            Path(location) if is_folder else spool, bounds, with_images=with_images
        )
        self._uploads = None if is_folder else Uploads(spool, open_store(location), bounds)

    def start(self) -> None:
        """Begin; what is wrong with the place is told by `state`, and by the log."""
        self._recorder.start()
        if self._uploads is not None:
            self._uploads.start()

    def close(self) -> None:
        """Write and upload what waits, each within seconds."""
        self._recorder.close(_CLOSE_SECONDS)
        if self._uploads is not None:
            self._uploads.close(_CLOSE_SECONDS)

    def keep(
        self,
        group: str,
        loaded: Loaded,
        uploads: Sequence[Upload],
        squares: Sequence[Pixels],
        found: Answers,
    ) -> None:
        """Record the answers to a request; this neither waits nor fails.

        Args:
            group: that its images belong to, as the client names it; "" for none.
            loaded: the model.
            uploads: the images.
            squares: the pixels that the model received.
            found: what it gave.
        """
        features = found.features
        header = Header(
            loaded.promotion.version,
            tuple(loaded.model.class_names),
            0 if features is None else features.shape[1],
        )
        batch = Batch(
            header=header,
            contents=[upload.content for upload in uploads],
            squares=squares,
            probabilities=found.probabilities,
            features=features,
            unlike=found.unlike,
            unsure=[doubt.unsure for doubt in loaded.model.doubts(found)],
            group=pseudonym(self._group_key, group),
        )
        self._recorder.offer(batch)

    def state(self) -> dict[str, Any]:
        """Return what was recorded since the start, for `/health`; this asks no disk."""
        state = self._recorder.state()
        told = {
            "location": self._location,
            "recorded": state.num_written,
            "dropped": state.num_dropped,
            "waiting": state.num_waiting,
            "removed_segments": state.num_removed,
            "fault": state.fault or None,
        }
        if self._uploads is None:
            return told
        return told | {
            "uploaded_segments": self._uploads.num_uploaded,
            "waiting_segments": self._uploads.num_waiting,
            "fault": state.fault or self._uploads.fault or None,
        }

    def counts(self) -> dict[str, int]:
        """Return how many images were recorded and dropped since the start, for `/metrics`."""
        state = self._recorder.state()
        return {"recorded": state.num_written, "dropped": state.num_dropped}

    def has_fault(self) -> bool:
        """Return whether nothing can be recorded or uploaded now."""
        return self.state()["fault"] is not None


@asynccontextmanager
async def recording(record: Record | None) -> AsyncIterator[None]:
    """Record in the block; None: nothing is recorded."""
    if record is None:
        yield
        return
    record.start()
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(record.close)


def health_of(record: Record | None) -> dict[str, Any]:
    """Return what `/health` says of a record; nothing without one."""
    return {} if record is None else {"record": record.state()}
