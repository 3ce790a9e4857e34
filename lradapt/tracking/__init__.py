"""A copy of each run for experiment trackers: MLflow, Weights & Biases.

    collect.py      what a tracker gets of a run
    tracked_run.py  that, as plain data
    with_mlflow.py  the only module that imports mlflow
    with_wandb.py   the only module that imports wandb
    __main__.py     a program that sends one run to one tracker, and answers with its address

A new tracker is a module `with_NAME.py` with `send`, its name in `config/params/reporting.py`, and
an extra in pyproject.toml.

The flow starts the program, so that a tracker which hangs, prints or fails can only cost its time.
"""
