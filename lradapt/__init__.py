"""lradapt: fast, safe retraining of image classifiers by learning-rate adaptation.

The names in `__all__` are the public interface: docs/library.md. The stages of the pipeline run the
same functions. Each name is imported when it is first used, so that `import lradapt` takes no time.
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
    "open_registry",
    "range_test",
    "solve_head",
]

if TYPE_CHECKING:
    from lradapt.errors import LayersError, LradaptError, TrainingError
    from lradapt.evaluation.calibration import fit_temperature
    from lradapt.registry import open_registry
    from lradapt.serving.live_model import LiveModel
    from lradapt.training.activations import cached_activations
    from lradapt.training.exact_head import solve_head
    from lradapt.training.layers import layer_groups
    from lradapt.training.range_test.curve import Sweep
    from lradapt.training.range_test.measure import RangeTest, range_test
    from lradapt.training.range_test.suggestion import Suggestion
    from lradapt.training.schedules import cosine_cycles, growing_cycles
    from lradapt.training.torch_scheduler import CosineCycles
else:  # hidden from type checkers, to which it would make any name valid
    _HOMES = {
        "CosineCycles": "training.torch_scheduler",
        "LayersError": "errors",
        "LiveModel": "serving.live_model",
        "LradaptError": "errors",
        "RangeTest": "training.range_test.measure",
        "Suggestion": "training.range_test.suggestion",
        "Sweep": "training.range_test.curve",
        "TrainingError": "errors",
        "cached_activations": "training.activations",
        "cosine_cycles": "training.schedules",
        "fit_temperature": "evaluation.calibration",
        "growing_cycles": "training.schedules",
        "layer_groups": "training.layers",
        "open_registry": "registry",
        "range_test": "training.range_test.measure",
        "solve_head": "training.exact_head",
    }

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
