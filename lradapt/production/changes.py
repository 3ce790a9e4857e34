"""The changes of production, as far as they can be read."""

from lradapt.registry.promotions import Promotion
from lradapt.registry.reading import usable_promotions
from lradapt.registry.registry import Registry


def production_changes(registry: Registry) -> list[Promotion]:
    """Return what can be read of the log, with the last promotion, without changes of key."""
    logged, live = usable_promotions(registry), registry.production()
    if live and live.promotion not in logged:
        logged.append(live.promotion)
    return [each for each in logged if each.kind != "key_change"]
