"""`lradapt export labelstudio`: tasks with pre-annotations, which come back as labels."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from colour_model import COLOURS, colour_model, paint
from path_table import path_variables
from releases import release

from lradapt.cli import exit_codes
from lradapt.data.importing.from_labelstudio import label_labelstudio
from lradapt.data.labelled_image import LabelledImage as Label
from lradapt.inference.labelstudio import labelling_interface
from lradapt.registry import open_registry

NAMES = ("a/red 1.png", "b/gr\u00fcn.png", "blue&.png")


@pytest.fixture
def version(tmp_path, lradapt):
    """The version in production in a project of three pictures, two of one patient."""
    (tmp_path / "dvc.yaml").write_text(path_variables())
    for name, colour in zip(NAMES, COLOURS, strict=True):
        path = tmp_path / "data" / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        paint(path, colour)
    lines = [f"{NAMES[0]},x,p1", f"{NAMES[1]},x,p1", f"{NAMES[2]},x,"]
    (tmp_path / "data" / "labels.csv").write_text("\n".join(["image,label,group", *lines]))
    return release(open_registry("registry"), colour_model()).version


def test_each_image_is_a_task_with_its_class_probability_and_patient(lradapt, version):
    done = lradapt("export", "labelstudio", "--into", "tasks.json")
    assert (done.code, done.out.splitlines()) == (
        0,
        [
            "tasks.json: 3 tasks with predictions",
            "tasks.xml: the labelling interface of the project",
        ],
    )
    tasks = json.loads(Path("tasks.json").read_text())
    assert [task["data"] for task in tasks] == [
        {"image": "/data/local-files/?d=images/a/red%201.png", "group": "p1"},
        {"image": "/data/local-files/?d=images/b/gr%C3%BCn.png", "group": "p1"},
        {"image": "/data/local-files/?d=images/blue%26.png"},
    ]
    for task, colour in zip(tasks, COLOURS, strict=True):
        (prediction,) = task["predictions"]
        (result,) = prediction["result"]
        assert (prediction["model_version"], result["value"]) == (version, {"choices": [colour]})
        assert 1 / 3 < prediction["score"] <= 1


def test_what_a_person_accepts_comes_back_as_labels(lradapt, version):
    lradapt("export", "labelstudio", "--into", "tasks.json")
    tasks = json.loads(Path("tasks.json").read_text())
    for number, task in enumerate(tasks):
        accepted = task.pop("predictions")[0]["result"]
        task |= {"id": number, "annotations": [{"completed_by": 1, "result": accepted}]}
    Path("export.json").write_text(json.dumps(tasks))
    found = label_labelstudio(Path("export.json"), folder=Path("data/images"))
    assert found.labels == [
        Label(NAMES[0], "red", "p1"),
        Label(NAMES[1], "green", "p1"),
        Label(NAMES[2], "blue"),
    ]


def test_the_interface_names_the_controls_of_the_tasks_and_the_classes(lradapt, version):
    lradapt("export", "labelstudio", "--into", "tasks.json")
    view = ET.parse("tasks.xml").getroot()
    image, choices = view
    (task, *_) = json.loads(Path("tasks.json").read_text())
    (result,) = task["predictions"][0]["result"]
    assert (choices.tag, choices.get("name")) == ("Choices", result["from_name"])
    assert image.get("name") == choices.get("toName") == result["to_name"]
    assert image.get("value") == "$image"
    assert [choice.get("value") for choice in choices] == list(COLOURS)


def test_names_of_classes_cannot_end_the_interface():
    names = ['"/><x', "a & b", "<b>"]
    _, choices = ET.fromstring(labelling_interface(names))
    assert [choice.get("value") for choice in choices] == names


def test_an_image_that_cannot_be_decoded_is_left_out_and_named(lradapt, version):
    Path("data/images/bad.png").write_text("no picture")
    done = lradapt("export", "labelstudio", "--into", "tasks.json", "--json")
    assert done.code == exit_codes.DATA_FAULTS
    found = json.loads(done.out)
    assert (found["num_tasks"], list(found["left_out"])) == (3, ["data/images/bad.png"])
    assert len(json.loads(Path("tasks.json").read_text())) == 3
    text = lradapt("export", "labelstudio", "--into", "tasks.json").out
    assert "left out: 1 file(s) that cannot be decoded\n  - data/images/bad.png: not an" in text


def test_other_images_are_below_a_path_that_an_option_gives(lradapt, version):
    paint(Path("new.png"), "red")
    Path("elsewhere").mkdir()
    Path("new.png").rename("elsewhere/new.png")
    options = ["--images", "elsewhere", "--below-root", "/a/b/"]
    assert lradapt("export", "labelstudio", "--into", "tasks.json", *options).code == 0
    (task,) = json.loads(Path("tasks.json").read_text())
    assert task["data"] == {"image": "/data/local-files/?d=a/b/new.png"}


def test_the_tasks_do_not_overwrite_the_interface(lradapt, version):
    done = lradapt("export", "labelstudio", "--into", "tasks.xml")
    assert done.code == 1
    assert "give a name that ends in .json" in done.err
