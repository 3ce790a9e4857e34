"""`lradapt export`: for a labelling tool, for catalogues of data, for a model hub."""

import typer

from lradapt.cli import exit_codes
from lradapt.cli.exporting import croissant, hub, labelstudio
from lradapt.cli.help import USUAL_CODES, epilog

app = typer.Typer(
    help="Export images for a labelling tool, their metadata, or a version for a model hub.",
    no_args_is_help=True,
    epilog=epilog(
        "lradapt export labelstudio --into tasks.json",
        "lradapt export croissant croissant.json",
        "lradapt export hub skin-model",
        codes=(*USUAL_CODES, exit_codes.DATA_FAULTS),
    ),
)

for command in (labelstudio.labelstudio, croissant.croissant, hub.hub):
    app.command(command.__name__)(command)
