"""Bring the model in production into the project, as the start of the next training."""

from pathlib import Path

from lradapt.inference.predict import Model
from lradapt.networks.champion import Champion, write_champion
from lradapt.registry.manifest import MODEL, WEIGHTS
from lradapt.registry.registry import Registry
from lradapt.registry.store import RegistryError


def bring_champion(registry: Registry, into: Path) -> Champion:
    """Write the weights of the model in production to a file, for a warm start.

    Raises:
        RegistryError: nothing is in production.
    """
    production = registry.production()
    if production is None:
        raise RegistryError(
            f"nothing of {registry.name} is in production in {registry.location}, so no training "
            "can start from it; set finetune.start to backbone for the first model"
        )
    version = registry.open(production.version, production.promotion)
    model = Model(version.read(MODEL))
    champion = Champion(production.version, model.architecture, tuple(model.class_names))
    write_champion(into, champion, version.read(WEIGHTS))
    return champion
