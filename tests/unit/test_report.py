import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError
from PIL import Image

from lradapt.costs import Price
from lradapt.data.ingest import ImageRow
from lradapt.files import write_json
from lradapt.gate.comparison import ClassResult, Comparison, McNemar
from lradapt.gate.verdict import Costs, Part, Verdict
from lradapt.layout import read_paths
from lradapt.plots import confusion_png, range_test_png, schedule_png
from lradapt.registry.versions import Move
from lradapt.release import Outcome
from lradapt.report import next_commands, render, summary

EVIL = "<script>alert('x')</script>"
PNG = b"\x89PNG\r\n\xff\xfe\xfd"
NO_CURVE = "sweep,lr,loss,untouched,smoothed\n"


@pytest.fixture
def paths(tmp_path, monkeypatch):
    """The outputs of a small training, with the paths of this project, below a new folder."""
    listed = read_paths(Path(__file__).parents[2] / "dvc.yaml")
    monkeypatch.chdir(tmp_path)
    for path in listed.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    classes = {EVIL: (10, 2, 3), "owl": (1000, 2, 0)}
    sides = ("train", "tune", "validation")
    split = {
        "images": {"train": 1010, "tune": 4, "validation": 3},
        "classes": {name: dict(zip(sides, n, strict=True)) for name, n in classes.items()},
        "set_aside": {"empty file": 2000, f"label {EVIL}": 1},
        "warnings": [f"few images of {EVIL}"],
    }
    write_json(listed["split_summary"], split)
    metrics = {
        "images": 3,
        "accuracy": 2 / 3,
        "balanced_accuracy": 0.5,
        "macro_f1": 0.4,
        "calibration": {
            "temperature": 1.5,
            "before": 0.0822,
            "after": 0.0311,
            "perfect": {"mean": 0.02, "low": 0.0123, "high": 0.0345},
        },
        "final_model": "best_snapshot",
        "recall": {EVIL: 2 / 3, "owl": None},
        "parity": {"max_difference": 1.2e-6, "num_other_class": 0, "passed": True},
        "backbone": {"architecture": "resnet18", "source": "none", "detail": "by choice"},
        "ancestor": "",
    }
    write_json(listed["metrics"], metrics)
    write_json(listed["lr"], {"rate": 0.0335, "refusal": ""})
    rates = {"early": 1.234e-4, "late": 1e-3, "head": 1e-2}
    write_json(listed["body_lr"], {"rates": rates, "refusal": ""})
    write_json(listed["timings"], {"split": {"seconds": 61.2, "cpu_seconds": 70.3}})
    listed["set_aside"].write_text(
        f"image,kind,reason\n{EVIL}.png,undecodable,empty file\nNA,undecodable,empty file\n"
    )
    curve = "sweep,lr,loss,untouched,smoothed\n0,0.001,2,2,1\n0,0.01,1.5,2,0.8\n0,0.1,1,2,0.5\n"
    listed["lr_curve"].write_text(curve)
    listed["body_lr_curve"].write_text(NO_CURVE)
    listed["head_steps"].write_text("step,lr_head,loss\n0,0.1,2.0\n1,0.05,1.0\n")
    listed["model_steps"].write_text("step,lr_early,lr_late,lr_head,loss\n0,1,2,3,4\n1,1,2,3,4\n")
    listed["confusion_plot"].write_bytes(PNG)
    rows = [
        ImageRow("bad.png", "", "", 0, 0, "empty file", "undecodable", "", "", 1),
        ImageRow("a b/1.png", *"12", 5, 5, "ok", "", "PNG", "RGB", 1),
    ]
    pd.DataFrame(rows).to_csv(listed["table"], index=False)
    return listed


def outcome(decision="promote"):
    move = Move(seq=1, version="abc", former="", model_sha256="", why="", who="", when="")
    verdict = Verdict(decision=decision, why="because")
    return Outcome("abc", verdict, move if decision == "promote" else None)


