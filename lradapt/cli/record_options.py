"""The options of `lradapt serve` that record answers."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lradapt.cli.number_options import number_option
from lradapt.serving.settings import MB

if TYPE_CHECKING:
    from lradapt.serving.record import Record

DEFAULT_SPOOL = Path(".lradapt/record")
_MAX_DAYS = 36_500  # a hundred years


_PANEL = "Record"


def _in_panel(*names: str, **words: Any) -> Any:
    return typer.Option(*names, rich_help_panel=_PANEL, **words)


To = Annotated[
    str | None,
    _in_panel(
        metavar="DIR | s3://...",
        help="Record each answer there: hash of the image, time, version, probabilities, features.",
        show_default="nothing is recorded",
    ),
]
Images = Annotated[
    bool,
    _in_panel(
        "--record-images",
        help="Keep the image files too, as they are sent; `lradapt queue` needs them.",
    ),
]
Days = Annotated[
    float,
    number_option(
        least=0.01,
        most=_MAX_DAYS,
        rich_help_panel=_PANEL,
        help="Number of days after which an answer is removed.",
    ),
]
Megabytes = Annotated[
    float,
    number_option(
        least=1,
        unit="MB",
        rich_help_panel=_PANEL,
        help="Limit of the record with its images; the oldest answers go first.",
    ),
]
Spool = Annotated[
    Path, _in_panel(file_okay=False, help="Where answers wait for their upload to S3.")
]


@dataclass(frozen=True, slots=True)
class RecordChoice:
    """The values of the options."""

    to: str | None
    images: bool
    days: float
    megabytes: float
    spool: Path

    def opened(self, max_upload: float) -> "Record | None":
        """Return the record; None if nothing is to be recorded.

        Args:
            max_upload: megabytes of a request, which may be one image.

        Raises:
            typer.BadParameter: options that contradict each other.
            RegistryError: see `open_registry`.
            GroupKeyError: see `read_key`.
        """
        if self.to is None:
            if self.images:
                raise typer.BadParameter("--record-images needs --record DIR or --record s3://...")
            return None
        if self.images and self.megabytes < 8 * max_upload:
            raise typer.BadParameter(
                f"--record-megabytes {self.megabytes:g} is below {8 * max_upload:g}, 8 times "
                "--max-upload; with --record-images, expected at least as much"
            )
        from lradapt.recording.bounds import Bounds
        from lradapt.serving.pseudonyms import VARIABLE, read_key
        from lradapt.serving.record import Record

        return Record(
            self.to,
            Bounds(self.days, int(self.megabytes * MB)),
            with_images=self.images,
            spool=self.spool,
            group_key=read_key(os.environ.get(VARIABLE)),
        )
