"""What a tracker gets of a run, as plain data that JSON can hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """A run for a tracker.

    Attributes:
        project: whose runs are listed together: MLflow's experiment, W&B's project.
        name: of the run.
        params: key with dots -> value.
        metrics: name -> value, of the test split.
        epochs: part of the training -> a row for each epoch, the first is 1; column -> value.
        tags: name -> text.
        note: how it ended, in Markdown.
        files: paths of the report and the model card.
    """

    project: str
    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    epochs: Mapping[str, Sequence[Row]]
    tags: Mapping[str, str]
    note: str
    files: Sequence[str]
