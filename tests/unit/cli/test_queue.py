"""`lradapt queue`: from a record to a queue, in a small project."""

import csv
import hashlib
import json
import shutil
from datetime import timedelta

import numpy as np
import pytest
from recorded_answers import HEADER, NOON, answered
from reviewed_project import write_project

from lradapt.data.split_table import read_split
from lradapt.recording.lines import answer_line
from lradapt.recording.segment import Segment


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    return folder


@pytest.fixture
def project(made_once, lradapt, tmp_path):
    """The small project in the current folder."""
    shutil.copytree(made_once, tmp_path, dirs_exist_ok=True)
    return tmp_path


def write_record(folder, count=30, *, images=True, header=HEADER, start=0, group=lambda _: ""):
    """Write answers to images `start` and on, of random features; `unlike` grows."""
    random = np.random.default_rng(start)
    segment = Segment(folder, header, NOON)
    for number in range(start, start + count):
        content = b"\x89PNG image %d" % number
        sha256 = hashlib.sha256(content).hexdigest()
        if images:
            segment.keep_image(f"{sha256}.png", content)
        sure = 0.5 + number / 1000
        line = answered(
            number % 500,
            sha256=sha256,
            probabilities=np.array([sure, 1 - sure], np.float32),
            features=random.normal(size=3).astype(np.float32),
            unlike=number / 100,
            group=group(number),
        )
        segment.append(answer_line(line))
    segment.close()


def queue_of(project):
    with (project / "data/queue/queue.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_picked_images_are_copied_with_the_answer_of_the_model(lradapt, project):
    write_record(project / "record")
    said = lradapt("queue", "record", "--count", 10)
    assert said.code == 0
    assert "30 answers of version 4baf7865a8d8, 30 images that are new and kept" in said.out
    assert "picked: 10 (1 by chance, 5 least sure, 4 least like training)" in said.out
    assert "fewer than" not in said.out
    lines = queue_of(project)
    assert [line["kind"] for line in lines[:3]] == ["random", "unsure", "unlike"]
    for line in lines:
        content = (project / "data/queue" / line["file"]).read_bytes()
        assert line["file"] == f"{hashlib.sha256(content).hexdigest()}.png"
        assert (line["proposed"], line["next"]) == ("nevus", "melanoma")
        assert line["answered"].startswith("2026-11-29T12:00:")


def test_a_second_queue_has_other_images_and_keeps_the_first(lradapt, project):
    write_record(project / "record")
    lradapt("queue", "record", "--count", 10)
    first = queue_of(project)
    lradapt("queue", "record", "--count", 10)
    both = queue_of(project)
    assert both[:10] == first
    assert len({line["file"] for line in both}) == len(both) == 20


def test_images_of_the_project_are_not_picked(lradapt, project):
    write_record(project / "record", 3)
    table = project / "build/ingest/images.csv"
    known = hashlib.sha256(b"\x89PNG image 1").hexdigest()
    some = hashlib.sha256((project / "data/images/case 01.png").read_bytes()).hexdigest()
    assert some in table.read_text()
    table.write_text(table.read_text().replace(some, known))
    lradapt("queue", "record")
    assert len(queue_of(project)) == 2
    assert known not in (project / "data/queue/queue.csv").read_text()


def test_the_group_of_the_record_goes_into_the_queue(lradapt, project):
    write_record(project / "record", group=lambda number: f"{number // 3:016x}")
    lradapt("queue", "record", "--count", 5)
    lines = queue_of(project)
    for line in lines:
        assert line["group"] == f"{number_of(project, line) // 3:016x}"
    assert len({line["group"] for line in lines}) == len(lines) == 5


def number_of(project, line):
    return int((project / "data/queue" / line["file"]).read_bytes().split()[-1])


@pytest.mark.parametrize("why", ["measured", "drawn"])
def test_a_group_on_which_models_are_measured_gives_images_by_chance_alone(lradapt, project, why):
    """It is in the test split, or the first queue had an image of it by chance."""

    def kinds(record):
        shutil.rmtree(project / "data/queue", ignore_errors=True)
        lradapt("queue", record, "--count", 1)
        lradapt("queue", record, "--count", 59)
        return {number_of(project, line): line["kind"] for line in queue_of(project)}

    write_record(project / "alone", 60)
    before = kinds("alone")
    first = next(iter(before))
    chosen = [number for number, kind in before.items() if kind != "random"][:5]
    split = read_split(project / "build/split/split.csv")
    measured = next(image.group for image in split if image.split == "test")
    name, members = (measured, chosen) if why == "measured" else ("g", [first, *chosen])
    write_record(project / "grouped", 60, group=lambda n: name if n in members else "")
    after = kinds("grouped")
    assert len(chosen) == 5
    assert first in after
    assert not set(chosen) & after.keys()


def test_a_span_limits_the_answers(lradapt, project):
    write_record(project / "record", 10)
    since = (NOON + timedelta(seconds=7)).isoformat()
    said = lradapt("queue", "record", "--since", since, "--json")
    assert len(json.loads(said.out)) == 3
    assert lradapt("queue", "record", "--until", "2026-11-01").code == 1


def test_answers_of_the_latest_version_are_taken_or_of_the_named_one(lradapt, project):
    from dataclasses import replace

    write_record(project / "record", 5)
    write_record(project / "record", 5, header=replace(HEADER, version="other"), start=100)
    first = json.loads(lradapt("queue", "record", "--json").out)
    assert {line["version"] for line in first} == {"other"}
    second = json.loads(lradapt("queue", "record", "--json", "--version", HEADER.version).out)
    assert {line["version"] for line in second} == {HEADER.version}
    said = lradapt("queue", "record", "--version", "none")
    assert "no answers of version none in this span, but of 4baf7865a8d8, other" in said.err


def test_an_image_that_is_damaged_in_the_record_is_left_out(lradapt, project):
    write_record(project / "record", 3)
    damaged = next((project / "record/images").rglob("*.png"))
    damaged.write_bytes(b"other")
    said = lradapt("queue", "record")
    assert len(queue_of(project)) == 2
    assert "fewer than 3, since the others are nearly the same" in said.out


def test_a_record_without_images_is_an_error_with_the_remedy(lradapt, project):
    write_record(project / "record", images=False)
    said = lradapt("queue", "record")
    assert said.code == 1
    assert "no images of them: serve with --record-images" in said.err
    assert not (project / "data/queue").exists()


def test_a_record_that_is_empty_is_an_error(lradapt, project):
    said = lradapt("queue", "nothing")
    assert said.code == 1
    assert "nothing has no answers in this span: expected a record that `lradapt serve" in said.err


def test_outside_a_project_the_message_says_so(lradapt):
    assert "no dvc.yaml: run from the folder" in lradapt("queue", "record").err
