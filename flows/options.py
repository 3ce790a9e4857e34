"""Options that several flows share."""

from typing import Annotated

import typer

ApprovalSeconds = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="Wait this long for a person's approval in the UI; 0: do not ask.",
    ),
]
