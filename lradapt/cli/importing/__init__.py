"""`lradapt import`: import images, labels and pre-trained weights into the project."""

import typer

from lradapt.cli import exit_codes
from lradapt.cli.help import USUAL_CODES, epilog
from lradapt.cli.importing import (
    champion,
    cifar10,
    coco,
    cvat,
    digits,
    folder,
    imagefolder,
    labelstudio,
    solar_cells,
    table,
    weights,
)

app = typer.Typer(
    help="Import images, labels and pre-trained weights into the project.",
    no_args_is_help=True,
    epilog=epilog(
        "lradapt import digits",
        "lradapt import folder photos",
        "lradapt import table labels.csv --images photos --image-column file --label-column class",
        "lradapt import labelstudio export.json --images photos",
        "lradapt import cvat task.zip",
        "lradapt import weights imagenet",
        codes=(*USUAL_CODES, exit_codes.DATA_FAULTS),
    ),
)

for command in (
    folder.folder,
    table.table,
    imagefolder.imagefolder,
    labelstudio.labelstudio,
    cvat.cvat,
    coco.coco,
    digits.digits,
    cifar10.cifar10,
    solar_cells.solar_cells,
    weights.weights,
    champion.champion,
):
    app.command(command.__name__.replace("_", "-"))(command)
