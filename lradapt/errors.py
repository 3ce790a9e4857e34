"""Errors that a user can cause; their text has what, where, expected, got and the remedy.

    LradaptError
    ├── ParamsError      params.yaml, dvc.yaml: not YAML, an unknown key, a value out of bounds
    ├── DataError        images or labels that cannot be trained on
    ├── UnreadableError  a file that the disk or the memory of this machine does not give
    ├── WeightsError     weights that do not fit the architecture
    ├── LayersError      layer groups that do not fit the network
    ├── TrainingError    a range test without a usable minimum, more processes than GPUs
    │   └── DivergedError    a loss, a score or a weight is not finite
    ├── DiskFullError    not enough disk space for a file
    ├── BusyError        another process is active in this project
    ├── ApprovalError    no answer in time to the question whether to promote a version
    ├── SigningError     a key that cannot be used: missing, of another kind, open to others
    └── RegistryError    see lradapt.registry.store

Violated invariants of lradapt itself are `assert`s: they are bugs, and keep their traceback.
"""

from collections.abc import Sequence

from lradapt.text import printable


class LradaptError(Exception):
    """An error that a user can fix; printed as one message without a traceback."""


class ParamsError(LradaptError):
    """A YAML file of this project is missing, not valid YAML, or does not fit its schema."""


class DataError(LradaptError):
    """Images or labels that cannot be trained on."""


class UnreadableError(LradaptError):
    """A file that this machine cannot read or decode now, whatever its content is."""


class WeightsError(LradaptError):
    """Weights that do not fit the architecture."""


class LayersError(LradaptError, ValueError):
    """Layer groups that do not fit the network."""


class TrainingError(LradaptError):
    """A training that cannot continue."""


class DivergedError(TrainingError):
    """A loss, a score or a weight that is not finite; lower rates are the usual remedy."""


class DiskFullError(LradaptError):
    """Not enough disk space for a file."""


class BusyError(LradaptError):
    """Another process is active in this project."""


class ApprovalError(LradaptError):
    """No person has answered in time whether a version may be promoted."""


class SigningError(LradaptError):
    """A private key or a file of trusted keys that cannot be used."""


def listed(faults: Sequence[str], *, limit: int = 20) -> str:
    """Return an indented line for each fault, and beyond `limit` only their number.

    A fault stays one line: control characters, which names may have, are escaped.
    """
    lines = [f"  - {printable(fault)}" for fault in faults[:limit]]
    if len(faults) > limit:
        lines.append(f"  ... and {len(faults) - limit} more")
    return "\n".join(lines)
