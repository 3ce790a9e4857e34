"""`lradapt import champion`: the model in production, for a warm start."""

from lradapt.cli.options import AsJson, Location, Name
from lradapt.cli.output import console, print_json
from lradapt.config.paths import read_paths
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.runtime import lock


def champion(
    registry: Location = DEFAULT_LOCATION, name: Name = DEFAULT_NAME, as_json: AsJson = False
) -> None:
    """Import the model in production for a warm start (params.yaml: finetune.start).

    Prints the path of its weights, and its version.
    """
    from lradapt.production.warm_start import bring_champion

    path = read_paths().champion
    with lock.importing():
        found = bring_champion(open_registry(registry, name), path)
    if as_json:
        print_json(
            {"path": str(path), "architecture": found.architecture, "version": found.version}
        )
    else:
        console().print(f"{path}: {found.architecture}, version {found.version}")