def test_the_summary_says_what_was_trained_and_how_good_it_is(paths):
    assert summary(paths, None) == [
        ("data", "1,017 images, 2 classes"),
        ("set aside", f"2,000 x empty file, 1 x label {EVIL}"),
        ("split", "train 1,010, tune 4, validation 3"),
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


def rows_of(page):
    """The cells of the tables of the section on the gate."""
    section = page[page.index("<h2>Gate</h2>") : page.index("<h2>Pictures</h2>")]
    rows = re.findall(r"<tr>(.*?)</tr>", section)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def test_the_report_shows_the_interval_the_classes_the_parts_and_what_both_cost(paths):
    verdict = Verdict(
        decision="promote",
        why="because",
        comparison=COMPARISON,
        parts=(Part("old", 290, 180, 190), Part("relabelled", 10, 3, 8)),
        champion=Costs(0.0123, 44.71),
        challenger=Costs(0.0205, 30.04),
    )
    escaped = EVIL.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;")
    assert rows_of(render(paths, Outcome("abc", verdict, None))) == [
        ["", "in production", "new"],
        ["balanced accuracy", "60.00 %", "65.00 %"],
        ["right alone (McNemar p 0.0016)", "12", "34"],
        ["right of 290 old images", "180", "190"],
        ["right of 10 relabelled images", "3", "8"],
        ["ms an image", "12.3", "20.5"],
        ["MB", "44.7", "30.0"],
        ["recall", "images", "groups", "in production", "new", "points", "bounds (95 % each)"],
        [escaped, "200", "150", "70.0 %", "60.0 %", "-10.0", "-15.5 to +4.2"],
        ["mean", "300", "", "60.0 %", "65.0 %", "+5.0", "-1.2 to +11.1"],
    ]


def test_of_the_first_model_the_report_has_what_it_costs(paths):
    verdict = Verdict(decision="promote", why="first", challenger=Costs(0.0205, 30.04))
    assert rows_of(render(paths, Outcome("abc", verdict, None))) == [
        ["", "in production", "new"],
        ["ms an image", "", "20.5"],
        ["MB", "", "30.0"],
    ]


def test_before_the_gate_the_report_has_no_section_on_it(paths):
    assert "<h2>Gate</h2>" not in render(paths, None)


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
    metrics = json.loads(paths["metrics"].read_text())
    metrics["backbone"] = {"architecture": "resnet50", "source": source, "detail": "mine.pt"}
    write_json(paths["metrics"], metrics)
    assert ("model", f"resnet50, body: {body}") in summary(paths, None)


@pytest.mark.parametrize(
    ("refusal", "how"),
    [("", "given"), ("no valley", "given, since the range test was refused: no valley")],
)
def test_a_rate_that_was_given_says_why(paths, refusal, how):
    paths["lr_curve"].write_text(NO_CURVE)
    write_json(paths["lr"], {"rate": 0.012345, "refusal": refusal})
    assert ("rate of the head", f"0.0123 ({how})") in summary(paths, None)


def test_rates_by_depth_that_a_refused_range_test_left_as_given_say_why(paths):
    refused = {"rates": {"early": 0.1, "head": 0.2}, "refusal": "the range test is flat"}
    write_json(paths["body_lr"], refused)
    said = dict(summary(paths, None))["rates by depth"]
    expected = (
        "early 0.1, head 0.2 (given, since the range test was refused: the range test is flat)"
    )
    assert said == expected


def test_a_rate_given_after_a_refused_range_test_is_not_called_found(paths):
    write_json(paths["lr"], {"rate": 0.01, "refusal": "no valley"})
    rate = dict(summary(paths, None))["rate of the head"]
    assert rate == "0.01 (given, since the range test was refused: no valley)"


def test_what_is_not_known_has_no_line_in_the_summary(paths):
    paths["timings"].unlink()
    split = json.loads(paths["split_summary"].read_text())
    write_json(paths["split_summary"], {**split, "set_aside": {}})
    assert not {"seconds", "set aside"} & dict(summary(paths, None)).keys()


@pytest.mark.slow
def test_the_report_holds_the_figures_and_the_pictures(paths):
    page = render(paths, outcome())
    for text in (
        "66.67 %",
        "50.00 %",
        "3.11 %",
        "1.2e-06",
        "66.7 %",
        "no image",
        "promote: because",
    ):
        assert text in page, text
    assert re.findall(r"<figcaption>(.*?)</figcaption>", page) == list(pictures(page))
    assert list(pictures(page)) == [
        "Confusion matrix",
        "Range test of the head",
        "Rate of the head, as run",
        "Rates by depth, as run",
    ]


def pictures(page):
    """Title -> PNG, of the pictures in the report."""
    found = re.findall(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]*)">', page)
    return {title: base64.b64decode(text, validate=True) for title, text in found}


