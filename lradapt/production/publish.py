"""Publish the model that the stages have made as a version of the registry."""

from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from lradapt.config.paths import Paths
from lradapt.data.split_table import read_split
from lradapt.evaluation.slice_table import read_slice_results
from lradapt.gate.held_out import write_test_images, write_trained_on
from lradapt.inference.session import require_self_contained
from lradapt.production.comparison_record import FrozenRules
from lradapt.production.lineage import lineage
from lradapt.registry.manifest import (
    CARD,
    MODEL,
    REPORT,
    TEST_IMAGES,
    TRAINED_ON,
    WEIGHTS,
    version_name,
)
from lradapt.registry.promotions import utc_now
from lradapt.registry.registry import Registry
from lradapt.runtime.files import read_json, sha256_of
from lradapt.runtime.timings import read_timings


def publish(
    registry: Registry,
    paths: Paths,
    *,
    report: bytes,
    card: bytes,
    run: str,
    rules: FrozenRules | None = None,
) -> str:
    """Publish the exported model, the images it was trained on, and all that is known of it.

    Args:
        registry: that gets the version.
        paths: of `dvc.yaml`.
        report: a file of the version.
        card: a file of the version.
        run: the orchestrator's id of this run; empty for a run by hand.
        rules: of the gate, frozen before the training; None: the manifest does not name them.

    Returns:
        The version's name.

    Raises:
        ModelError: the model keeps tensors in other files.
    """
    require_self_contained(paths.onnx.read_bytes())
    files = {
        MODEL: paths.onnx.read_bytes(),
        WEIGHTS: paths.model.read_bytes(),
        TRAINED_ON: _trained_on(registry, paths),
        TEST_IMAGES: write_test_images(read_split(paths.split)),
        REPORT: report,
        CARD: card,
    }
    return registry.publish(files, _facts(paths, run, rules))


def is_published(registry: Registry, paths: Paths) -> bool:
    """Return whether the model that the stages have made is a version of the registry."""
    trained_on = sha256(_trained_on(registry, paths)).hexdigest()
    return registry.has(version_name({MODEL: sha256_of(paths.onnx), TRAINED_ON: trained_on}))


def _trained_on(registry: Registry, paths: Paths) -> bytes:
    ancestor = read_json(paths.metrics)["ancestor"]
    before = registry.read_file(ancestor, TRAINED_ON) if ancestor else b""
    return write_trained_on(read_split(paths.split), before)


def _facts(paths: Paths, run: str, rules: FrozenRules | None) -> dict[str, Any]:
    lock, metrics = Path("dvc.lock"), read_json(paths.metrics)
    return {
        "created": utc_now(),
        "run": run,
        **lineage(paths),
        "dvc_lock": yaml.safe_load(lock.read_text(encoding="utf-8")) if lock.exists() else None,
        "ancestor": metrics["ancestor"],
        "metrics": metrics,
        "timings": read_timings(paths.timings),
        "slices": _slices(paths),
        "gate_rules": {"sha256": rules.sha256, "frozen_at": rules.at} if rules else None,
    }


def _slices(paths: Paths) -> list[dict[str, Any]] | None:
    """Return the results by slice; None where stage evaluate has written none."""
    if not paths.slices.is_file():
        return None
    return [asdict(each) for each in read_slice_results(paths.slices)]
