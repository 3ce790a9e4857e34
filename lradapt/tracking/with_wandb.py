"""Weights & Biases: its cloud or the server of WANDB_BASE_URL; or, offline, the folder wandb/."""

import os
from pathlib import Path
from shutil import copy

from lradapt.tracking.tracked_run import TrackedRun


def send(tracked: TrackedRun) -> str:
    """Send a run; return its address, or its folder where WANDB_MODE is offline."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # to W&B's own Sentry
    import wandb

    quiet = wandb.Settings(
        silent=True,
        console="off",
        disable_code=True,
        disable_git=True,
        x_disable_meta=True,
        x_disable_stats=True,
    )
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT") or tracked.project,
        name=tracked.name,
        config={**tracked.params, **tracked.tags},
        notes=tracked.note,
        settings=quiet,
    )
    for part, rows in tracked.epochs.items():
        run.define_metric(f"{part}/epoch")
        run.define_metric(f"{part}/*", step_metric=f"{part}/epoch")
        for epoch, row in enumerate(rows, start=1):
            run.log({f"{part}/epoch": epoch, **{f"{part}/{key}": row[key] for key in row}})
    run.summary.update(dict(tracked.metrics))
    for path in tracked.files:
        copied = copy(path, run.dir)  # `save` makes links, and `wandb sync` may come much later
        run.save(copied, base_path=run.dir, policy="now")
    run.finish()
    return run.url or str(Path(run.dir).parent)
