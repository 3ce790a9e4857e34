"""lradapt: fast, safe retraining of image classifiers by learning-rate adaptation.

The names in `__all__` are for programs of other people: docs/library.md. Each is imported when it
is first asked for, so that `import lradapt` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "CosineCycles",
    "LayersError",
    "LiveModel",
    "LradaptError",
    "RangeTest",
    "Suggestion",
    "Sweep",
    "TrainingError",
    "cached_activations",
    "cosine_cycles",
    "fit_temperature",
    "growing_cycles",
    "layer_groups",
    "open_store",
    "range_test",
]

if TYPE_CHECKING:
    from lradapt.calibration import fit_temperature
    from lradapt.errors import LayersError, LradaptError, TrainingError
    from lradapt.live import LiveModel
    from lradapt.lr_curve import Sweep
    from lradapt.lr_suggestion import Suggestion
    from lradapt.own_loop.cached import cached_activations
    from lradapt.own_loop.cycles import CosineCycles
    from lradapt.own_loop.layers import layer_groups
    from lradapt.own_loop.rates import RangeTest, range_test
    from lradapt.registry import open_store
    from lradapt.schedules import cosine_cycles, growing_cycles
else:  # hidden from type checkers, which would take any name for known
    _HOMES = {
        "CosineCycles": "own_loop.cycles",
        "LayersError": "errors",
        "LiveModel": "live",
        "LradaptError": "errors",
        "RangeTest": "own_loop.rates",
        "Suggestion": "lr_suggestion",
        "Sweep": "lr_curve",
        "TrainingError": "errors",
        "cached_activations": "own_loop.cached",
        "cosine_cycles": "schedules",
        "fit_temperature": "calibration",
        "growing_cycles": "schedules",
        "layer_groups": "own_loop.layers",
        "open_store": "registry",
        "range_test": "own_loop.rates",
    }

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
