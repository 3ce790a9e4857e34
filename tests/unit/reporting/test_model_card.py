import json
import re

import numpy as np
import pytest

from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.evaluation.slice_results import slice_results
from lradapt.evaluation.slice_table import write_slices
from lradapt.registry.promotions import Promotion
from lradapt.reporting.card_history import with_promotions
from lradapt.reporting.model_card import render
from lradapt.runtime.files import write_json
from tests.finished_training import EVIL, write_outputs

NOTHING = dict.fromkeys(("intended_use", "not_for", "data_licence", "contact"), "")
ESCAPED = EVIL.replace("<", "\\<")


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_outputs()


def rows(card, title):
    """The cells of the table below that title, without its head."""
    part = card[card.index(f"## {title}") :]
    lines = re.findall(r"^\|.*\|$", part.partition("\n## ")[2] and part.split("\n## ")[0], re.M)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_statements_of_people_are_not_invented(paths):
    card = render(paths, "skin", NOTHING)
    assert card.startswith("# Model card: skin\n")
    assert card.count("not stated") == 4
    stated = render(paths, "skin", {**NOTHING, "intended_use": "triage of moles"})
    assert "**Intended use**: triage of moles\n" in stated
    assert stated.count("not stated") == 3


def test_the_card_has_the_preprocessing_that_other_programs_need(paths):
    card = render(paths, "skin", NOTHING)
    part = card[card.index("## Preprocessing") : card.index("## Data")]
    assert "the centre square of the image, resized to 24 x 24 pixels" in part
    for words in ("bilinear", "antialiasing", "RGB", "NHWC", "0 to 65535", "0.485, 0.456, 0.406"):
        assert words in part


def test_the_card_has_the_images_of_each_class_and_split(paths):
    assert rows(render(paths, "skin", NOTHING), "Data") == [
        [ESCAPED, "10", "2", "3"],
        ["owl", "1,000", "2", "0"],
        ["total", "1,010", "4", "3"],
    ]


def test_the_card_has_every_metric_with_its_interval(paths):
    assert rows(render(paths, "skin", NOTHING), "Metrics") == [
        ["accuracy", "66.7 %", "21.0 to 94.0"],
        ["balanced accuracy", "50.0 %", "31.0 to 84.0"],
        ["macro-F1", "40.0 %", "11.0 to 74.0"],
        [f"recall of {ESCAPED} (3 images)", "66.7 %", "20.8 to 93.8"],
        ["recall of owl (0 images)", "-", "-"],
    ]


def test_the_card_has_the_coverage_and_the_rejected_images_of_each_class(paths):
    assert rows(render(paths, "skin", NOTHING), "Doubtful answers") == [
        [ESCAPED, "12", "65.4 %", "20.8 to 93.8", "1.43", "34.6 %"],
        ["owl", "2", "-", "-", "-", "-"],
        ["all", "", "75.1 %", "21.1 to 93.9", "1.51", "34.6 %"],
    ]


def test_a_model_without_validation_images_has_no_doubt_and_the_card_says_so(paths):
    metrics = json.loads(paths.metrics.read_text())
    write_json(paths.metrics, metrics | {"unsure": None, "unlike_training": None})
    card = render(paths, "skin", NOTHING)
    assert "## Doubtful answers" not in card
    assert "- no answer tells how doubtful it is: there is no validation image" in limits(card)


def limits(card):
    return card[card.index("## Known limits") : card.index("## Training")].splitlines()[2:-1]


def test_the_limits_come_from_the_test_set_and_the_data(paths):
    assert limits(render(paths, "skin", NOTHING)) == [
        "- owl: no image in the test set",
        f"- {ESCAPED}: only 3 images in the test set, so its recall may be anything from 21% to "
        "94%",
        "- too few validation images for a coverage of 90%, so in every set of classes: owl",
        "- 2,000 x empty file: set aside",
        f"- 1 x label {ESCAPED}: set aside",
        f"- few images of {ESCAPED}",
    ]


def test_slices_have_their_figures_and_the_worst_is_a_limit(paths):
    labels, groups = np.zeros(60, dtype=int), np.arange(60)
    sites = {"site": ["Graz"] * 25 + ["Wien"] * 35}
    predicted = (groups < 20).astype(int)
    write_slices(paths.slices, slice_results(labels, predicted, groups, [EVIL, "owl"], sites))
    card = render(paths, "skin", NOTHING)
    assert "| site = Graz | 25 | 20.0 % | 8.9 to 39.1 | 66.7 % |" in card
    assert "| site = Wien | 35 | 100.0 % | 90.1 to 100.0 | 66.7 % |" in card
    (worst,) = (line for line in limits(card) if "slice" in line)
    assert worst.startswith("- the worst slice is site = Graz: accuracy 20.0% on 25 test images")


def test_a_class_with_a_narrow_interval_is_not_a_limit(paths):
    metrics = json.loads(paths.metrics.read_text())
    metrics["intervals_95"]["recall"] = {EVIL: [0.5, 0.69], "owl": [0.5, 0.75]}
    write_json(paths.metrics, metrics)
    named = [line for line in limits(render(paths, "skin", NOTHING)) if "anything" in line]
    assert [line.partition(":")[0] for line in named] == ["- owl"]


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        (["", ""], "no groups are given, so images of one subject may be in two splits"),
        (["anna", "anna"], "groups: 1, each in one split"),
        (["anna", ""], "groups: 1, each in one split"),
    ],
)
def test_the_card_reports_whether_groups_were_kept_together(paths, groups, text):
    write_split(
        paths.split,
        [LabelledImage(f"{k}", "owl", group, "train", f"{k}", k) for k, group in enumerate(groups)],
    )
    assert f"images; {text}." in render(paths, "skin", NOTHING)


def test_the_card_does_not_depend_on_the_clock(paths):
    first = render(paths, "skin", NOTHING)
    write_json(paths.timings, {"split": {"seconds": 99.0, "cpu_seconds": 99.0}})
    assert render(paths, "skin", NOTHING) == first
    assert "sha256 of params.yaml: " in first


def promotion(sequence, version, previous, kind="promotion"):
    at = f"2026-01-0{sequence}T01:02:03+00:00"
    reason = f"reason {sequence}"
    return Promotion(
        sequence=sequence,
        kind=kind,
        version=version,
        previous=previous,
        model_sha256="",
        reason=reason,
        by="",
        manifest_sha256="",
        at=at,
    )


def test_under_the_card_stands_what_became_of_the_version():
    promotions = [
        promotion(1, "old", ""),
        promotion(2, "new", "old", "override"),
        promotion(3, "old", "new", "smoke_test_failure"),
        promotion(4, "old", "new", "key_change"),
    ]
    assert with_promotions("# Card\n", "new", promotions).splitlines() == [
        "# Card",
        "",
        "Version new:",
        "",
        "- 2026-01-02T01:02:03 (UTC): put into production (override): reason 2",
        "- 2026-01-03T01:02:03 (UTC): replaced by old (smoke test failure): reason 3",
    ]
    assert with_promotions("# Card\n", "never", promotions).endswith(
        "It has never been in production.\n"
    )