@pytest.mark.slow
def test_each_picture_is_drawn_from_its_own_figures(paths):
    paths["body_lr_curve"].write_text(paths["lr_curve"].read_text().replace("0.1,", "0.2,"))
    tables = {
        name: pd.read_csv(paths[name])
        for name in ("lr_curve", "body_lr_curve", "head_steps", "model_steps")
    }
    assert pictures(render(paths, None)) == {
        "Confusion matrix": PNG,
        "Range test of the head": range_test_png(tables["lr_curve"], 0.0335),
        "Range test of the unfrozen network": range_test_png(tables["body_lr_curve"], 1e-2),
        "Rate of the head, as run": schedule_png(tables["head_steps"]),
        "Rates by depth, as run": schedule_png(tables["model_steps"]),
    }


def test_a_given_rate_has_no_picture_of_a_range_test(paths):
    paths["lr_curve"].write_text(NO_CURVE)
    assert "Range test" not in render(paths, None)


def test_the_report_lists_the_seconds_of_each_stage(paths):
    page = render(paths, None)
    assert '<td>split</td><td class="n">61.2</td><td class="n">70.3</td>' in page


def test_the_report_tells_what_ran_in_this_run_and_what_it_cost(paths):
    timings = {"split": {"seconds": 61.2, "cpu_seconds": 70.3}}
    page = render(paths, None, former=timings, price=Price(1, "EUR"))
    assert '<td>split</td><td class="n" colspan="3">up to date</td>' in page
    page = render(paths, None, former={}, price=Price(100, "EUR"))
    assert '<th>together</th><td class="n">61.2</td><td></td><td class="n">1.70 EUR</td>' in page
    assert "EUR" not in render(paths, None)


def test_the_first_two_hundred_files_set_aside_are_listed(paths):
    lines = [f"{number},undecodable,empty file\n" for number in range(201)]
    paths["set_aside"].write_text("image,kind,reason\n" + "".join(lines))
    page = render(paths, None)
    assert "The first 200:" in page
    listed = re.findall(r"<td>(\d+)</td><td>empty file</td>", page)
    assert listed == [str(number) for number in range(200)]


def test_a_file_called_007_is_listed_by_its_name(paths):
    paths["set_aside"].write_text("image,kind,reason\n007,undecodable,empty file\n")
    assert "<td>007</td>" in render(paths, None)


def test_the_report_escapes_every_name(paths):
    page = render(paths, outcome())
    assert "<script" not in page
    # summary, set aside, warning, class, and the list of files
    assert page.count("&lt;script&gt;") == 5


def test_the_report_needs_no_network(paths):
    page = render(paths, outcome())
    assert "http:" not in page
    assert "https:" not in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert "url(" not in page


def test_a_file_called_na_is_listed_by_its_name(paths):
    assert "<td>NA</td>" in render(paths, None)


@pytest.mark.slow
def test_nothing_set_aside_has_no_section(paths):
    paths["set_aside"].write_text("image,kind,reason\n")
    assert "<h2>Set aside</h2>" not in render(paths, None)


@pytest.mark.slow
def test_the_same_files_give_the_same_report(paths):
    assert render(paths, outcome()) == render(paths, outcome())


def test_warnings_that_lack_are_an_error_and_no_gap(paths):
    split = json.loads(paths["split_summary"].read_text())
    del split["warnings"]
    write_json(paths["split_summary"], split)
    with pytest.raises(UndefinedError, match="warnings"):
        render(paths, None)


def test_the_next_commands_can_be_pasted(paths):
    assert next_commands(paths) == [
        "lradapt predict 'data/images/a b/1.png'",
        "lradapt history",
        "lradapt import folder PATH --replace   # your own images, then: make retrain",
    ]


def test_class_names_with_dollars_are_drawn_and_not_taken_for_formulas(tmp_path):
    path = tmp_path / "confusion.png"
    path.write_bytes(confusion_png(np.eye(2, dtype=int), [r"$\price$", "$"], "two classes"))
    with Image.open(path) as picture:
        assert picture.format == "PNG"
