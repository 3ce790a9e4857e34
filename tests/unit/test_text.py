"""Names of others cannot act on a terminal, a page or a spreadsheet."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from rich.table import Table
from rich.text import Text

from lradapt.cli.output import console, print_json
from lradapt.data.labelled_image import LabelledImage as Label
from lradapt.data.labels import read_labels, write_labels
from lradapt.evaluation.metrics import write_confusion, write_predictions
from lradapt.plots.confusion import confusion_plot
from lradapt.reporting.class_figures import read_confusion
from lradapt.reporting.markdown import escaped
from lradapt.reporting.pages import render_page
from lradapt.text import from_table_cell, printable, shortened, table_cell, unsafe_letters

HOSTILE = "a\x1b[31m\nb\x9b2J\u202ec\u2028d\x7f\r"
ESCAPED = r"a\x1b[31m\nb\x9b2J\u202ec\u2028d\x7f\r"


def test_controls_are_escaped_and_letters_stay():
    assert printable(HOSTILE) == ESCAPED
    assert printable("Äpfel 猫 \N{PILE OF POO} [b]") == "Äpfel 猫 \N{PILE OF POO} [b]"
    assert printable("a\nb\x1b", keep="\n") == "a\nb\\x1b"
    assert printable("\udcff") == r"\udcff"


def test_the_letters_are_named_once():
    assert unsafe_letters("\x1b[31m\x1b[0m\n") == [r"\x1b", r"\n"]
    assert unsafe_letters("Äpfel") == []


@pytest.mark.parametrize(
    "text", ["=cmd|'/c calc'!A1", "+SUM(A1)", "-1+1", "@x", "-a", "=1+1", "=HYPERLINK(1)"]
)
def test_a_formula_is_text_in_a_table(text):
    assert table_cell(text) == f"'{text}"
    assert from_table_cell(table_cell(text)) == text


@pytest.mark.parametrize("text", ["a.png", "-1", "+1.5", "-1e3", "'quoted'", "", "a=b"])
def test_other_text_stays_as_it_is_in_a_table(text):
    assert from_table_cell(table_cell(text)) == table_cell(text) == text


def test_long_names_lose_their_middle():
    assert shortened("a" * 60) == "a" * 60
    short = shortened("b" + "a" * 300 + "c")
    assert (len(short), short[0], short[-1], short.count("...")) == (60, "b", "c", 1)


def test_the_terminal_gets_no_control_of_a_name(capsys):
    table = Table("name")
    table.add_row(Text(HOSTILE))
    console().print(table)
    console().print(HOSTILE)
    output = capsys.readouterr().out
    assert unsafe_letters(output.replace("\n", "")) == []
    assert r"\x1b[31m" in output


def test_colours_of_our_own_stay(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    console().print(Text("red \x1b[32m", style="red"))
    assert capsys.readouterr().out == "\x1b[31mred \\x1b[32m\x1b[0m\n"


def test_json_has_no_control_and_the_same_value(capsys):
    value = {HOSTILE: [HOSTILE, 1.5, None, "Äpfel"]}
    print_json(value)
    output = capsys.readouterr().out
    assert json.loads(output) == value
    assert unsafe_letters(output.replace("\n", "")) == []
    assert "Äpfel" in output


def test_markdown_has_no_control_of_a_name():
    assert escaped("a|b\n\x1b[0m") == r"a\|b\\n\\x1b\[0m"


def test_a_page_has_no_control_of_a_name():
    class Checked:
        num_images, num_usable, stops, refusal = 1, 1, True, f"x {HOSTILE}"

    page = render_page("check.html.jinja", checked=Checked, kinds=[])
    assert unsafe_letters(page.replace("\n", "")) == []
    assert r"a\x1b[31m" in page


def test_the_tables_of_a_report_have_no_formula_and_are_read_back(tmp_path):
    names = ["=cmd", "-1", "a"]
    write_confusion(tmp_path / "confusion.csv", np.eye(3, dtype=np.int64), names)
    assert "\n=cmd" not in (tmp_path / "confusion.csv").read_text()
    counts = read_confusion(tmp_path / "confusion.csv")
    assert (list(counts.index), list(counts.columns)) == (names, names)
    path = tmp_path / "predictions.csv"
    images = ["=1+1.png", "b\n.png", "c.png"]
    write_predictions(path, images, np.eye(3), np.arange(3), names)
    found = pd.read_csv(path, dtype=str)
    assert list(found["image"]) == ["'=1+1.png", r"b\n.png", "c.png"]
    assert list(found["label"]) == ["'=cmd", "-1", "a"]


def test_labels_keep_their_text(tmp_path):
    labels = [Label("=1+1.png", "=cmd"), Label("@a.png", "+b")]
    write_labels(tmp_path / "labels.csv", labels)
    assert read_labels(tmp_path / "labels.csv") == labels
    rows = list(csv.reader(io.StringIO((tmp_path / "labels.csv").read_text())))
    assert rows[1:] == [["=1+1.png", "=cmd"], ["@a.png", "+b"]]


def test_a_plot_shortens_long_names():
    names = ["x" * 300, "b"]
    text = confusion_plot(np.eye(2, dtype=np.int64), names, "t").svg(alt="t")
    assert "x" * 50 not in text
    assert "xxx...xxx" in text
