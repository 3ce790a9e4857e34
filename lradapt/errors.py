"""What a user can cause, as exceptions whose text says what, where, expected, got and the remedy.

    LradaptError
    ├── ParamsError      params.yaml: an unknown key, a value out of bounds
    ├── DataError        images, labels, or a split that cannot be made from them
    ├── WeightsError     a backbone that is not the one asked for
    ├── LayersError      layer groups that do not fit the network
    ├── TrainingError    a loss that is not finite, a range test that shows nothing
    ├── DiskFullError    no room for a file
    ├── BusyError        another process works in this project
    ├── ApprovalError    nobody has said in time whether a version may go into production
    └── RegistryError    see lradapt.registry.store

Our own invariants are `assert`s: they are bugs, and keep their traceback.
"""

from collections.abc import Sequence


class LradaptError(Exception):
    """Something a user can mend; printed as one message without a traceback."""


class ParamsError(LradaptError):
    """`params.yaml` does not say what it must."""


class DataError(LradaptError):
    """Images or labels from which nothing can be trained."""


class WeightsError(LradaptError):
    """Weights that do not fit the architecture asked for."""


class LayersError(LradaptError, ValueError):
    """Layer groups that do not fit the network."""


class TrainingError(LradaptError):
    """Training that cannot go on."""


class DiskFullError(LradaptError):
    """No room on the disk for what is to be written."""


class BusyError(LradaptError):
    """Another process works in this project."""


class ApprovalError(LradaptError):
    """Nobody has said in time whether a version may go into production."""


def listed(faults: Sequence[str], *, limit: int = 20) -> str:
    """One line a fault, indented; past `limit` only their number is said."""
    lines = [f"  - {fault}" for fault in faults[:limit]]
    if len(faults) > limit:
        lines.append(f"  ... and {len(faults) - limit} more")
    return "\n".join(lines)
