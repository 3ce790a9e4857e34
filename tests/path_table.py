"""The table of paths for the `dvc.yaml` of a small project."""

import json
from pathlib import Path

from lradapt.config.paths import read_paths

ROOT = Path(__file__).parents[1]


def path_variables(**own):
    """Return `vars` as a line of YAML: the paths of this repository, except those in `own`."""
    paths = read_paths(ROOT / "dvc.yaml").as_dict() | own
    return f"vars: {json.dumps([{'path': {name: str(path) for name, path in paths.items()}}])}\n"
