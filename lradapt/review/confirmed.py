"""`build/confirmed.json`: the labels that people have confirmed, for DVC to compare.

Stage `doubtful_labels` reads it, where the params let it exclude labels. A DVC graph has no
optional inputs, and the journal may not exist; so a file is written that always does.
"""

import json
from hashlib import sha256
from pathlib import Path

from lradapt.config.code_file import read_path
from lradapt.config.paths import PARAMS_FILE
from lradapt.config.yaml_files import read_yaml
from lradapt.review.journal import JOURNAL, Journal
from lradapt.runtime.files import read_json, write_json


def write_confirmed(project_file: Path) -> Path | None:
    """Write the confirmed labels of a project, unless the file is up to date.

    By the policy `keep` it has none, so that no decision makes a stage stale.

    The stage lists the hash under its params, since DVC would copy all labels into its lock file.

    Args:
        project_file: a `dvc.yaml`, as a path from the project's folder, which is the current one.

    Returns:
        The file; None if the `dvc.yaml` has no path `confirmed`.
    """
    path, labels = (read_path(project_file, name) for name in ("confirmed", "labels"))
    if path is None or labels is None:
        return None
    known = _read(labels.with_name(JOURNAL)) if _excludes() else {}
    ordered = dict(sorted(known.items()))
    value = {"sha256": sha256(json.dumps(ordered).encode()).hexdigest(), "labels": ordered}
    if not path.exists() or read_json(path) != value:
        write_json(path, value)
    return path


def _excludes() -> bool:
    """Return what params.yaml says; its faults are reported by the stages."""
    values = read_yaml(PARAMS_FILE) if PARAMS_FILE.exists() else None
    return isinstance(values, dict) and values.get("doubtful_labels") == "exclude"


def _read(path: Path) -> dict[str, str]:
    journal = Journal(path)
    journal.refresh()
    return journal.confirmed()
