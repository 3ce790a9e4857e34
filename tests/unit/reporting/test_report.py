import json
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError

from lradapt.gate.comparison import ClassResult, Comparison, McNemar
from lradapt.gate.verdict import Costs, Part, Verdict
from lradapt.production.release import Outcome
from lradapt.registry.versions import Move
from lradapt.reporting.changes_report import ChangesSummary, Section
from lradapt.reporting.report import next_commands, render, summary
from lradapt.runtime.costs import Price
from lradapt.runtime.files import write_json
from tests.finished_training import EVIL, NO_CURVE, write_outputs

ESCAPED = EVIL.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;")


@pytest.fixture
def paths(tmp_path, monkeypatch):
    """The outputs of a small training, with the paths of this project, below a new folder."""
    monkeypatch.chdir(tmp_path)
    return write_outputs()


def outcome(decision="promote"):
    move = Move(seq=1, version="abc", former="", model_sha256="", why="", who="", when="")
    verdict = Verdict(decision=decision, why="because")
    return Outcome("abc", verdict, move if decision == "promote" else None)


def test_the_summary_says_what_was_trained_and_how_good_it_is(paths):
    assert summary(paths, None) == [
        ("data", "1,017 images, 2 classes"),
        ("set aside", f"2,000 x empty file, 1 x label {EVIL}"),
        ("split", "train 1,010, validation 4, test 3"),
        ("model", "resnet18, body: RANDOM WEIGHTS (lradapt import weights imagenet)"),
        ("rate of the head", "0.0335 (found by range test)"),
        ("rates by depth", "early 0.00012, late 0.001, head 0.01 (given)"),
        ("seconds", "split 61.2 (together 0:01:01)"),
        ("accuracy", "66.67%"),
        ("balanced accuracy", "50.00%"),
    ]


def test_the_summary_ends_with_the_verdict(paths):
    assert summary(paths, outcome())[-2:] == [("verdict", "promote: because"), ("version", "abc")]
    last = summary(paths, outcome("keep"))[-2:]
    assert last == [("verdict", "keep: because"), ("version", "abc (not promoted)")]


