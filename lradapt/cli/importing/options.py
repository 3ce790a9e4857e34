"""Options that the commands of `lradapt import` share."""

from pathlib import Path
from typing import Annotated

import typer

Replace = Annotated[bool, typer.Option("--replace", help="Replace the present images.")]
KeepParams = Annotated[
    bool, typer.Option("--keep-params", help="Leave params.yaml as it is; say what would suit.")
]
UnlessPresent = Annotated[
    bool, typer.Option("--unless-present", help="Do nothing if there are images already.")
]
ImagesFolder = Annotated[
    Path | None, typer.Option("--images", help="The folder of the images.", show_default=False)
]
