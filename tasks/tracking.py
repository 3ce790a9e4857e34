"""Send a copy of a run to experiment trackers; without `track.trackers` nothing happens."""

import logging
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import task

from lradapt.config.params import load_params
from lradapt.config.paths import read_paths
from lradapt.production.release import Outcome
from lradapt.reporting import model_card
from lradapt.runtime.files import read_json, write_json, write_text
from tasks.processes.limited import run_limited

log = logging.getLogger("lradapt.tracking")


def send_run(model: str, outcome: Outcome | None) -> None:
    """Send this run to each tracker that `params.yaml` names.

    Args:
        model: its name in the registry.
        outcome: of the gate; None after a dry run.
    """
    settings = load_params().track
    for tracker in settings.trackers:
        track.with_options(name=f"track-{tracker}")(tracker, model, outcome, settings.max_seconds)


@task(persist_result=False)
def track(tracker: str, model: str, outcome: Outcome | None, max_seconds: float) -> None:
    """Send this run to a tracker; a tracker that fails or does not answer costs one warning."""
    with TemporaryDirectory(prefix="lradapt-track-") as folder:
        answer = _send(tracker, Path(folder), model, outcome, max_seconds)
    if "address" in answer:
        log.info("%s: %s", tracker, answer["address"])
    else:
        log.warning("%s: this run is not recorded there: %s", tracker, answer["fault"])


def _send(
    tracker: str, folder: Path, model: str, outcome: Outcome | None, max_seconds: float
) -> dict[str, str]:
    from lradapt.tracking.collect import collect

    paths, params = read_paths(), load_params()
    card, sent, answer = (folder / name for name in ("model_card.md", "run.json", "answer.json"))
    write_text(card, model_card.render(paths, model, params.card.model_dump()))
    write_json(sent, asdict(collect(paths, model, outcome, [paths.report, card])))
    command = [sys.executable, "-m", "lradapt.tracking", tracker, str(sent), str(answer)]
    code = run_limited(command, seconds=max_seconds)
    if answer.exists():
        return dict(read_json(answer))
    if code is None:
        return {"fault": f"no answer within {max_seconds:g} seconds (track.max_seconds)"}
    return {"fault": f"its program ended with exit code {code}"}
