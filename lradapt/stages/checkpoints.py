"""The checkpoints of a stage that trains, found again by all on which its results depend."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from lradapt.compute.engine import Engine
from lradapt.config.params import Params
from lradapt.training.checkpoint import key_of
from lradapt.training.run import TrainingRun, resumable


def resumable_stage(
    stage: str,
    checkpoints: Path,
    params: Params,
    engine: Engine,
    *,
    files: Sequence[Path],
    values: Mapping[str, Any],
) -> AbstractContextManager[TrainingRun]:
    """Return a block that trains and writes the results, with checkpoints; see `resumable`.

    Args:
        stage: its name.
        checkpoints: folder of the checkpoints of all stages.
        params: how often a checkpoint is written.
        engine: where it trains.
        files: that the stage reads, in a fixed order; their content counts.
        values: of params.yaml that the stage reads, as JSON knows them.
    """
    inputs = {str(number): path for number, path in enumerate(files)}
    key = key_of(stage, inputs, values, engine)
    return resumable(
        checkpoints / stage,
        key,
        every_seconds=params.checkpoint.every_seconds,
        processes=engine.processes,
    )
