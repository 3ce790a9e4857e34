"""`lradapt import weights`: the pre-trained backbone."""

from dataclasses import asdict
from typing import Annotated

import typer

from lradapt.cli import completion
from lradapt.cli.importing.backbone import import_body, print_body
from lradapt.cli.importing.imported import print_choices
from lradapt.cli.importing.options import KeepParams
from lradapt.cli.options import AsJson
from lradapt.cli.output import print_json
from lradapt.config.paths import read_paths
from lradapt.networks.champion import ensure_file
from lradapt.runtime import lock


def weights(
    choice: Annotated[
        str,
        typer.Argument(
            metavar="WEIGHTS",
            help="imagenet, none (random), auto, or a file of weights.",
            autocompletion=completion.weights,
        ),
    ] = "auto",
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import the pre-trained backbone for the architecture in params.yaml.

    auto is imagenet if it can be downloaded, else none. Prints the path of the
    weights, their origin, and what suits them in params.yaml.
    """
    from lradapt.cli.param_choices import choose_for_weights
    from lradapt.cli.size_choice import choose_own_size

    paths = read_paths()
    with lock.importing():
        ensure_file(paths.champion)
        body = import_body(choice)
        choices = choose_for_weights(paths.images, paths.backbone, keep=keep_params)
        if not keep_params:
            choices += choose_own_size(paths.images, paths.labels, paths.backbone)
    if as_json:
        print_json(asdict(body) | {"choices": list(map(asdict, choices))})
    else:
        print_body(body)
        print_choices(choices)
