from dataclasses import replace
from pathlib import Path

import pytest
from colour_model import COLOURS, colour_model, paint
from gate_verdicts import RULES as GATE_RULES

from lradapt.config.paths import read_paths
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.gate.verdict import Part
from lradapt.production.judge import judge
from lradapt.registry import open_store, versions

ROOT = Path(__file__).parents[3]
NAME = "colours"
GOOD, POOR = COLOURS, ("red", "blue", "green")
RULES = replace(GATE_RULES, confidence=0.9, min_class_images=4, min_floor_images=4)


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path / "registry"))


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


def published(store, model, trained_on=(), test_images=None, **facts):
    """A version that was trained on images of these hashes, each in its own group."""
    table = "pixel_sha256,group\n" + "".join(f"{pixels},\n" for pixels in trained_on)
    files = {"model.onnx": model, "trained_on.csv": table.encode()}
    if test_images is not None:
        lines = "".join(f"{pixels},{label}\n" for pixels, label in test_images.items())
        files["test_images.csv"] = f"pixel_sha256,label\n{lines}".encode()
    passed = {"metrics": {"parity": {"passed": True}}}
    return versions.publish(store, NAME, files, passed | facts)


def promoted(store, *args, **facts):
    version = published(store, *args, **facts)
    versions.promote(store, NAME, version, over=None, why="", who="", when="")
    return version


def verdict_on(store, paths, version, **rules):
    champion = versions.read_production(store, NAME)
    return judge(store, NAME, version, champion, paths, replace(RULES, **rules))


def test_a_better_model_of_another_input_size_is_promoted(store, paths):
    promoted(store, colour_model(POOR, size=8))
    verdict = verdict_on(store, paths, published(store, colour_model(GOOD, size=12)))
    found = verdict.comparison
    assert (verdict.decision, found.images) == ("promote", 15)
    assert (found.champion, found.challenger) == (pytest.approx(1 / 3), 1.0)
    assert {each.name: each.groups for each in found.classes} == dict.fromkeys(sorted(COLOURS), 5)


def test_judging_changes_nothing(store, paths):
    champion = promoted(store, colour_model(POOR))
    version = published(store, colour_model(GOOD))
    before = store.list("")
    assert verdict_on(store, paths, version).decision == "promote"
    assert store.list("") == before
    assert versions.read_production(store, NAME).move.version == champion


def test_images_that_either_was_trained_on_are_left_out(store, paths):
    promoted(store, colour_model(POOR), trained_on=["h0", "h1"])
    version = published(store, colour_model(GOOD), trained_on=["h2"])
    verdict = verdict_on(store, paths, version)
    assert (verdict.decision, verdict.comparison.images) == ("promote", 12)


def test_a_champion_that_was_trained_on_all_test_images_is_not_compared(store, paths):
    promoted(store, colour_model(POOR), trained_on=[f"h{number}" for number in range(15)])
    verdict = verdict_on(store, paths, published(store, colour_model(GOOD)))
    assert (verdict.decision, verdict.comparison) == ("keep", None)
    assert "too few test images that neither model was trained on" in verdict.why


def test_a_version_without_a_word_of_parity_is_invalid(store, paths):
    version = published(store, colour_model(GOOD), metrics={})
    assert verdict_on(store, paths, version).decision == "invalid"


def test_the_first_model_is_measured_too(store, paths):
    verdict = verdict_on(store, paths, published(store, colour_model(GOOD)))
    assert (verdict.decision, verdict.champion) == ("promote", None)
    assert verdict.challenger.image_seconds > 0
    assert verdict.challenger.megabytes == len(colour_model(GOOD)) / 1e6


def test_the_floor_and_the_ceilings_hold_for_the_first_model(store, paths):
    version = published(store, colour_model(POOR))
    low = verdict_on(store, paths, version, min_recall={"green": 0.5})
    assert (low.decision, low.why) == (
        "keep",
        "recall too low: green (0 of 5, at least 50% required) (gate.min_recall)",
    )
    assert verdict_on(store, paths, version, max_image_seconds=1e-9).decision == "invalid"
    assert verdict_on(store, paths, version, max_megabytes=1e-6).decision == "invalid"


def test_old_new_and_relabelled_test_images_are_counted_apart(store, paths):
    known = {f"h{number}": colour for number, colour in enumerate(5 * COLOURS)}
    test_images = {**known, "h0": "green"}
    del test_images["h14"]
    promoted(store, colour_model(POOR), test_images=test_images)
    verdict = verdict_on(store, paths, published(store, colour_model(GOOD)))
    assert verdict.parts == (
        Part("old", 13, 4, 13),
        Part("new", 1, 0, 1),
        Part("relabelled", 1, 1, 1),
    )


def test_a_champion_published_without_its_test_images_has_no_parts(store, paths):
    promoted(store, colour_model(POOR))
    assert verdict_on(store, paths, published(store, colour_model(GOOD))).parts == ()
