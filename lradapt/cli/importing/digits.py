"""`lradapt import digits`: handwritten digits, for a first run."""

from lradapt.cli.importing.options import KeepParams, Replace, UnlessPresent
from lradapt.cli.importing.run import import_images
from lradapt.cli.options import AsJson
from lradapt.cli.output import print_json
from lradapt.config.paths import read_paths


def digits(
    replace: Replace = False,
    unless_present: UnlessPresent = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import the 1,797 handwritten digits of scikit-learn, for a first run.

    Prints how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing import importers

    images = read_paths().images
    if unless_present and (images.exists() or images.with_name(images.name + ".dvc").exists()):
        if as_json:
            print_json(None)
        return
    import_images(
        importers.import_digits, replace=replace, keep_params=keep_params, as_json=as_json
    )
