"""`lradapt import cifar10`: the set of torchvision."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lradapt.cli.importing.options import KeepParams, Replace
from lradapt.cli.importing.run import import_images
from lradapt.cli.options import AsJson
from lradapt.runtime.user import expand


def cifar10(
    cache: Annotated[Path, typer.Option(help="The folder of torchvision's download.")] = Path(
        "~/.cache/lradapt/cifar10"
    ),
    replace: Replace = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import CIFAR-10 by torchvision's loader; its 50,000 / 10,000 are kept as the split.

    Prints how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing import importers

    run_import = partial(importers.import_cifar10, cache=expand(cache))
    import_images(run_import, replace=replace, keep_params=keep_params, as_json=as_json)
