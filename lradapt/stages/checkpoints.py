"""The checkpoints of a stage that trains, found again by everything that its results depend on."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from lradapt.compute.engine import Engine
from lradapt.config.params import Params
from lradapt.config.stage_params import read_stage_params
from lradapt.training.checkpoint import key_of
from lradapt.training.run import TrainingRun, resumable


def resumable_stage(
    module: str,
    checkpoints: Path,
    params: Params,
    engine: Engine,
    *,
    inputs: Sequence[Path],
    attempt: int = 0,
) -> AbstractContextManager[TrainingRun]:
    """Return a block that trains and writes the results, with checkpoints; see `resumable`.

    The key of the checkpoints covers the inputs, the code of the module, and those params that the
    stage's entry in `dvc.yaml` lists.

    Args:
        module: of the stage.
        checkpoints: the folder of all stages' checkpoints.
        params: of the run.
        engine: where it computes.
        inputs: all files that the stage reads, in a fixed order.
        attempt: counted from 0, where a stage trains again; each has checkpoints of its own.
    """
    stage = module.rpartition(".")[2]
    key = key_of(module, inputs, read_stage_params(stage, params), engine)
    return resumable(
        checkpoints / (f"{stage}_{attempt}" if attempt else stage),
        key,
        every_seconds=params.checkpoint.every_seconds,
        processes=engine.processes,
    )