def test_the_summary_says_that_a_person_has_overridden_the_gate(paths):
    promoted = outcome()
    kept = Outcome("abc", Verdict(decision="keep", why="a tie"), promoted.move)
    assert summary(paths, kept)[-3:] == [
        ("verdict", "keep: a tie"),
        ("override", "promoted all the same; the log says "),
        ("version", "abc"),
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


def test_the_report_shows_the_interval_the_classes_the_parts_and_what_both_cost(paths):
    verdict = Verdict(
        decision="promote",
        why="because",
        comparison=COMPARISON,
        parts=(Part("old", 290, 180, 190), Part("relabelled", 10, 3, 8)),
        champion=Costs(0.0123, 44.71),
        challenger=Costs(0.0205, 30.04),
    )
    assert rows_of(render(paths, Outcome("abc", verdict, None)), "gate") == [
        ["", "in production", "new"],
        ["balanced accuracy", "60.00 %", "65.00 %"],
        ["right alone (McNemar p 0.0016)", "12", "34"],
        ["right of 290 old images", "180", "190"],
        ["right of 10 relabelled images", "3", "8"],
        ["ms an image", "12.3", "20.5"],
        ["MB", "44.7", "30.0"],
        ["recall", "images", "groups", "in production", "new", "points", "bounds (95 % each)"],
        [ESCAPED, "200", "150", "70.0 %", "60.0 %", "-10.0", "-15.5 to +4.2"],
        ["mean", "300", "", "60.0 %", "65.0 %", "+5.0", "-1.2 to +11.1"],
    ]


def test_of_the_first_model_the_report_has_what_it_costs(paths):
    verdict = Verdict(decision="promote", why="first", challenger=Costs(0.0205, 30.04))
    assert rows_of(render(paths, Outcome("abc", verdict, None)), "gate") == [
        ["", "in production", "new"],
        ["ms an image", "", "20.5"],
        ["MB", "", "30.0"],
    ]


def test_before_the_gate_the_report_has_no_section_on_it(paths):
    assert '<h2 id="gate">' not in render(paths, None)


def test_the_summary_tells_of_a_version_that_had_to_go_back(paths):
    promoted = outcome()
    failed = replace(promoted, fault="damaged", restored=replace(promoted.move, version="old"))
    assert summary(paths, failed)[-1] == (
        "live check",
        "FAILED, old is in production again: damaged",
    )
    failed = replace(promoted, fault="damaged")
    assert summary(paths, failed)[-1] == ("live check", "FAILED, nothing was put back: damaged")


@pytest.mark.parametrize(("source", "body"), [("imagenet", "imagenet"), ("file", "mine.pt")])
def test_the_summary_says_where_the_body_comes_from(paths, source, body):
    metrics = json.loads(paths.metrics.read_text())
    metrics["backbone"] = {"architecture": "resnet50", "source": source, "detail": "mine.pt"}
    write_json(paths.metrics, metrics)
    assert ("model", f"resnet50, body: {body}") in summary(paths, None)


@pytest.mark.parametrize(
    ("refusal", "how"),
    [("", "given"), ("no valley", "given, since the range test was refused: no valley")],
)
def test_a_rate_that_was_given_says_why(paths, refusal, how):
    paths.lr_curve.write_text(NO_CURVE)
    write_json(paths.lr, {"rate": 0.012345, "refusal": refusal})
    assert ("rate of the head", f"0.0123 ({how})") in summary(paths, None)


def test_rates_by_depth_that_a_refused_range_test_left_as_given_say_why(paths):
    refused = {"rates": {"early": 0.1, "head": 0.2}, "refusal": "the range test is flat"}
    write_json(paths.body_lr, refused)
    said = dict(summary(paths, None))["rates by depth"]
    expected = (
        "early 0.1, head 0.2 (given, since the range test was refused: the range test is flat)"
    )
    assert said == expected


def test_a_rate_given_after_a_refused_range_test_is_not_called_found(paths):
    write_json(paths.lr, {"rate": 0.01, "refusal": "no valley"})
    rate = dict(summary(paths, None))["rate of the head"]
    assert rate == "0.01 (given, since the range test was refused: no valley)"


def test_what_is_not_known_has_no_line_in_the_summary(paths):
    paths.timings.unlink()
    split = json.loads(paths.split_summary.read_text())
    write_json(paths.split_summary, {**split, "set_aside": {}})
    assert not {"seconds", "set aside"} & dict(summary(paths, None)).keys()


def test_the_report_begins_with_the_verdict_and_why(paths):
    page = render(paths, outcome())
    title, why = re.search(r"<strong>(.*?)</strong>\s+<p>(.*?)</p>", page).groups()
    assert (title, why) == ("In production: version abc", "because")
    assert page.index("<strong>") < page.index('<dl class="figures">') < page.index("<h2")
    assert "Not judged yet" in render(paths, None)


def test_each_headline_figure_has_its_interval(paths):
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


def test_the_confusion_matrix_has_counts_and_shares_of_the_row(paths):
    page = render(paths, None)
    assert rows_of(page, "confusion") == [
        ["true \\ said", f" {ESCAPED} ", " owl "],
        [ESCAPED, "2 67 % ", "1 33 % "],
        ["owl", "0", "0"],
    ]
    assert re.findall(r'class="(right|wrong)" style="--share:([\d.]+)"', page) == [
        ("right", "0.67"),
        ("wrong", "0.58"),
    ]


def large_exam(paths, num_classes):
    """An exam of many classes, with mistakes in each."""
    names = [f"class {number}" for number in range(num_classes)]
    counts = np.random.default_rng(0).integers(1, 9, (num_classes, num_classes))
    table = pd.DataFrame(counts, pd.Index(names, name="true"), names)
    table.to_csv(paths.confusion)
    metrics = json.loads(paths.metrics.read_text())
    metrics["intervals_95"]["recall"] = {name: [0.1, 0.2] for name in names}
    write_json(paths.metrics, metrics)


@pytest.mark.parametrize(("num_classes", "num_cells"), [(2, 4), (40, 1600), (61, 0), (1000, 0)])
def test_the_report_of_many_classes_stays_below_five_megabytes(paths, num_classes, num_cells):
    large_exam(paths, num_classes)
    page = render(paths, None)
    assert len(page.encode()) < 5e6
    assert page.count("--share:") == num_cells
    assert ("it is the table reports/confusion.csv" in page) == (num_cells == 0)
    assert len(rows_of(page, "classes")) == num_classes + 1


def test_the_weights_that_training_could_end_with_are_told(paths):
    assert rows_of(render(paths, None), "curves")[1] == [
        "best snapshot (taken)",
        "62.50 %",
        "75.00 %",
        "0.5000",
    ]


def pictures(page):
    """Title -> what those hear who do not see the picture."""
    found = re.findall(
        r'<figcaption>([^<]*)</figcaption><svg role="img" aria-label="([^"]*)"', page
    )
    return {title: unescape(alt) for title, alt in found}


def test_each_picture_is_drawn_from_its_own_figures(paths):
    curve = paths.lr_curve.read_text()
    paths.body_lr_curve.write_text(curve.replace("0,0.1,", "0,0.2,"))
    assert pictures(render(paths, None)) == {
        "Range test of the head": "Range test of the head: 1 sweep from 0.001 to 0.1; chosen is "
        "0.0335",
        "Range test of the unfrozen network": "Range test of the unfrozen network: 1 sweep from "
        "0.001 to 0.2; chosen is 0.01",
        "Rate of the head": "Rate of the head at each of 2 steps; the peaks: head 0.1",
        "Rates by depth": "Rates by depth at each of 3 steps; the peaks: early 1, late 2, head 3",
        "Training of the head": "Training of the head: 1 epoch in 1 cycle, training loss 1.5 in "
        "the first and 1.5 in the last; accuracy on the validation split 75.0% at the end",
        "Training of all layers": "Training of all layers: 1 epoch in 2 cycles, training loss 3 "
        "in the first and 3 in the last",
        "Reliability of the confidence": "Reliability of the confidence: mean gap 40.0% before the "
        "temperature and 5.0% after it",
    }


def test_the_surest_mistakes_are_shown_as_the_model_saw_them(paths):
    page = render(paths, None, num_mistakes=5)
    (found,) = re.findall(r"<li>(.*?)</li>", page, re.DOTALL)
    assert re.sub(r'src="data:image/png;base64,[^"]+"', "SRC", found) == (
        f'<img class="small" alt="NA" SRC>\n<b>{ESCAPED}</b>, called <b>owl</b> at 70.0 %<br>NA'
    )


def test_without_mistakes_to_show_no_image_of_the_exam_is_in_the_report(paths):
    page = render(paths, None, num_mistakes=0)
    assert "<img" not in page
    assert 'id="mistakes"' not in page


def test_the_changes_of_the_data_are_told_with_their_tables(paths):
    section = Section("by kind", ["kind", "images"], [["added", "2"]])
    page = render(paths, None, changes=ChangesSummary("2 changes", (section,)))
    assert "<p>2 changes</p>" in page
    assert rows_of(page, "changes") == [["kind", "images"], ["added", "2"]]
    assert 'id="changes"' not in render(paths, None)


def test_the_lineage_has_hashes_libraries_and_the_model_before(paths):
    found = dict(rows_of(render(paths, replace(outcome(), former="old")), "lineage"))
    assert (found["version"], found["in production when it was judged"]) == ("abc", "old")
    assert found["git commit of the code"] == "not in git"
    assert len(found["sha256 of params.yaml"]) == 64
    assert len(found["sha256 of the table of split"]) == 64
    assert found["libraries"].startswith("python 3.")


def test_a_given_rate_has_no_picture_of_a_range_test(paths):
    paths.lr_curve.write_text(NO_CURVE)
    assert "Range test" not in render(paths, None)


def test_every_table_has_a_caption_and_every_heading_of_it_a_scope(paths):
    page = render(paths, outcome(), num_mistakes=5)
    assert page.count("<table") == page.count("<caption>") > 5
    assert re.findall(r"<th(?! scope=)[ >]", page) == []


def test_the_report_lists_the_seconds_of_each_stage(paths):
    page = render(paths, None)
    assert '<th scope="row">split</th><td class="n">61.2</td><td class="n">70.3</td>' in page


def test_the_report_tells_what_ran_in_this_run_and_what_it_cost(paths):
    timings = {"split": {"seconds": 61.2, "cpu_seconds": 70.3}}
    page = render(paths, None, former=timings, price=Price(1, "EUR"))
    assert '<th scope="row">split</th><td class="n" colspan="3">up to date</td>' in page
    page = render(paths, None, former={}, price=Price(100, "EUR"))
    assert (
        '<th scope="row">together</th><td class="n">61.2</td><td></td><td class="n">1.70 EUR</td>'
        in page
    )
    assert "EUR" not in render(paths, None)


def test_the_first_two_hundred_files_set_aside_are_listed(paths):
    lines = [f"{number},undecodable,empty file\n" for number in range(201)]
    paths.set_aside.write_text("image,kind,reason\n" + "".join(lines))
    page = render(paths, None)
    assert "The first 200:" in page
    listed = re.findall(r"<td>(\d+)</td><td>empty file</td>", page)
    assert listed == [str(number) for number in range(200)]


def test_a_file_called_007_is_listed_by_its_name(paths):
    paths.set_aside.write_text("image,kind,reason\n007,undecodable,empty file\n")
    assert "<td>007</td>" in render(paths, None)


def test_the_report_escapes_every_name(paths):
    page = render(paths, outcome())
    assert "<script" not in page
    # in short, warning, sides, matrix (twice and its title), class, set aside and its list
    assert page.count("&lt;script&gt;") == 9


def test_the_report_needs_no_network(paths):
    page = render(paths, outcome())
    assert "http:" not in page
    assert "https:" not in page
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert re.findall(r"url\((?!#)", page) == []


def test_a_file_called_na_is_listed_by_its_name(paths):
    assert "<td>NA</td>" in render(paths, None)


def test_nothing_set_aside_has_no_section(paths):
    paths.set_aside.write_text("image,kind,reason\n")
    assert 'id="set-aside"' not in render(paths, None)


def test_the_same_files_give_the_same_report(paths):
    assert render(paths, outcome()) == render(paths, outcome())


def test_warnings_that_lack_are_an_error_and_no_gap(paths):
    split = json.loads(paths.split_summary.read_text())
    del split["warnings"]
    write_json(paths.split_summary, split)
    with pytest.raises(UndefinedError, match="warnings"):
        render(paths, None)


def test_the_next_commands_can_be_pasted(paths):
    assert next_commands(paths) == [
        "lradapt predict 'data/images/a b/1.png'",
        "lradapt history",
        "lradapt import folder PATH --replace   # your own images, then: make retrain",
    ]
