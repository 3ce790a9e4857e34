import json
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError

from lradapt.data.doubtful_table import DoubtfulLabel, write_doubtful
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import read_split, write_split
from lradapt.evaluation.slice_results import slice_results
from lradapt.evaluation.slice_table import write_slices
from lradapt.gate.comparison import ClassResult, Comparison, McNemar
from lradapt.gate.verdict import Costs, Part, Verdict
from lradapt.production.release import Outcome
from lradapt.registry.promotions import Promotion
from lradapt.reporting.changes_report import ChangesSummary, Section
from lradapt.reporting.pictures import range_test_pngs
from lradapt.reporting.report import render
from lradapt.reporting.run_summary import next_commands, summary, trained
from lradapt.runtime.costs import Price
from lradapt.runtime.files import read_json, write_json
from lradapt.stages.find_lr import NOT_NEEDED
from tests.finished_training import EVIL, NO_CURVE, write_outputs

ESCAPED = EVIL.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;")


@pytest.fixture
def paths(tmp_path, monkeypatch):
    """The outputs of a small training, with the paths of this project, below a new folder."""
    monkeypatch.chdir(tmp_path)
    return write_outputs()


def outcome(decision="promote"):
    promotion = Promotion(
        sequence=1,
        kind="promotion",
        version="abc",
        previous="",
        model_sha256="",
        reason="",
        by="",
        manifest_sha256="",
        at="",
    )
    verdict = Verdict(decision=decision, reason="because")
    return Outcome("abc", verdict, promotion if decision == "promote" else None)


def test_the_summary_has_the_training_and_its_metrics(paths):
    assert summary(paths, None) == [
        ("data", "1,017 images, 2 classes"),
        ("set aside", f"2,000 x empty file, 1 x label {EVIL}"),
        ("split", "train 1,010, validation 4, test 3"),
        ("model", "resnet18, body: RANDOM WEIGHTS (lradapt import weights imagenet)"),
        ("rate of the head", "0.0335 (found by range test)"),
        ("rates by depth", "early 0.00012, late 0.001, head 0.01 (given)"),
        ("all layers", "3 epochs in 2 cycles; 4 of 7 planned epochs were saved"),
        ("seconds", "split 61.2 (total 0:01:01)"),
        ("accuracy", "66.67%"),
        ("balanced accuracy", "50.00%"),
    ]


@pytest.mark.parametrize(
    ("epochs", "cycles", "expected"),
    [
        ((1, 3, 0), 1, "1 epoch in 1 cycle; 2 of 3 planned epochs were saved"),
        ((7, 7, 0), 3, "7 epochs in 3 cycles"),
        ((3, 3, 1), 2, "3 epochs in 2 cycles, after 1 epoch at rates that were too high"),
    ],
)
def test_the_summary_says_how_long_all_layers_were_trained(paths, epochs, cycles, expected):
    counts = dict(zip(("trained", "planned", "given_up"), epochs, strict=True))
    write_json(
        paths.model_choice,
        read_json(paths.model_choice) | {"epochs": counts, "num_cycles": cycles},
    )
    assert dict(summary(paths, None))["all layers"] == expected


@pytest.fixture
def solved(paths):
    """The same paths, after a head that was solved exactly."""
    tried = [
        {"penalty": 0.1, "loss": 0.71234, "accuracy": 0.7, "balanced_accuracy": 0.6},
        {"penalty": 0.0316, "loss": 0.69876, "accuracy": 0.75, "balanced_accuracy": 0.65},
    ]
    solution = {"method": "exact", "penalty": 0.0316, "num_folds": 3, "note": "", "tried": tried}
    write_json(paths.head_solution, solution)
    write_json(paths.lr, NOT_NEEDED)
    paths.lr_curve.write_text(NO_CURVE)
    paths.head_steps.write_text("step,lr_head,loss\n")
    return paths


def test_the_summary_has_the_penalty_of_a_solved_head(solved):
    rows = dict(summary(solved, None))
    assert rows["head"] == (
        "solved exactly, with penalty 0.0316: the lowest loss on held-out training images, 0.6988, "
        "of 2 penalties in 3 folds"
    )
    assert rows["rate of the head"] == (
        "not needed: the head is solved exactly (train_head.method)"
    )


