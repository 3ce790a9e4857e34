"""Refuse params of the gate that name a class that does not exist, before anything is trained."""

from collections.abc import Collection

from lradapt.errors import ParamsError
from lradapt.gate.rules import Rules
from lradapt.gate.unknown_classes import unknown_names_in_words
from lradapt.registry.registry import Registry
from lradapt.registry.store import RegistryError


def require_known_classes(registry: Registry, rules: Rules, today: Collection[str]) -> None:
    """Check the names of classes in the rules of promotion.

    Args:
        registry: whose versions in production tell the classes of before.
        rules: of promotion.
        today: the classes of the labels.

    Raises:
        ParamsError: a name is the name of no class; every such name is listed.
    """
    earlier = _earlier_classes(registry) if set(rules.renamed) - set(today) else set()
    if refusal := unknown_names_in_words(rules, today, earlier):
        raise ParamsError(refusal)


def _earlier_classes(registry: Registry) -> set[str] | None:
    """Return the classes of all versions that were in production; None if one is not known."""
    versions = {promotion.version for promotion in registry.promotions()}
    try:
        recalls = [registry.manifest(version)["metrics"]["recall"] for version in versions]
    except (RegistryError, KeyError):  # pruned since, or made by hand
        return None
    return {name for recall in recalls for name in recall} if versions else None
