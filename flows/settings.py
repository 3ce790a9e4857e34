"""The settings of Prefect that this project needs; a value that is set already is kept."""

import logging
import os
from pathlib import Path

from lradapt.config.paths import PROJECT_FILE, find_project
from lradapt.runtime.system.requirement import require_linux
from lradapt.runtime.user import complete_environment
from tasks.server import access

_SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # The temporary server takes 10 to 30 seconds to start on two cores; Prefect's limit is 20.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    # No web page may use the temporary server; its default is: all.
    access.ORIGINS: access.NO_ORIGIN,
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

    Unless the environment names a server, the temporary one keeps its data in `.prefect`, and
    serves only who knows the project's auth string. A server on this machine is reached past any
    proxy.

    Raises:
        LradaptError: flows do not run on this system.
    """
    require_linux("flows and workers")
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("lradapt").setLevel(logging.INFO)
    complete_environment()
    project = find_project() or Path.cwd()
    own = not any(name in os.environ for name in _OF_A_CHOSEN_SERVER)
    if own:
        os.environ["PREFECT_HOME"] = str(project / ".prefect")
    if own and (project / PROJECT_FILE).exists():
        os.environ.update(access.for_own_server(project))
    else:
        os.environ.update(access.for_clients(project, os.environ))
    url = os.environ.get("PREFECT_API_URL", "")
    if not url or access.is_local(url):
        _change(access.past_proxies(os.environ))


def _change(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
