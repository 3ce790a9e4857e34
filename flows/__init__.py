"""Flows: the order of a run, and its branches; run them from the project's folder.

Prefect reads its settings when it is first imported, so they are made here, before any flow is.
"""

import sys
from importlib.util import find_spec

from flows import settings
from lradapt.cli.error_exit import missing_package_message

if find_spec("prefect") is None:
    sys.exit(missing_package_message("No module named 'prefect'"))
settings.apply()
