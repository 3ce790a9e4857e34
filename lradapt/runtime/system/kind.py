"""Which kind of system this is, for what no missing name tells."""

import os

ON_WINDOWS = os.name == "nt"
