"""After the swap: what is in production is fetched back, verified, loaded and run; or it goes back.

The gate has scored the bytes that were read before the swap. Here the way of every reader is gone
once: pointer, hash, ONNX Runtime, images.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lradapt.config.paths import Paths
from lradapt.data.labelled_image import in_split
from lradapt.data.split_table import read_split
from lradapt.errors import LradaptError
from lradapt.inference.predict import Model, Prediction
from lradapt.production.withdrawn import FAILED, reason
from lradapt.registry import versions
from lradapt.registry.store import (
    ChangedError,
    DeniedError,
    RegistryError,
    Store,
    UnreachableError,
)
from lradapt.registry.versions import Move

NUM_SAMPLES = 8


def samples(paths: Paths) -> list[Path]:
    """A few images of the exam, spread over it; `paths` are those of `dvc.yaml`."""
    exam = [row.image for row in in_split(read_split(paths.split), "test")]
    step = max(1, len(exam) // NUM_SAMPLES)
    return [paths.images / image for image in exam[::step][:NUM_SAMPLES]]


def find_fault(store: Store, name: str, move: Move, images: Sequence[Path]) -> str:
    """Why the model that `move` has put into production cannot be used; empty where it can.

    Args:
        store: the registry's store.
        name: of the model in the registry.
        move: that put it there.
        images: to run it on.

    Raises:
        UnreachableError: the store does not answer, which says nothing of the model.
        DeniedError: the store refuses to tell.
    """
    try:
        said = list(Model(versions.read_live(store, name, move)).classify(images))
    except (UnreachableError, DeniedError) as error:
        raise type(error)(
            f"{move.version} of {name} is in production, and was not looked at there: {error}. Run "
            "again: it will be looked at then"
        ) from None
    except Exception as error:  # noqa: BLE001  # whatever it is: no reader can use that model
        return str(error) if isinstance(error, LradaptError) else repr(error)
    return _fault_in(said)


def put_back(
    store: Store, name: str, move: Move, fault: str, *, who: str, when: str
) -> Move | None:
    """Put the version before `move` back; None where there is none, or others moved since.

    Raises:
        RegistryError: the former version cannot be used either.
    """
    production = versions.read_production(store, name)
    if not production or production.move != move or not move.former:
        return None
    why = reason(move.version, FAILED, fault)
    try:
        return versions.promote(
            store, name, move.former, over=production, why=why, who=who, when=when
        )
    except ChangedError:
        return None
    except RegistryError as error:
        raise RegistryError(f"{why}. The former version cannot be put back: {error}") from None


def _fault_in(said: Sequence[Prediction]) -> str:
    whole = [list(each.probabilities.values()) for each in said if not each.fault]
    if not whole:
        return f"none of {len(said)} sample images was classified{_first_fault(said)}"
    return fault_of(np.array(whole))


def fault_of(probabilities_NK: npt.NDArray[Any]) -> str:
    """Why these are no probabilities: rows that do not sum up to 1; empty where they do."""
    sums = probabilities_NK.sum(axis=1)
    wrong = sums[~np.isclose(sums, 1, atol=1e-3)]
    return f"probabilities that sum up to {wrong[0]:g}, expected 1" if len(wrong) else ""


def _first_fault(said: Sequence[Prediction]) -> str:
    return f", the first since it is {said[0].fault}" if said else ""
