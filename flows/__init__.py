"""Flows: the order of a run, and its branches; run them from the project's folder.

Prefect reads its settings when it is first imported, so they are made here, before any flow is.
The temporary server begins here, too: its imports and the flow's then take the same seconds.
"""

import gc
import sys
from importlib.util import find_spec

from flows import own_server, settings
from lradapt.cli.extras import missing_module_message
from lradapt.errors import LradaptError

if find_spec("prefect") is None:
    sys.exit(missing_module_message("prefect"))
gc.set_threshold(100_000)  # a search for garbage in each import takes a fifth of their time
try:
    settings.apply()
    own_server.begin_early(sys.orig_argv)
except LradaptError as error:
    sys.exit(f"error: {error}")
