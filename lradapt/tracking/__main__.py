"""Send one run to one tracker: python -m lradapt.tracking TRACKER RUN ANSWER.

RUN is the JSON file of a `TrackedRun`. ANSWER is written: `address` of the run on the tracker, or
`fault`, without secrets.
"""

import importlib
import os
import sys
from pathlib import Path

from lradapt.errors import LradaptError
from lradapt.runtime.files import read_json, write_json
from lradapt.tracking.secrets import without_secrets
from lradapt.tracking.tracked_run import TrackedRun


def main(tracker: str, run: Path, answer: Path) -> None:
    """Send a run, and write the answer."""
    try:
        module = importlib.import_module(f"lradapt.tracking.with_{tracker}")
        found = {"address": module.send(TrackedRun(**read_json(run)))}
    except ModuleNotFoundError as error:
        found = {"fault": f"{error}; install it: pip install 'lradapt[{tracker}]'"}
    except LradaptError as error:
        found = {"fault": str(error)}
    except Exception as error:  # noqa: BLE001  # whatever the client of a tracker raises
        found = {"fault": f"{type(error).__name__}: {error}"}
    write_json(answer, {key: without_secrets(text, os.environ) for key, text in found.items()})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
