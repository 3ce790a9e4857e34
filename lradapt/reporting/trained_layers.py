"""What the fine-tuning trained, in words."""

from collections.abc import Mapping

_WORDS = {"early": "early layers", "late": "late layers", "head": "head"}


def trained_layers(rates: Mapping[str, float]) -> str:
    """Return "all layers", or those whose peak rate is not zero: the others were frozen.

    Args:
        rates: depth -> peak rate, as in `choice.json`.
    """
    trained = [_WORDS[depth] for depth, rate in rates.items() if rate]
    return "all layers" if len(trained) == len(rates) else " and ".join(trained)
