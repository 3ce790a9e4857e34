"""Named sets of values for `params.yaml`: the paper's own settings.

Values that the paper does not state (momentum, L2, bounds of the range test) are left unchanged.
"""

from collections.abc import Mapping
from typing import Any

Changes = Mapping[str, Any]

PAPER: Changes = {
    "find_lr": {"rule": "steepest"},  # section 2.2: by the rate of change of the loss
    "model": {"reads": "last"},
    "activations": {"num_views": 1},
    "train_head": {"method": "sgd", "batch_size": 32, "max_epochs": 10},  # sections 2.1 and 2.3
    "body_rates": {"source": "given", "rates": [1e-4, 1e-3, 1e-2]},  # section 2.4
    "finetune": {
        "batch_size": 32,
        "num_cycles": 3,
        "first_cycle_epochs": 1,
        "cycle_growth": 2,
        "optimizer": "sgd",
        "batchnorm": "batch",
        "choose_by": "balanced_accuracy",
        "stop": "never",
        "lower_rates": 0,
        "target_accuracy": None,
    },
    "imbalance": "none",
}
PRESETS: Mapping[str, Changes] = {"paper": PAPER}


def changed(values: Changes, changes: Changes) -> dict[str, Any]:
    """Return a copy of `values` with the keys in `changes` set; sections are merged by key."""
    return {
        key: changed(value, changes[key])
        if isinstance(value, Mapping) and isinstance(changes.get(key), Mapping)
        else changes.get(key, value)
        for key, value in values.items()
    } | {key: value for key, value in changes.items() if key not in values}