def test_the_summary_says_why_a_penalty_was_not_chosen(solved):
    note = {"method": "exact", "penalty": 0.1, "num_folds": 0, "note": "one group", "tried": []}
    write_json(solved.head_solution, note)
    assert dict(summary(solved, None))["head"] == "solved exactly, with penalty 0.1 (one group)"
    assert "Penalties of the head" not in render(solved, None)


def test_the_page_of_a_solved_head_has_its_penalties_and_no_plots_of_steps(solved):
    page = unescape(render(solved, None))
    assert "Penalties of the head, on training images that its 3 folds held out" in page
    assert '<th scope="row" class="n">0.0316</th><td class="n">0.6988</td>' in page
    assert "Training of all layers" in page
    assert "Training of the head" not in page
    assert "Learning rate of the head" not in page
    assert "Range test of the head" not in page


def test_the_summary_ends_with_the_verdict(paths):
    assert summary(paths, outcome())[-2:] == [("verdict", "promote: because"), ("version", "abc")]
    last = summary(paths, outcome("keep"))[-2:]
    assert last == [("verdict", "keep: because"), ("version", "abc (not promoted)")]


def test_the_summary_reports_an_override_and_a_failed_smoke_test(paths):
    override = replace(outcome().promotion, kind="override", reason="for me")
    kept = Outcome("abc", Verdict(decision="keep", reason="a tie"), override, fault="damaged")
    assert summary(paths, kept)[-4:] == [
        ("verdict", "keep: a tie"),
        ("override", "promoted by a person all the same: for me"),
        ("version", "abc"),
        ("smoke test", "FAILED, nothing was restored: damaged"),
    ]


COMPARISON = Comparison(
    images=300,
    champion=0.6,
    challenger=0.65,
    difference=0.05,
    lower=-0.0123,
    upper=0.1111,
    confidence=0.95,
    classes=(
        ClassResult(
            name=EVIL,
            images=200,
            groups=150,
            champion=0.7,
            challenger=0.6,
            lower=-0.155,
            upper=0.042,
        ),
    ),
    mcnemar=McNemar(12, 34, 0.0016),
)


