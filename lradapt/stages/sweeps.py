"""The sweeps of the two stages with a range test."""

from lradapt.config.params.training import RangeTestParams, SgdParams
from lradapt.training.range_test.measure import SweepRecipe


def sweep_recipe(test: RangeTestParams, training: SgdParams) -> SweepRecipe:
    """Return the recipe of section `find_lr` or `find_body_lr` for the optimizer of a training."""
    return SweepRecipe(
        start_lr=test.start_lr,
        end_lr=test.end_lr,
        num_steps=test.num_steps,
        num_sweeps=test.num_sweeps,
        batch_size=training.batch_size,
        momentum=training.momentum,
        l2=training.l2,
    )
