"""The smoke test: after a promotion, use the model as every reader does; if that fails, undo it.

The gate has evaluated the bytes that were read before the promotion. The smoke test reads the
pointer's model back, verifies its hash, loads it into ONNX Runtime and classifies images.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lradapt.config.paths import Paths
from lradapt.data.labelled_image import in_split
from lradapt.data.split_table import read_split
from lradapt.errors import LradaptError, UnreadableError
from lradapt.inference.predict import Model, Prediction
from lradapt.production.withdrawn import withdrawal_reason
from lradapt.registry.promotions import Promotion
from lradapt.registry.reading import usable_promotions
from lradapt.registry.registry import Registry
from lradapt.registry.store import ChangedError, DeniedError, RegistryError, UnreachableError

log = logging.getLogger(__name__)

NUM_SAMPLES = 8


def samples(paths: Paths) -> list[Path]:
    """Return a few test images, evenly spaced in the split; `paths` are those of `dvc.yaml`."""
    test = [row.image for row in in_split(read_split(paths.split), "test")]
    step = max(1, len(test) // NUM_SAMPLES)
    return [paths.images / image for image in test[::step][:NUM_SAMPLES]]


def find_fault(registry: Registry, promotion: Promotion, images: Sequence[Path]) -> str:
    """Return why the model that `promotion` put into production cannot be used; empty if it can.

    Raises:
        UnreachableError: the store does not answer, which says nothing about the model.
        DeniedError: the store denies access, likewise.
        UnreadableError: this machine's disk or memory does not give a file, likewise.
    """
    try:
        predictions = list(Model(registry.read_promoted_model(promotion)).classify(images))
    except (UnreachableError, DeniedError, UnreadableError) as error:
        raise type(error)(_untested(registry, promotion, error)) from error
    except MemoryError as error:
        raise UnreadableError(_untested(registry, promotion, "the memory is full")) from error
    except Exception as error:  # noqa: BLE001  # whatever it is: no reader can use that model
        return str(error) if isinstance(error, LradaptError) else repr(error)
    return _fault_in(predictions)


def _untested(registry: Registry, promotion: Promotion, reason: object) -> str:
    return (
        f"{promotion.version} of {registry.name} is in production without a smoke test: "
        f"{reason}. Run again to test it"
    )


def restore_previous(
    registry: Registry, promotion: Promotion, fault: str, *, by: str = ""
) -> Promotion | None:
    """Restore the version before `promotion`, whose model cannot be used.

    Returns:
        None if there is no previous version, another one has been promoted since, or the previous
        one was withdrawn itself: then production stays as it is.

    Raises:
        RegistryError: the previous version cannot be used either.
    """
    production = registry.production()
    if not production or production.promotion != promotion or not promotion.previous:
        return None
    if withdrawn := withdrawal_reason(_history(registry, promotion), promotion.previous):
        log.error("%s stays in production: %s", promotion.version, withdrawn)
        return None
    try:
        return registry.promote(
            promotion.previous, over=production, kind="smoke_test_failure", reason=fault, by=by
        )
    except ChangedError:
        return None
    except RegistryError as error:
        raise RegistryError(
            f"{promotion.version} failed the smoke test: {fault}. The previous version, "
            f"{promotion.previous}, cannot be restored: {error}"
        ) from error


def _history(registry: Registry, promotion: Promotion) -> list[Promotion]:
    """Return the promotions up to this one; a damaged entry must not keep it in production."""
    try:
        return registry.promotions()
    except RegistryError:
        return [*usable_promotions(registry), promotion]


def _fault_in(predictions: Sequence[Prediction]) -> str:
    whole = [list(each.probabilities.values()) for each in predictions if not each.fault]
    if not whole:
        first = f"; the first: {predictions[0].fault}" if predictions else ""
        return f"none of {len(predictions)} sample images could be classified{first}"
    return fault_of(np.array(whole))


def fault_of(probabilities_NK: npt.NDArray[Any]) -> str:
    """Return why these are not probabilities: a row does not sum to 1; empty if all do."""
    sums = probabilities_NK.sum(axis=1)
    wrong = sums[~np.isclose(sums, 1, atol=1e-3)]
    return f"probabilities that sum up to {wrong[0]:g}, expected 1" if len(wrong) else ""
