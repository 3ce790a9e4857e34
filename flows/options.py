"""Options that several flows share."""

from typing import Annotated

import typer

FullCheck = Annotated[
    bool,
    typer.Option(
        "--full-check",
        help="Read every image and result. Otherwise a file whose time and size are as before "
        "counts as unchanged; labels and weights are read in any case.",
    ),
]
ApprovalSeconds = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="Wait this long for a person's approval in the UI; 0: do not ask.",
    ),
]
