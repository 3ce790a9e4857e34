"""What `lradapt check` says about the last run's doubtful labels."""

from pathlib import Path

from lradapt.cli.doubtful import doubts_in_words, exclusion_in_words, open_doubts
from lradapt.data.doubtful_table import DoubtfulLabel, write_doubtful
from lradapt.data.labelled_image import LabelledImage
from lradapt.runtime.files import write_json

LINES = [
    DoubtfulLabel("b.png", "cat", "dog", "train", 0.1, 0.9, ""),
    DoubtfulLabel("a.png", "dog", "cat", "validation", 0.2, 0.8, ""),
    DoubtfulLabel("t.png", "dog", "cat", "test", 0.0, 1.0, ""),
]


def labels(**changed):
    now = {"a": "dog", "b": "cat", "t": "dog"} | changed
    return [LabelledImage(f"{image}.png", label) for image, label in now.items()]


def test_lines_whose_label_has_changed_or_that_are_of_test_images_are_not_open(tmp_path):
    write_doubtful(tmp_path / "list.csv", LINES)
    assert open_doubts(tmp_path / "list.csv", labels()) == LINES[:2]
    assert open_doubts(tmp_path / "list.csv", labels(b="dog")) == LINES[1:2]


def test_without_a_list_no_label_is_doubtful(tmp_path):
    assert open_doubts(tmp_path / "list.csv", labels()) == []


def test_the_sentence_has_the_number_the_first_ones_and_the_remedy():
    assert doubts_in_words(LINES[:2], Path("list.csv"), most=1) == (
        "labels to look at: 2 of the last run's list, the most doubtful b.png (cat, rather dog); "
        "all in list.csv; decide with `lradapt review`"
    )


def test_what_is_left_out_is_said_only_if_asked_for_with_the_number_of_the_last_run(tmp_path):
    summary = tmp_path / "summary.json"
    assert exclusion_in_words("keep", summary) == ""
    sentence = "doubtful_labels: exclude: training images of doubtful labels are left out"
    assert exclusion_in_words("exclude", summary) == sentence
    write_json(summary, {"policy": "keep", "excluded": 0})
    assert exclusion_in_words("exclude", summary) == sentence
    write_json(summary, {"policy": "exclude", "excluded": 1234})
    assert exclusion_in_words("exclude", summary) == f"{sentence}: 1,234 in the last run"
