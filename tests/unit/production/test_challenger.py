from dataclasses import replace
from pathlib import Path

import pytest
from colour_model import COLOURS, colour_model, doubting_model, paint
from gate_verdicts import RULES as GATE_RULES

from lradapt.config.paths import read_paths
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.errors import LradaptError
from lradapt.gate.verdict import Part
from lradapt.production.challenger import evaluate_challenger
from lradapt.production.comparison_record import FrozenRules, freeze, images_sha256
from lradapt.registry import open_registry
from lradapt.registry.protocol import read_comparisons, read_rules

ROOT = Path(__file__).parents[3]
NAME = "colours"
GOOD, POOR = COLOURS, ("red", "blue", "green")
RULES = replace(GATE_RULES, confidence=0.9, min_class_images=4, min_floor_images=4)


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path / "registry"), NAME)


@pytest.fixture
def paths(tmp_path):
    """Five test images of each colour; hashes h0, h1, ..."""
    rows = []
    for number, colour in enumerate(5 * COLOURS):
        name = f"{colour}/{number}.png"
        paint(tmp_path / "images" / name, colour, number)
        rows.append(LabelledImage(name, colour, f"g{number}", "test", f"h{number}", number))
    write_split(tmp_path / "split.csv", rows)
    return replace(
        read_paths(ROOT / "dvc.yaml"), images=tmp_path / "images", split=tmp_path / "split.csv"
    )


def published(registry, model, trained_on=(), test_images=(), **facts):
    """A version that was trained on images of these hashes, each in its own group."""
    table = "pixel_sha256,group\n" + "".join(f"{pixels},\n" for pixels in trained_on)
    known = "".join(f"{pixels},{label}\n" for pixels, label in test_images)
    files = {
        "model.onnx": model,
        "trained_on.csv": table.encode(),
        "test_images.csv": f"pixel_sha256,label\n{known}".encode(),
    }
    passed = {"metrics": {"parity": {"passed": True}}}
    return registry.publish(files, passed | facts)


def promoted(registry, *args, **facts):
    version = published(registry, *args, **facts)
    registry.promote(version, over=None, kind="promotion", reason="")
    return version


def verdict_on(registry, paths, version, **rules):
    return evaluate_challenger(
        registry, version, paths, FrozenRules(replace(RULES, **rules))
    ).verdict


def test_a_better_model_of_another_input_size_is_promoted(registry, paths):
    promoted(registry, colour_model(POOR, size=8))
    verdict = verdict_on(registry, paths, published(registry, colour_model(GOOD, size=12)))
    found = verdict.comparison
    assert (verdict.decision, found.images) == ("promote", 15)
    assert (found.champion, found.challenger) == (pytest.approx(1 / 3), 1.0)
    assert {each.name: each.groups for each in found.classes} == dict.fromkeys(sorted(COLOURS), 5)


def test_an_evaluation_adds_its_record_and_changes_nothing_else(registry, paths):
    champion = promoted(registry, colour_model(POOR))
    version = published(registry, colour_model(GOOD))
    before = registry.store.list("")
    assert verdict_on(registry, paths, version).decision == "promote"
    added = sorted(set(registry.store.list("")) - set(before))
    assert [each.split("/")[1:3] for each in added] == [
        ["protocol", "comparisons"],
        ["protocol", "comparisons"],
        ["protocol", "rules"],
    ]
    assert [each.rpartition("/")[2] for each in added[:2]] == ["asked.json", "verdict.json"]
    assert registry.production().version == champion


def test_images_that_either_was_trained_on_are_left_out(registry, paths):
    promoted(registry, colour_model(POOR), trained_on=["h0", "h1"])
    version = published(registry, colour_model(GOOD), trained_on=["h2"])
    verdict = verdict_on(registry, paths, version)
    assert (verdict.decision, verdict.comparison.images) == ("promote", 12)


def test_a_version_without_a_word_of_parity_is_invalid(registry, paths):
    version = published(registry, colour_model(GOOD), metrics={})
    assert verdict_on(registry, paths, version).decision == "invalid"


def test_the_first_model_is_measured_too(registry, paths):
    verdict = verdict_on(registry, paths, published(registry, colour_model(GOOD)))
    assert (verdict.decision, verdict.champion) == ("promote", None)
    assert verdict.challenger.image_seconds > 0
    assert verdict.challenger.megabytes == len(colour_model(GOOD)) / 1e6


