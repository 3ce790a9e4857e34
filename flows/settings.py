"""The settings of Prefect that this project needs; a value that is set already is kept."""

import logging
import os
from pathlib import Path

_SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # The temporary server takes 10 to 30 seconds to start on two cores; Prefect's limit is 20.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "lradapt",
    # What is logged before a flow begins goes to the terminal alone, without a warning.
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    # A run without a heartbeat for 90 seconds is marked as crashed: tasks/server/setup.py.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}
_OF_A_CHOSEN_SERVER = (
    "PREFECT_API_URL",
    "PREFECT_HOME",
    "PREFECT_PROFILE",
    "PREFECT_PROFILES_PATH",
)


def apply() -> None:
    """Set the environment variables of Prefect, and the level of lradapt's log.

    Unless the environment names a server, the temporary one keeps its data in `.prefect`.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("lradapt").setLevel(logging.INFO)
    if not any(name in os.environ for name in _OF_A_CHOSEN_SERVER):
        os.environ["PREFECT_HOME"] = str(Path.cwd() / ".prefect")
