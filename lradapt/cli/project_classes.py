"""The classes that params.yaml names, compared with the labels by `lradapt check` and `dvc repro`.

The versions that were in production are not asked: a registry may be out of reach here. The flow
asks them, too (`lradapt.production.known_classes`).
"""

from collections.abc import Iterable

from lradapt.config.paths import PARAMS_FILE, PROJECT_FILE, read_paths
from lradapt.config.yaml_files import read_yaml
from lradapt.data.labelled_image import LabelledImage
from lradapt.errors import DataError, ParamsError

_KEYS = ("min_recall", "min_recall_in", "renamed")  # of the gate, whose values name classes


def unknown_classes(labels: Iterable[LabelledImage]) -> str:
    """Return the message on each class that params.yaml names and no label has; "" for none."""
    if not _names_classes():
        return ""
    from lradapt.config.params import load_params
    from lradapt.gate.unknown_classes import unknown_names_in_words

    rules, today = load_params().gate.rules, {label.label for label in labels}
    return unknown_names_in_words(rules, today, earlier=None)


def require_known_classes() -> None:
    """Refuse params that name a class which the project's labels do not have.

    Labels that cannot be read are reported by stage `split`, not here.

    Raises:
        ParamsError: every such name is listed.
    """
    if not (PROJECT_FILE.exists() and _names_classes()):
        return
    from lradapt.data.labels import read_labels

    try:
        refusal = unknown_classes(read_labels(read_paths().labels))
    except (DataError, FileNotFoundError):
        return
    if refusal:
        raise ParamsError(refusal)


def _names_classes() -> bool:
    """Return whether params.yaml names classes; the schema, slow to import, is not asked."""
    if not PARAMS_FILE.exists():
        return False
    gate = dict(read_yaml(PARAMS_FILE) or {}).get("gate")
    return isinstance(gate, dict) and any(map(gate.get, _KEYS))