def test_old_new_and_relabelled_test_images_are_counted_apart(registry, paths):
    known = {f"h{number}": colour for number, colour in enumerate(5 * COLOURS)}
    test_images = {**known, "h0": "green"}
    del test_images["h14"]
    promoted(registry, colour_model(POOR), test_images=test_images.items())
    verdict = verdict_on(registry, paths, published(registry, colour_model(GOOD)))
    assert verdict.parts == (
        Part("old", 13, 4, 13),
        Part("new", 1, 0, 1),
        Part("relabelled", 1, 1, 1),
    )


def test_floors_in_slices_are_asked_of_the_images_that_neither_was_trained_on(registry, paths):
    lines = [
        f"{colour}/{number}.png,{colour},{'Wien' if number < 6 else 'Graz'}"
        for number, colour in enumerate(5 * COLOURS)
    ]
    labels = paths.split.parent / "labels.csv"
    labels.write_text("\n".join(["image,label,site", *reversed(lines)]))
    paths = replace(paths, labels=labels)
    floors = {"site": {"Wien": {"red": 0.9, "blue": 0.9}}}
    poor = published(registry, colour_model(POOR), trained_on=["h2"])  # a blue one in Wien
    assert verdict_on(registry, paths, poor, min_recall_in=floors).reason == (
        "recall too low: blue in site Wien (0 of 1, at least 90% required) (gate.min_recall_in)"
    )
    good = published(registry, colour_model(GOOD), trained_on=["h2"])
    assert verdict_on(registry, paths, good, min_recall_in=floors).decision == "promote"


def test_the_coverage_of_the_sets_is_asked_of_the_images_that_neither_was_trained_on(
    registry, paths
):
    rules = {"max_coverage_shortfall": 0.05, "min_class_images": 1}
    good, empty = (published(registry, doubting_model([each] * 3)) for each in (0.0, 1.0))
    assert verdict_on(registry, paths, good, **rules).decision == "promote"
    verdict = verdict_on(registry, paths, empty, **rules)
    assert (verdict.decision, "too rarely: blue (0 of 5)" in verdict.reason) == ("keep", True)
    blues = [f"h{3 * n + 2}" for n in range(4)]
    seen = published(registry, doubting_model([1.0] * 3), trained_on=blues)
    assert (
        "too rarely: blue (0 of 1), green (0 of 5)"
        in verdict_on(registry, paths, seen, **rules).reason
    )


def record_of(registry):
    [found] = read_comparisons(registry.store, registry.name)
    return found


def test_the_record_has_rules_versions_and_images_and_then_the_figures(registry, paths):
    champion = promoted(registry, colour_model(POOR), trained_on=["h0", "h1"])
    version = published(registry, colour_model(GOOD))
    frozen = freeze(registry, RULES)
    verdict = evaluate_challenger(registry, version, paths, frozen).verdict
    found = record_of(registry)
    asked = found.asked
    assert (asked["version"], asked["champion"]["version"]) == (version, champion)
    assert (asked["rules"], asked["rules_frozen_at"]) == (RULES.as_dict(), frozen.at)
    assert [each.facts["sha256"] for each in read_rules(registry.store, NAME)] == [frozen.sha256]
    assert (asked["test_images"]["images"], asked["held_out"]["images"]) == (15, 13)
    assert asked["test_images"]["sha256"] == images_sha256(f"h{n}" for n in range(15))
    assert found.verdict["reason"] == verdict.reason
    assert found.verdict["comparison"]["lower"] == verdict.comparison.lower
    assert (found.outcomes, found.faults) == ((), ())


def test_a_comparison_that_fails_has_asked_and_has_no_verdict(registry, paths):
    version = published(registry, colour_model(GOOD))
    for image in paths.images.rglob("*.png"):
        image.unlink()
    labels = {"min_recall_in": {"site": {"Wien": {"red": 0.9}}}}  # labels.csv is not there
    with pytest.raises((LradaptError, OSError)):
        verdict_on(registry, paths, version, **labels)
    found = record_of(registry)
    assert (found.asked["version"], found.verdict) == (version, None)


def test_a_version_in_production_is_not_asked_about_again(registry, paths):
    version = promoted(registry, colour_model(GOOD))
    assert verdict_on(registry, paths, version).decision == "keep"
    assert read_comparisons(registry.store, registry.name) == []
