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
    from lradapt.errors import LayersError, LradaptError, TrainingError
    from lradapt.evaluation.calibration import fit_temperature
    from lradapt.own_loop.cached import cached_activations
    from lradapt.own_loop.cycles import CosineCycles
    from lradapt.own_loop.layers import layer_groups
    from lradapt.own_loop.rates import RangeTest, range_test
    from lradapt.registry import open_store
    from lradapt.serving.live_model import LiveModel
    from lradapt.training.range_test.curve import Sweep
    from lradapt.training.range_test.suggestion import Suggestion
    from lradapt.training.schedules import cosine_cycles, growing_cycles
else:  # hidden from type checkers, which would take any name for known
    _HOMES = {
        "CosineCycles": "own_loop.cycles",
        "LayersError": "errors",
        "LiveModel": "serving.live_model",
        "LradaptError": "errors",
        "RangeTest": "own_loop.rates",
        "Suggestion": "training.range_test.suggestion",
        "Sweep": "training.range_test.curve",
        "TrainingError": "errors",
        "cached_activations": "own_loop.cached",
        "cosine_cycles": "training.schedules",
        "fit_temperature": "evaluation.calibration",
        "growing_cycles": "training.schedules",
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
