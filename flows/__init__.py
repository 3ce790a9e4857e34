"""Flows: the order of a run, and its branches; run them from the project's folder.

Prefect reads its settings when it is first imported, so they are made here, before any flow is.
"""

import sys
from importlib.util import find_spec

from flows import settings
from lradapt.cli.extras import missing_module_message
from lradapt.errors import LradaptError

if find_spec("prefect") is None:
    sys.exit(missing_module_message("prefect"))
try:
    settings.apply()
except LradaptError as error:
    sys.exit(f"error: {error}")
