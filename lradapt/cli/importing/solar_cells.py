"""`lradapt import solar-cells`: photographs of solar cells, by pip."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lradapt.cli.importing.options import KeepParams, Replace
from lradapt.cli.importing.run import import_images
from lradapt.cli.options import AsJson
from lradapt.cli.source_report import print_understood
from lradapt.runtime.user import expand

if TYPE_CHECKING:
    from lradapt.data.importing.source_labels import SourceLabels


def solar_cells(
    cache: Annotated[Path, typer.Option(help="The folder of pip's download.")] = Path(
        "~/.cache/lradapt/solar_cells"
    ),
    replace: Replace = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import 2,624 photographs of solar cells in four grades of defect (not for commercial use).

    pip downloads them (87 MB) from the package index. Prints their licence and what
    to cite; then how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing import solar_cells as source

    def run_import(images: Path, labels: Path) -> "SourceLabels":
        found = source.import_solar_cells(cache=expand(cache), images=images, labels=labels)
        print_understood(found, stderr=as_json)
        return found

    import_images(run_import, replace=replace, keep_params=keep_params, as_json=as_json)
