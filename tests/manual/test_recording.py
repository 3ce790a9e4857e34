"""A recording of a terminal: made, read, played on a screen, and drawn."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from manual.recording.cast import Cast, CastError, as_text, from_text, record
from manual.recording.screen import PLAIN, Screen, Style
from manual.recording.svg import Picture, draw, film
from tests.docs.documents import ROOT, read

CAST = ROOT / "manual/retrain.cast"
PICTURE = ROOT / "docs/images/retrain.svg"


def shown(text, width=10, height=3):
    """Return the lines of a screen after a text."""
    screen = Screen(width, height)
    screen.feed(text)
    return ["".join(letter for letter, _ in row) for row in screen.rows()]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one\r\ntwo", ["one", "two"]),
        ("one\rX", ["Xne"]),
        ("one\r\x1b[2Ktwo", ["two"]),
        ("one\x1b[1Atwo", ["onetwo"]),
        ("one\r\ntwo\x1b[1A\rX", ["Xne", "two"]),
        ("abcdefghijklm", ["abcdefghij", "klm"]),
        ("abc\r\x1b[K", [""]),
        ("1\r\n2\r\n3\r\n4", ["2", "3", "4"]),
        ("\x1b[?25lhidden\x1b[?25h  ", ["hidden"]),
    ],
    ids=["lines", "return", "erase", "up", "up and over", "wrap", "rest", "scroll", "cursor"],
)
def test_the_screen_after_a_text(text, lines):
    assert shown(text) == lines


def test_styles_of_letters():
    screen = Screen(20, 3)
    screen.feed("\x1b[1;33ma\x1b[0mb\x1b[38;5;237mc\x1b[38;2;1;2;255md\x1b[39;3me\x1b[38;5;184mf")
    styles = [style for _, style in screen.rows()[0]]
    assert styles == [
        Style("#d29922", bold=True),
        PLAIN,
        Style("#3a3a3a"),
        Style("#0102ff"),
        Style(italic=True),
        Style("#d7d700", italic=True),
    ]


@pytest.mark.parametrize("text", ["\x1b[2J", "\x07", "\x1b[7m", "\x1b]0;title"])
def test_what_the_screen_does_not_know_is_an_error(text):
    with pytest.raises(CastError, match="does not know"):
        shown(text)


def test_a_program_is_recorded_on_a_terminal_of_the_given_size(tmp_path):
    program = "import os, sys; print(sys.stdout.isatty(), *os.get_terminal_size(), 'é')"
    cast = record([sys.executable, "-c", program], width=50, height=7, cwd=tmp_path)
    assert (cast.width, cast.height) == (50, 7)
    assert "".join(text for _, text in cast.outputs) == "True 50 7 é\r\n"
    assert from_text(as_text(cast)) == cast


def test_a_program_that_fails_makes_no_recording(tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        record([sys.executable, "-c", "raise SystemExit(3)"], width=50, height=7, cwd=tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"version": 1, "width": 1, "height": 1}', "[1]", "nothing"]
)
def test_another_file_is_no_recording(text):
    with pytest.raises(CastError, match=r"recording of (asciinema's )?version"):
        from_text(text)


def test_the_pictures_of_a_film_have_short_pauses_and_no_flicker():
    cast = Cast(10, 2, ((0.0, "a"), (0.05, "b"), (5.0, "c"), (5.0, ""), (9.0, "d")))
    pictures = film(cast, longest_seconds=1, shortest_seconds=0.1, last_seconds=6)
    seen = ["".join(letter for letter, _ in picture.rows[0]) for picture in pictures]
    assert seen == ["ab", "abc", "abcd"]
    assert [round(picture.seconds, 2) for picture in pictures] == [1.05, 1, 6]


def test_a_drawing_is_xml_with_each_line_once_and_a_still_last_picture():
    row = (("<", Style("#ff0000", bold=True)), (" ", PLAIN), ("b", PLAIN))
    pictures = [Picture((row,), 1), Picture((row, (), row), 3)]
    svg = draw(pictures, width=10, height=4, title="a & b")
    tree = ElementTree.fromstring(svg)
    name = "{http://www.w3.org/2000/svg}"
    assert [text.text for text in tree.iter(f"{name}text")] == ["<", "b"]
    assert len(list(tree.iter(f"{name}use"))) == 3
    assert "25.00%{transform:translateY(-92px)}" in svg
    assert "prefers-reduced-motion:reduce){#film{animation:none}}" in svg
    assert "#film{transform:translateY(-92px);" in svg


def test_the_picture_of_readme_is_the_drawing_of_the_recording(tmp_path):
    command = [sys.executable, "-m", "manual.recording", "draw", str(CAST), str(tmp_path / "a.svg")]
    title = re.search(r"<title>(.+)</title>", PICTURE.read_text())[1]
    subprocess.run([*command, "--title", title], cwd=ROOT, check=True)
    assert (tmp_path / "a.svg").read_text() == PICTURE.read_text()
    assert PICTURE.stat().st_size < 300_000
    assert "docs/images/retrain.svg" in read("README.md")


def test_the_recording_says_what_readme_says_and_nothing_of_the_machine():
    text = CAST.read_text()
    assert not re.search(r"/(root|home|work|tmp)/", text)
    cast = from_text(text)
    lines = shown("".join(piece for _, piece in cast.outputs), cast.width, cast.height)
    assert any(re.match(r"│ accuracy +│ 98\.66% ", line) for line in lines)
    (total,) = re.findall(r"\(total 0:(\d\d):(\d\d)\)", "\n".join(lines))
    seconds = 60 * int(total[0]) + int(total[1])
    assert f"stages {seconds} s, 98.66 %" in read("README.md")
    assert "│ data              │ 1,797 images, 10 classes" in "\n".join(lines)
    assert "1,797 handwritten digits" in read("README.md")
