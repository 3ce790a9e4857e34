"""A registry of a model that was updated a few times, with its comparisons, for tests."""

from dataclasses import replace

from gate_verdicts import RULES

from lradapt.data.labelled_image import LabelledImage, in_split
from lradapt.gate.comparison import ClassResult, Comparison, McNemar
from lradapt.gate.held_out import write_test_images, write_trained_on
from lradapt.gate.verdict import Verdict
from lradapt.production.comparison_record import (
    FrozenRules,
    freeze,
    record_outcome,
    record_question,
    record_verdict,
)

FIRST = {"a": "test", "b": "test", "c": "train", "d": "train"}
"""Image -> its split; the pixel hash of an image is its name."""
PARAMS = {"seed": 0, "model": {"architecture": "resnet18"}}


def images(splits, labels=None):
    """Labelled images with these splits; the label is "mole" unless `labels` has another."""
    return [
        LabelledImage(f"{name}.png", (labels or {}).get(name, "mole"), "", split, name)
        for name, split in splits.items()
    ]


def publish(registry, model, splits=None, *, at, labels=None, params=PARAMS, rules=RULES, **facts):
    """Publish a version; return its name."""
    rows = images(splits or FIRST, labels)
    files = {
        "model.onnx": model,
        "trained_on.csv": write_trained_on(rows),
        "test_images.csv": write_test_images(rows),
    }
    known = {
        "created": at,
        "params": {**params, "gate": rules.as_dict()},
        "data": {"labels": "1" * 64, "split": "2" * 64, "table": "3" * 64},
        "code": {"commit": "4" * 40, "dirty": False},
        "metrics": {"balanced_accuracy": 0.9},
        "gate_rules": {"sha256": FrozenRules(rules).sha256, "frozen_at": at},
    }
    return registry.publish(files, {**known, **facts})


def compare(registry, paths, version, splits=None, *, decision="promote", rules=RULES, labels=None):
    """Record a comparison with what is in production, as the gate does; return verdict, record."""
    frozen = freeze(registry, rules)
    test = in_split(images(splits or FIRST, labels), "test")
    asked = record_question(
        registry,
        registry.open(version),
        registry.production(),
        frozen,
        paths,
        test_images=test,
        held_out=test,
    )
    verdict = Verdict(decision=decision, reason="as measured", comparison=_COMPARISON)
    return verdict, record_verdict(registry, asked, verdict)


def release(registry, paths, version, splits=None, *, at, **options):
    """Compare a version, and promote it if the verdict says so; return the promotion."""
    verdict, record = compare(registry, paths, version, splits, **options)
    promotion = None
    if verdict.decision == "promote":
        promotion = promote(registry, version, at=at, reason=verdict.reason)
    record_outcome(registry, record, verdict, promotion, override="", smoke_test="passed")
    return promotion


def promote(registry, version, *, at, kind="promotion", reason="as measured"):
    """Promote a version without a comparison."""
    over = registry.production()
    return registry.promote(version, over=over, kind=kind, reason=reason, by="ann@lab", at=at)


def stricter(**rules):
    """The rules of the gate with other values."""
    return replace(RULES, **rules)


_COMPARISON = Comparison(
    images=2,
    champion=0.8,
    challenger=0.9,
    difference=0.1,
    lower=0.02,
    upper=0.2,
    confidence=0.95,
    classes=(
        ClassResult(
            name="mole", images=2, groups=2, champion=0.8, challenger=0.9, lower=0.0, upper=0.2
        ),
    ),
    mcnemar=McNemar(0, 1, 1.0),
)