def rows_of(page, section):
    """The cells of the tables of the section with that id."""
    part = re.search(rf'<h2 id="{section}">.*?(?=<h2|</body>)', page, re.DOTALL).group()
    rows = re.findall(r"<tr>(.*?)</tr>", part, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    return [[re.sub("<.*?>", " ", cell) for cell in row] for row in cells]


def test_the_report_has_the_comparison_the_classes_the_parts_and_the_costs(paths):
    verdict = Verdict(
        decision="promote",
        reason="because",
        comparison=COMPARISON,
        parts=(Part("old", 290, 180, 190), Part("relabelled", 10, 3, 8)),
        champion=Costs(0.0123, 44.71),
        challenger=Costs(0.0205, 30.04),
    )
    assert rows_of(render(paths, Outcome("abc", verdict, None)), "gate") == [
        ["", "in production", "new"],
        ["balanced accuracy", "60.00 %", "65.00 %"],
        ["correct only by this model (McNemar p 0.0016)", "12", "34"],
        ["correct of 290 old images", "180", "190"],
        ["correct of 10 relabelled images", "3", "8"],
        ["ms per image", "12.3", "20.5"],
        ["MB", "44.7", "30.0"],
        ["recall", "images", "groups", "in production", "new", "points", "bounds (95 % each)"],
        [ESCAPED, "200", "150", "70.0 %", "60.0 %", "-10.0", "-15.5 to +4.2"],
        ["mean", "300", "", "60.0 %", "65.0 %", "+5.0", "-1.2 to +11.1"],
    ]


def test_the_report_of_the_first_model_has_its_costs(paths):
    verdict = Verdict(decision="promote", reason="first", challenger=Costs(0.0205, 30.04))
    assert rows_of(render(paths, Outcome("abc", verdict, None)), "gate") == [
        ["", "in production", "new"],
        ["ms per image", "", "20.5"],
        ["MB", "", "30.0"],
    ]


def test_before_the_gate_the_report_has_no_section_about_it(paths):
    assert '<h2 id="gate">' not in render(paths, None)


@pytest.mark.parametrize(
    ("source", "licence", "body"),
    [
        ("imagenet", "Apache-2.0", "imagenet (mine.pt, licence Apache-2.0)"),
        ("file", "", "mine.pt"),
    ],
)
def test_the_summary_has_source_and_licence_of_the_backbone(paths, source, licence, body):
    metrics = json.loads(paths.metrics.read_text())
    origin = {"source": source, "detail": "mine.pt", "licence": licence}
    metrics["backbone"] = {"architecture": "resnet50"} | origin
    write_json(paths.metrics, metrics)
    assert ("model", f"resnet50, body: {body}") in summary(paths, None)


GIVEN = "given, because the range test was rejected: no valley"


def test_the_rates_are_those_that_were_used_in_the_end(paths):
    write_json(paths.model_choice, read_json(paths.model_choice) | {"rates": {"early": 0.1 / 3}})
    expected = "early 0.033 (given, then lowered: the first cycle lost a tenth or diverged)"
    assert dict(summary(paths, None))["rates by depth"] == expected


def test_the_summary_calls_layers_with_a_rate_of_zero_frozen(paths):
    rates = {"early": 0.0, "late": 3e-4, "head": 6e-5}
    write_json(paths.body_lr, read_json(paths.body_lr) | {"rates": rates})
    write_json(paths.model_choice, read_json(paths.model_choice) | {"rates": rates})
    expected = "early frozen, late 0.0003, head 6e-05 (given)"
    rows = dict(summary(paths, None))
    assert rows["rates by depth"] == expected
    assert rows["late layers and head"].startswith("3 epochs in 2 cycles")
    assert "all layers" not in rows
    assert "Training of late layers and head" in pictures(render(paths, None))


@pytest.mark.parametrize(
    ("curve", "refusal", "reason"),
    [(False, "", "given"), (False, "no valley", GIVEN), (True, "no valley", GIVEN)],
)
def test_a_given_rate_has_the_reason(paths, curve, refusal, reason):
    if not curve:
        paths.lr_curve.write_text(NO_CURVE)
    write_json(paths.lr, {"rate": 0.012345, "refusal": refusal})
    body = {"rates": {"early": 0.1, "head": 0.2}, "refusal": "no valley"}
    write_json(paths.body_lr, body)
    write_json(paths.model_choice, read_json(paths.model_choice) | {"rates": body["rates"]})
    rows = dict(summary(paths, None))
    assert rows["rate of the head"] == f"0.0123 ({reason})"
    assert rows["rates by depth"] == f"early 0.1, head 0.2 ({GIVEN})"


def test_unknown_values_have_no_row_in_the_summary(paths):
    paths.timings.unlink()
    split = json.loads(paths.split_summary.read_text())
    write_json(paths.split_summary, {**split, "set_aside": {}})
    assert not {"seconds", "set aside"} & dict(summary(paths, None)).keys()


def test_the_report_begins_with_the_verdict_and_why(paths):
    page = render(paths, outcome())
    title, reason = re.search(r"<strong>(.*?)</strong>\s+<p>(.*?)</p>", page).groups()
    assert (title, reason) == ("In production: version abc", "because")
    assert page.index("<strong>") < page.index('<dl class="figures">') < page.index("<h2")
    assert "Not evaluated by the gate yet" in render(paths, None)


def test_each_headline_metric_has_its_interval(paths):
    page = render(paths, None)
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd><dd>(.*?)</dd>", page)
    assert found == [
        ("accuracy", "66.67 %", "21.0 to 94.0"),
        ("balanced accuracy", "50.00 %", "31.0 to 84.0"),
        ("macro-F1", "40.00 %", "11.0 to 74.0"),
        ("calibration error", "3.11 %", "1.2 to 3.5 by chance"),
    ]


def test_each_class_has_its_precision_recall_interval_and_f1(paths):
    assert rows_of(render(paths, None), "classes") == [
        ["class", "images", "precision", "recall", "interval", "F1"],
        [ESCAPED, "3", "100.0 %", "66.7 %", "20.8 to 93.8", "80.0 %"],
        ["owl", "0", "0.0 %", "no image", "-", "-"],
    ]


def in_slices(paths):
    """Write the results of two slices, of which one is worse than chance explains."""
    labels, groups = np.zeros(60, dtype=int), np.arange(60)
    predicted = (groups < 20).astype(int)
    sites = ["<b>Graz"] * 25 + ["Wien"] * 35
    write_slices(
        paths.slices, slice_results(labels, predicted, groups, [EVIL, "owl"], {"site": sites})
    )


def test_the_slices_have_their_figures_and_the_worst_is_named(paths):
    in_slices(paths)
    page = render(paths, None)
    titles, graz, wien = rows_of(page, "slices")
    assert titles == ["slice", "images", "accuracy", "interval", "expected", "p", "lowest recall"]
    assert graz[:3] == ["site = &lt;b&gt;Graz", "25", "20.0 %"]
    assert graz[4] == "66.7 %"
    assert graz[-1].startswith(f"{ESCAPED}: 20.0 % of 25 (")
    assert wien[:3] == ["site = Wien", "35", "100.0 %"]
    assert "Worse than chance explains: site = &lt;b&gt;Graz: accuracy 20.0%" in page
    assert dict(summary(paths, None))["worst slice"].startswith("site = <b>Graz: accuracy 20.0% on")


def test_without_slices_there_is_no_section_about_them(paths):
    assert "slice" not in render(paths, None).lower()
    assert "worst slice" not in dict(summary(paths, None))


def test_the_confusion_matrix_has_counts_and_shares_of_the_row(paths):
    page = render(paths, None)
    assert rows_of(page, "confusion") == [
        ["true \\ predicted", f" {ESCAPED} ", " owl "],
        [ESCAPED, "2 67 % ", "1 33 % "],
        ["owl", "0", "0"],
    ]
    assert re.findall(r'class="(right|wrong)" style="--share:([\d.]+)"', page) == [
        ("right", "0.67"),
        ("wrong", "0.58"),
    ]


def many_classes(paths, num_classes):
    """Write the evaluation of many classes, with mistakes in each."""
    names = [f"class {number}" for number in range(num_classes)]
    counts = np.random.default_rng(0).integers(1, 9, (num_classes, num_classes))
    table = pd.DataFrame(counts, pd.Index(names, name="true"), names)
    table.to_csv(paths.confusion)
    metrics = json.loads(paths.metrics.read_text())
    metrics["intervals_95"]["recall"] = {name: [0.1, 0.2] for name in names}
    write_json(paths.metrics, metrics)


@pytest.mark.parametrize(("num_classes", "num_cells"), [(2, 4), (40, 1600), (61, 0), (1000, 0)])
def test_the_report_of_many_classes_stays_below_five_megabytes(paths, num_classes, num_cells):
    many_classes(paths, num_classes)
    page = render(paths, None)
    assert len(page.encode()) < 5e6
    assert page.count("--share:") == num_cells
    assert ("see the table reports/confusion.csv" in page) == (num_cells == 0)
    assert len(rows_of(page, "classes")) == num_classes + 1


def test_the_candidates_for_the_final_weights_are_listed(paths):
    assert rows_of(render(paths, None), "curves")[1] == [
        "best snapshot (selected)",
        "62.50 %",
        "75.00 %",
        "0.5000",
    ]


def pictures(page):
    """The descriptions of the plots by title."""
    found = re.findall(
        r'<figcaption>([^<]*)</figcaption><svg role="img" aria-label="([^"]*)"', page
    )
    return {title: unescape(alt) for title, alt in found}


def test_each_plot_is_drawn_from_its_own_table(paths):
    curve = paths.lr_curve.read_text()
    paths.body_lr_curve.write_text(curve.replace("0,0.1,", "0,0.2,"))
    assert pictures(render(paths, None)) == {
        "Range test of the head": "Range test of the head: 1 sweep from 0.001 to 0.1; chosen: "
        "0.0335",
        "Range test of all layers": "Range test of all layers: 1 sweep from "
        "0.001 to 0.2; chosen: 0.01",
        "Learning rate of the head": "Learning rate of the head at each of 2 steps; peaks: head "
        "0.1",
        "Learning rates by depth": "Learning rates by depth at each of 3 steps; peaks: early 1, "
        "late 2, head 3",
        "Training of the head": "Training of the head: 1 epoch in 1 cycle, training loss 1.5 in "
        "the first and 1.5 in the last; accuracy on the validation split 75.0% at the end",
        "Training of all layers": "Training of all layers: 1 epoch in 2 cycles, training loss 3 "
        "in the first and 3 in the last",
        "Reliability of the confidence": "Reliability of the confidence: mean gap 40.0% before and "
        "5.0% after temperature scaling",
    }


def test_the_most_confident_mistakes_are_shown_as_the_model_receives_them(paths):
    page = render(paths, None, num_mistakes=5)
    (found,) = re.findall(r"<li>(.*?)</li>", page, re.DOTALL)
    assert re.sub(r'src="data:image/png;base64,[^"]+"', "SRC", found.strip()) == (
        f'<img class="small" alt="NA" SRC>\n<b>{ESCAPED}</b>, predicted as <b>owl</b> with 70.0 %'
        "<br>NA"
    )


def test_a_mistake_has_its_nearest_training_images(paths):
    rows = read_split(paths.split)
    near = [
        LabelledImage(EVIL, EVIL, "", "train", "n", 3),
        LabelledImage("same.png", "owl", "", "train", "s", 4),
    ]
    write_split(paths.training_split, [*rows, *near])
    np.save(paths.pixels, np.zeros((5, 8, 8, 3), np.uint8))
    features = np.array([[0, 1], [0, 1], [1, 0], [3, 4], [2, 0]], np.float32)
    np.save(paths.activations, features[:, None])
    page = render(paths, None, num_mistakes=5)
    (found,) = re.findall(r'<ol class="nearest".*?</ol>', page, re.DOTALL)
    lines = [re.sub(r"\s*<[^>]+>\s*", " ", line).strip() for line in found.split("<li")[1:]]
    assert [line.partition(">")[2].strip() for line in lines] == [
        "owl 1.00 same.png",
        f"{ESCAPED} 0.60 {ESCAPED}",
    ]
    assert found.count("data:image/png") == 2


def doubt(image, label, proposed, split="train"):
    return DoubtfulLabel(image, label, proposed, split, 0.1, 0.85, "")


@pytest.fixture
def doubts(paths):
    """Three doubtful labels of training images and one of a test image, in the files of `paths`."""
    rows = [
        doubt("a b/1.png", "owl", "cat"),
        doubt("a b/2.png", EVIL, "owl", "validation"),
        doubt("NA", "owl", "cat"),
        doubt("NA", EVIL, "owl", "test"),
    ]
    write_doubtful(paths.doubtful_labels, rows)
    found = read_json(paths.doubtful_summary)
    write_json(paths.doubtful_summary, found | {"confident": 2, "skipped_classes": {"elk": 3}})
    return rows


def section(page, name):
    """Return a section's text without elements."""
    (found,) = re.findall(rf'<h2 id="{name}">(.*?)(?=<h2|</body>)', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


def test_the_doubtful_labels_are_counted_by_pair_and_the_first_ones_shown(paths, doubts):
    page = render(paths, None, num_mistakes=2)
    assert rows_of(page, "doubtful") == [
        ["label", "rather", "images"],
        ["owl", "cat", "2"],
        [ESCAPED, "owl", "1"],
    ]
    text = section(page, "doubtful")
    assert "2 of 1,014 labels of training and validation images are probably wrong" in text
    assert "Decide with lradapt review , then make retrain ." in text
    assert "Not judged, because of too few groups of images: elk (3)" in text
    shown = text.partition("The most doubtful")[2].partition("Test images")[0]
    assert shown.strip() == (
        "owl (10.0 %), rather cat (85.0 %) a b/1.png "
        f"{ESCAPED} (10.0 %), rather owl (85.0 %) a b/2.png"
    )


def test_doubtful_test_images_are_apart_with_a_warning(paths, doubts):
    page = render(paths, None, num_mistakes=1)
    of_test = section(page, "doubtful").partition("Test images")[2]
    assert of_test.startswith(" 1 labels of test images are doubtful. To correct only")
    assert "makes its results look better than they are" in of_test
    assert of_test.endswith(f"{ESCAPED} (10.0 %), rather owl (85.0 %) NA")


def test_labels_that_were_not_trained_on_are_counted_in_report_and_summary(paths, doubts):
    assert "were not trained on (" not in render(paths, None)
    found = read_json(paths.doubtful_summary)
    write_json(paths.doubtful_summary, found | {"policy": "exclude", "excluded": 1})
    text = section(render(paths, None), "doubtful")
    assert "1 training images with such a label were not trained on" in text
    assert dict(summary(paths, None))["doubtful labels"] == (
        "2 of 1,014 are probably wrong; not trained on 1 of them: lradapt review"
    )


def test_without_a_doubtful_label_the_report_says_so_and_proposes_nothing(paths):
    text = section(render(paths, None), "doubtful")
    assert "0 of 1,014 labels" in text
    assert "lradapt review" not in text
    found = read_json(paths.doubtful_summary)
    write_json(paths.doubtful_summary, found | {"note": "fewer than two classes"})
    text = section(render(paths, None), "doubtful")
    assert text == "Doubtful labels No label was judged: fewer than two classes."


def test_with_no_mistakes_to_show_the_report_has_no_image(paths, doubts):
    page = render(paths, None, num_mistakes=0)
    assert "<img" not in page
    assert 'id="mistakes"' not in page


def test_the_changes_of_the_data_are_reported_with_their_tables(paths):
    section = Section("by kind", ["kind", "images"], [["added", "2"]])
    page = render(paths, None, changes=ChangesSummary("2 changes", (section,)))
    assert "<p>2 changes</p>" in page
    assert rows_of(page, "changes") == [["kind", "images"], ["added", "2"]]
    assert 'id="changes"' not in render(paths, None)


def test_the_lineage_has_hashes_libraries_and_the_previous_version(paths):
    found = dict(rows_of(render(paths, replace(outcome(), previous="old")), "lineage"))
    assert (found["version"], found["in production at the decision of the gate"]) == ("abc", "old")
    assert found["git commit of the code"] == "not in git"
    assert len(found["sha256 of params.yaml"]) == 64
    assert len(found["sha256 of the table of split"]) == 64
    assert found["libraries"].startswith("python 3.")


def test_a_given_rate_has_no_plot_of_a_range_test(paths):
    paths.lr_curve.write_text(NO_CURVE)
    assert "Range test" not in render(paths, None)


def test_a_range_test_is_shown_as_its_rule_reads_it(paths):
    ratio = range_test_pngs(paths)
    assert "loss / baseline loss" in render(paths, None)
    write_json(paths.lr, read_json(paths.lr) | {"rule": "rise"})
    assert "loss - baseline loss, nats" in render(paths, None)
    difference = range_test_pngs(paths)
    assert difference.keys() == ratio.keys() == {"Range test of the head"}
    assert difference != ratio


def test_every_table_has_a_caption_and_every_heading_a_scope(paths):
    page = render(paths, outcome(), num_mistakes=5)
    assert page.count("<table") == page.count("<caption>") > 5
    assert re.findall(r"<th(?! scope=)[ >]", page) == []


def test_the_report_has_the_stages_of_this_run_and_their_costs(paths):
    timings = {"split": {"seconds": 61.2, "cpu_seconds": 70.3}}
    page = render(paths, None, previous=timings, price=Price(1, "EUR"))
    assert '<th scope="row">split</th><td class="n" colspan="3">up to date</td>' in page
    page = render(paths, None, previous={}, price=Price(100, "EUR"))
    assert (
        '<th scope="row">total</th><td class="n">61.2</td><td></td><td class="n">1.70 EUR</td>'
        in page
    )
    page = render(paths, None)
    assert '<th scope="row">split</th><td class="n">61.2</td><td class="n">70.3</td>' in page
    assert "EUR" not in page


def test_the_first_two_hundred_files_set_aside_are_listed(paths):
    lines = [f"{number},undecodable,empty file\n" for number in range(201)]
    paths.set_aside.write_text("image,kind,reason\n" + "".join(lines))
    page = render(paths, None)
    assert "The first 200:" in page
    listed = re.findall(r"<td>(\d+)</td><td>empty file</td>", page)
    assert listed == [str(number) for number in range(200)]


@pytest.mark.parametrize("name", ["007", "NA"])
def test_a_file_is_listed_by_its_exact_name(paths, name):
    paths.set_aside.write_text(f"image,kind,reason\n{name},undecodable,empty file\n")
    assert f"<td>{name}</td>" in render(paths, None)


def test_the_report_escapes_every_name(paths):
    page = render(paths, outcome())
    assert "<script" not in page
    # in short, warning, sides, matrix (twice and its title), class and its doubt (each with
    # a title), set aside and its list
    assert page.count("&lt;script&gt;") == 13


def test_the_doubtful_answers_have_their_figures_by_class(paths):
    page = render(paths, outcome())
    part = page[page.index('id="doubt"') : page.index('id="doubtful"')]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", part)
    assert cells[:6] == ["12", "65.4 %", "20.8 to 93.8", "1.43", "34.6 %", "6.0 to 79.0"]
    assert cells[6:12] == ["2", *["-"] * 5]
    assert cells[12:] == ["", "75.1 %", "21.1 to 93.9", "1.51", "34.6 %", "6.0 to 79.0"]
    assert "too few validation images for a coverage of 90.0 % (9 are needed): owl 2.</p>" in part
    assert "Rejected: 1.0 % were asked for; 14 validation images allow 6.7 % on average." in part


def test_the_report_says_where_no_doubt_is_measured(paths):
    metrics = json.loads(paths.metrics.read_text())
    write_json(paths.metrics, metrics | {"unsure": None, "unlike_training": None})
    assert "There is no validation image, so no answer tells" in render(paths, outcome())


def test_the_report_needs_no_network(paths):
    page = render(paths, outcome())
    assert "http:" not in page
    assert "https:" not in page
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert re.findall(r"url\((?!#)", page) == []


def test_nothing_set_aside_has_no_section(paths):
    paths.set_aside.write_text("image,kind,reason\n")
    assert 'id="set-aside"' not in render(paths, None)


def test_several_annotators_are_in_the_rows_and_in_a_table(paths):
    assert "against the majority" not in render(paths, None)
    split = json.loads(paths.split_summary.read_text())
    each = [
        {"annotator": EVIL, "images": 40, "against_majority": 4},
        {"annotator": "", "images": 0, "against_majority": 0},
    ]
    found = {"annotators": 2, "images": 40, "ties": 0, "agreement": 0.9, "kappa": 0.8}
    split["annotators"] = found | {"kappa_of": "Fleiss'", "each": each}
    write_json(paths.split_summary, split)
    assert dict(trained(paths))["annotators"].startswith("2; on 40 images that several have")
    page = render(paths, None)
    assert '<td class="n">40</td><td class="n">4</td><td class="n">10.0 %</td>' in page
    assert '>no name</th><td class="n">0</td><td class="n">0</td><td class="n">-</td>' in page
    assert EVIL not in page


def test_missing_warnings_are_an_error(paths):
    split = json.loads(paths.split_summary.read_text())
    del split["warnings"]
    write_json(paths.split_summary, split)
    with pytest.raises(UndefinedError, match="warnings"):
        render(paths, None)


def test_after_a_rejected_model_the_next_commands_can_change_that(paths):
    assert [line.partition("   #")[0] for line in next_commands(paths, outcome("keep"))] == [
        "lradapt review",
        "lradapt retrain --override REASON",
    ]
    same = replace(outcome("keep"), previous="abc")  # a run in which nothing was new
    assert next_commands(paths, same) == next_commands(paths, None)


def test_the_next_commands_can_be_pasted(paths):
    assert next_commands(paths, outcome()) == [
        "lradapt predict 'data/images/a b/1.png'",
        "lradapt history",
        "lradapt import folder PATH --replace   # your own images, then: make retrain",
    ]


def test_the_summary_says_how_many_labels_are_doubtful_and_where_to_look(paths):
    assert "doubtful labels" not in dict(summary(paths, None))
    found = read_json(paths.doubtful_summary)
    write_json(paths.doubtful_summary, {**found, "confident": 40})
    assert dict(summary(paths, None))["doubtful labels"] == (
        "40 of 1,014 are probably wrong: lradapt review"
    )
