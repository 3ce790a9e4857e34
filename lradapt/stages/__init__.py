"""The stages of `dvc.yaml`, one a file: each reads params and files, calls lradapt, writes files.

A stage's file holds a `main` whose keyword arguments are its paths, which `dvc.yaml` alone defines.
Below the command line, only this package sees the params as a whole.
"""

from pathlib import Path
from typing import Annotated

import typer

Dep = Annotated[Path, typer.Option(exists=True, show_default=False)]
"""A path that the stage reads."""
Out = Annotated[Path, typer.Option(show_default=False)]
"""A path that the stage writes."""
Store = Annotated[Path, typer.Option(show_default=False)]
"""A folder that makes the stage faster; no output depends on it.

See lradapt.runtime.row_cache, lradapt.training.checkpoint."""


NAMES = (
    "activations",
    "calibrate",
    "doubtful_labels",
    "evaluate",
    "export",
    "find_body_lr",
    "find_lr",
    "finetune",
    "ingest",
    "split",
    "train_head",
)
"""Of the stages, sorted."""
