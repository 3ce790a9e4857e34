"""What people and programs see of a drift."""

import json
from dataclasses import replace

import pytest
from found_drift import FOUND, WEEKS

from lradapt.reporting.drift_report import as_json, as_markdown, basis, cells, plot, render


def test_a_week_is_a_line_in_which_a_test_that_found_a_drift_has_a_star():
    assert [cells(week) for week in WEEKS] == [
        ["1,234", "0.4", "0.21", "0.7", "0.05", "81.0% ± 3.9%", "no drift"],
        ["12", "", "", "", "", "", "not tested: too few images: 12"],
        [
            "560",
            "0.3",
            "0.0001 *",
            "1e-30 *",
            "0.05",
            "74.0% ± 3.9%",
            "drift: features, brightness",
        ],
    ]


def test_a_model_without_features_has_a_dash_in_their_column():
    tested = replace(WEEKS[0].tested, p_values={"classes": 0.4})
    assert cells(replace(WEEKS[0], tested=tested))[1:3] == ["0.4", "-"]


def test_the_level_and_the_reference_are_named():
    assert basis(FOUND) == (
        "Version 4baf7865a8d8, compared with its 420 test and validation images (accuracy 80.0%). "
        "A p-value of at most 0.00024 is drift: 5% of false alarms a year, all tests together."
    )


def test_the_page_has_plot_lines_classes_and_notes_and_escapes_names():
    page = render(FOUND)
    assert page.count("<svg") == 1
    assert "drift: features, brightness" in page
    assert "&lt;melanoma&gt;" in page
    assert "<melanoma>" not in page
    assert "Classes in 2026-W48" in page
    assert "2 lines were skipped." in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_without_a_tested_period_the_page_has_no_classes():
    page = render(replace(FOUND, periods=WEEKS[1:2]))
    assert "not tested: too few images: 12" in page
    assert "Classes in" not in page


def test_the_artifact_has_the_picture_and_a_table_that_is_whole():
    text = as_markdown(FOUND)
    assert "](data:image/png;base64," in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {9}
    assert len(table) == 2 + 3


def test_json_has_every_period_and_can_be_written():
    value = json.loads(json.dumps(as_json(FOUND), allow_nan=False))
    assert [each["drifted"] for each in value["periods"]] == [False, False, True]
    assert value["periods"][2]["signals"] == ["features", "brightness"]
    assert value["periods"][2]["other_versions"] == 7
    assert value["periods"][2]["groups"] is None
    assert value["periods"][1]["not_tested"] == "too few images: 12"
    assert value["periods"][0]["not_tested"] is None
    assert value["reference"] == {"images": 420, "accuracy": 0.8, "shares": [0.71, 0.29]}


def test_the_plot_shows_a_tiny_p_value_at_its_lower_end():
    from matplotlib.figure import Figure

    figure = Figure()
    plot(FOUND).draw(figure)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert lines["brightness"].get_ydata()[2] == pytest.approx(1e-6)
    assert [label.get_text() for label in figure.axes[2].get_xticklabels()] == [
        week.name for week in WEEKS
    ]
