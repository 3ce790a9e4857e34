"""`lradapt import` as a person types it: what it says, and what it leaves."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from colour_model import colour_model
from path_table import path_variables
from safetensors.torch import save
from typer.testing import CliRunner

from lradapt.cli import exit_codes, importing, param_choices
from lradapt.config.import_choices import ParamChoice
from lradapt.config.import_recipe import pretrained_recipe
from lradapt.config.yaml_files import read_yaml
from lradapt.data.importing.source_labels import SourceLabels
from lradapt.data.labelled_image import LabelledImage as Label
from lradapt.data.labels import read_labels
from lradapt.errors import DataError, ParamsError
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import Origin, read_origin
from lradapt.networks.champion import read_champion
from lradapt.networks.classifier import build
from lradapt.networks.known import backbone_facts
from lradapt.registry import open_registry

REPOSITORY = Path(__file__).parents[3]
SHIPPED = (REPOSITORY / "params.yaml").read_text()
ENOUGH = tuple(f"{name}/{n}.png" for name in ("cat", "dog") for n in range(4))
PATHS = path_variables(backbone="data/backbone", champion="data/champion")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project with a backbone, which is where commands run."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "dvc.yaml").write_text(PATHS)
    (folder / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    (folder / "data" / "backbone").write_text("weights")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """Stands in the measurement of the engine; a list of the params that it got."""
    asked = []

    def measure(params, values):
        asked.append(params)
        return [ParamChoice("engine.threads", 3, "measured")]

    monkeypatch.setattr(param_choices, "_measured", measure)
    known = backbone_facts("resnet18")
    monkeypatch.setattr("lradapt.config.photo_backbone.photo_backbone", lambda: (known, "known"))
    return asked


@pytest.fixture
def source(tmp_path, random_image):
    """A function: pictures of this size and mode at these names."""

    def make(*names, size=(20, 16), mode="L"):
        for seed, name in enumerate(names):
            path = tmp_path / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            random_image(seed, size).convert(mode).save(path)
        return tmp_path / "source"

    return make


def lradapt_import(*arguments):
    """What the command prints; its errors arise as they are."""
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(importing.app, words, catch_exceptions=False).output


def test_folder_says_what_it_brought_and_what_comes_next(project, source):
    folder = source("cat/1.png", "cat/2.png", "dog/1.png")
    (folder / "[b]README").write_text("x")
    assert lradapt_import("folder", folder).splitlines() == [
        f"{folder}: 3 images",
        "  read as CLASS/IMAGE",
        "class  images  example  ",
        "cat         2  cat/1.png",
        "dog         1  dog/1.png",
        "data/images: 3 images, 2 classes",
        "data/labels.csv: cat 2, dog 1",
        "left behind: 1 file(s) without a label or hidden, such as [b]README",
        "next: make retrain     (or by hand: dvc add data/images data/labels.csv data/backbone "
        "data/champion && dvc repro)",
    ]
    assert len(read_labels(project / "data" / "labels.csv")) == 3


def test_a_fault_of_params_yaml_is_reported_before_anything_is_replaced(project, source):
    lradapt_import("folder", source("a/1.png", "b/2.png"))
    before = {path: path.read_bytes() for path in (project / "data").rglob("*.*")}
    assert before
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("seed: 0", "seed: banana"))
    with pytest.raises(ParamsError, match="seed"):
        lradapt_import("folder", source("a/3.png"), "--replace")
    assert {path: path.read_bytes() for path in (project / "data").rglob("*.*")} == before


def test_images_that_are_there_are_not_replaced_unasked(project, source):
    folder = source("cat/1.png", "dog/1.png")
    lradapt_import("folder", folder)
    before = (project / "data" / "labels.csv").read_text()
    source("owl/1.png")
    with pytest.raises(DataError, match="data/images exists already; --replace"):
        lradapt_import("folder", folder)
    assert (project / "data" / "labels.csv").read_text() == before
    lradapt_import("folder", folder, "--replace")
    assert (project / "data" / "images" / "owl" / "1.png").exists()


@pytest.mark.parametrize(
    "what",
    [
        *("folder", "table", "imagefolder", "labelstudio", "cvat", "coco"),
        *("digits", "cifar10", "solar-cells"),
    ],
)
def test_no_command_replaces_images_unasked(project, what):
    (project / "data" / "images").mkdir()
    columns = ["--images", "x", "--image-column", "x", "--label-column", "x"]
    arguments = {"folder": ["x"], "table": ["x", *columns], "imagefolder": ["x"]}
    arguments |= {"labelstudio": ["x"], "coco": ["x"], "cvat": ["."]}
    with pytest.raises(DataError, match="data/images exists already; --replace"):
        lradapt_import(what, *arguments.get(what, []))


def test_what_was_understood_is_shown_before_anything_is_imported(project, source, monkeypatch):
    def refused(*_, **__):
        raise DataError("no room")

    monkeypatch.setattr("lradapt.data.importing.importers.import_files", refused)
    splits = ("Training", "Testing")
    folder = source(*(f"{top}/{name}/{n}.png" for top in splits for name in "ab" for n in (1, 2)))
    result = CliRunner().invoke(importing.app, ["folder", str(folder)])
    assert isinstance(result.exception, DataError)
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        f"{folder}: 8 images",
        "  read as SPLIT/CLASS/IMAGE; 'Testing' is test, 'Training' is train",
        "class  images  train  test  example",
        "a           4      2     2  Testing/a/1.png",
        "b           4      2     2  Testing/b/1.png",
    ]


def test_options_choose_the_reading_of_a_folder(project, source):
    folder = source(*(f"{top}/{name}/{n}.png" for top in "xy" for name in "ab" for n in (1, 2)))
    with pytest.raises(DataError, match="--split x=train --split y=test"):
        lradapt_import("folder", folder)
    lradapt_import("folder", folder, "--split", "x=train", "--split", "y=test")
    splits = {label.split for label in read_labels(project / "data" / "labels.csv")}
    assert splits == {"train", "test"}
    assert "any is" not in lradapt_import("folder", folder, "--layout", "any/class", "--replace")
    assert {label.split for label in read_labels(project / "data" / "labels.csv")} == {""}


GOOD = [f"{name}/{n}.png" for name in ("cat", "dog") for n in range(4)]


@pytest.fixture
def one_class(tmp_path, random_image):
    """A table whose images are all of one class."""
    folder = tmp_path / "one"
    folder.mkdir()
    for seed in range(3):
        random_image(100 + seed).save(folder / f"{seed}.png")
    (tmp_path / "one.csv").write_text("image,label\n0.png,owl\n1.png,owl\n2.png,owl\n")
    return ["table", tmp_path / "one.csv", "--images", folder]


def imported(*arguments):
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(importing.app, words)


@pytest.mark.parametrize("broken", ["one class", "one image a class", "no image"])
def test_good_data_are_never_replaced_by_what_a_training_refuses(
    project, source, one_class, tmp_path, broken
):
    lradapt_import("folder", source(*GOOD))
    before = {path: path.read_bytes() for path in (project / "data").rglob("*") if path.is_file()}
    source = tmp_path / "worse"
    for name in ("ant", "bee"):
        (source / name).mkdir(parents=True)
        text = tmp_path / "source" / "cat" / ("1.png" if name == "ant" else "2.png")
        (source / name / "1.png").write_bytes(
            text.read_bytes() if broken == "one image a class" else b"no picture"
        )
    arguments = one_class if broken == "one class" else ["folder", source]
    with pytest.raises(DataError, match="data/images was not replaced: a training is possible on"):
        lradapt_import(*arguments, "--replace")
    after = {path: path.read_bytes() for path in (project / "data").rglob("*") if path.is_file()}
    assert after == before


def test_the_first_data_are_imported_even_so_and_the_exit_code_tells(project, one_class):
    result = imported(*one_class)
    assert result.exit_code == exit_codes.DATA_FAULTS
    assert "a training would be refused: expected at least 2 classes with usable" in result.stdout
    assert "make retrain" not in result.stdout
    assert len(read_labels(project / "data" / "labels.csv")) == 3


def test_data_that_a_training_refuses_may_be_replaced_by_others(project, source, one_class):
    imported(*one_class)
    assert imported("folder", source(*GOOD), "--replace").exit_code == 0
    assert imported("folder", source(*GOOD), "--replace").exit_code == 0


def test_as_json_an_import_says_why_a_training_would_be_refused(project, one_class):
    result = imported(*one_class, "--json")
    assert result.exit_code == exit_codes.DATA_FAULTS
    assert json.loads(result.stdout)["refusal"].startswith("expected at least 2 classes")


def test_table_takes_its_columns_by_name(project, source, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("id,dx,lesion\na,mel,1\nb,nv,2\n")
    options = ["--image-column", "id", "--label-column", "dx", "--group-column", "lesion"]
    output = lradapt_import("table", table, "--images", source("a.jpg", "b.jpg", "c.jpg"), *options)
    assert "left behind: 1 file(s) without a label or hidden, such as c.jpg" in output
    assert read_labels(project / "data" / "labels.csv") == [
        Label("a.jpg", "mel", "1"),
        Label("b.jpg", "nv", "2"),
    ]


def test_an_archive_of_cvat_is_unpacked_and_named(project, source, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "task"), "zip", source(*ENOUGH, "no_label/x.png"))
    output = lradapt_import("cvat", archive).splitlines()
    assert output[0] == f"{archive}: 8 images"
    assert output[2] == "  1 image(s) without a label are left out"
    assert "data/labels.csv: cat 4, dog 4" in output
    assert len(read_labels(project / "data" / "labels.csv")) == 8


def test_a_coco_file_gives_the_model_card_its_licence(project, source):
    folder = source(*ENOUGH)
    licence = {"id": 1, "name": "CC BY 4.0"}
    rows = [{"id": n, "file_name": name, "license": 1} for n, name in enumerate(ENOUGH)]
    joins = [{"image_id": n, "category_id": n // 4} for n in range(8)]
    names = [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]
    content = {"images": rows, "annotations": joins, "categories": names, "licenses": [licence]}
    (folder / "coco.json").write_text(json.dumps(content))
    assert "data/labels.csv: cat 4, dog 4" in lradapt_import("coco", folder / "coco.json")
    assert read_yaml(Path("params.yaml"))["card"]["data_licence"] == "CC BY 4.0"


def test_an_imagefolder_keeps_its_splits(project, source):
    names = [f"{split}/{n}.png" for split in ("train", "test") for n in range(4)]
    folder = source(*names)
    for split in ("train", "test"):
        lines = [f"{n}.png,{'cat' if n % 2 else 'dog'}" for n in range(4)]
        (folder / split / "metadata.csv").write_text("\n".join(["file_name,kind", *lines]))
    output = lradapt_import("imagefolder", folder, "--label-column", "kind")
    assert "data/labels.csv: dog 4, cat 4" in output
    assert {each.split for each in read_labels(Path("data/labels.csv"))} == {"train", "test"}


def test_annotators_of_label_studio_are_kept_and_a_tie_is_shown(project, source):
    folder = source(*ENOUGH)

    def annotation(who, label):
        value = {"choices": [label]}
        return {
            "completed_by": who,
            "result": [{"type": "choices", "from_name": "a", "value": value}],
        }

    tasks = [
        {"id": n, "data": {"image": name}, "annotations": [annotation(1, name.split("/")[0])]}
        for n, name in enumerate(ENOUGH)
    ]
    tasks[0]["annotations"].append(annotation(2, "dog"))
    (folder / "export.json").write_text(json.dumps(tasks))
    output = lradapt_import("labelstudio", folder / "export.json")
    assert "(annotators are tied)       1  cat/0.png" in output
    assert "data/labels.csv: dog 4, cat 3\n" in output
    lines = (project / "data" / "labels.csv").read_text().splitlines()
    assert lines[:4] == [
        "image,label,annotator",
        "cat/0.png,cat,1",
        "cat/0.png,dog,2",
        "cat/1.png,cat,1",
    ]


@pytest.mark.parametrize("present", ["images", "images.dvc"])
def test_digits_unless_present_leaves_images_alone(project, present):
    (project / "data" / present).mkdir()
    assert lradapt_import("digits", "--unless-present") == ""
    assert sorted(path.name for path in (project / "data").iterdir()) == sorted(
        ["backbone", present]
    )


def test_digits_unless_present_brings_them_where_there_are_none(project, monkeypatch, source):
    def stand_in(*, images, labels):
        source("a/1.png").rename(images)
        found = [Label(f"{n}.png", str(n % 10)) for n in range(1797)]
        return SourceLabels(Path(), found, [f"{n}.txt" for n in range(1200)])

    monkeypatch.setattr("lradapt.data.importing.importers.import_digits", stand_in)
    output = lradapt_import("digits", "--unless-present").splitlines()
    assert output[0] == "data/images: 1,797 images, 10 classes"
    assert output[2] == "left behind: 1,200 file(s) without a label or hidden, such as 0.txt"


def test_cifar10_keeps_its_download_in_the_given_folder(project, monkeypatch, tmp_path, source):
    caches = []

    def few(*, cache, images, labels):
        caches.append(cache)
        source("a/1.png").rename(images)
        return SourceLabels(Path(), [Label("a/1.png", "a")], [])

    monkeypatch.setattr("lradapt.data.importing.importers.import_cifar10", few)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "data/images: 1 images, 1 classes" in lradapt_import("cifar10", "--cache", "~/kept")
    assert caches == [tmp_path / "kept"]


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_solar_cells_show_their_licence(project, monkeypatch, tmp_path, source, option):
    def few(*, cache, images, labels):
        assert cache == tmp_path / "kept"
        source("a/1.png").rename(images)
        return SourceLabels(images, [Label("a/1.png", "a")], [], ("licence: no commercial use",))

    monkeypatch.setattr("lradapt.data.importing.solar_cells.import_solar_cells", few)
    monkeypatch.setenv("HOME", str(tmp_path))
    output = lradapt_import("solar-cells", "--cache", "~/kept", *option)
    assert "licence: no commercial use" in output


def test_more_than_twelve_classes_are_cut_short(project, source):
    output = lradapt_import("folder", source(*(f"class{n:02d}/1.png" for n in range(14))))
    assert "class11 1 ..." in output
    assert "... and 2 more" in output
    assert "class12" not in output


def test_twelve_classes_are_all_named(project, source):
    output = lradapt_import("folder", source(*(f"class{n:02d}/1.png" for n in range(12))))
    assert "class10 1, class11 1\n" in output


def test_files_of_which_none_is_an_image_are_brought_without_advice(project, source):
    folder = source("cat/1.png", "dog/1.png")
    for path in folder.rglob("*.png"):
        path.write_text("text")
    output = lradapt_import("folder", folder)
    assert "data/images: 2 images, 2 classes" in output
    assert Path("params.yaml").read_text() == SHIPPED


def test_files_that_are_no_images_do_not_stop_the_choices(project, source):
    folder = source("cat/1.png", "dog/1.png", size=(90, 64))
    (folder / "cat" / "0.png").write_text("text")
    (folder / "cat" / "2.png").write_bytes((folder / "cat" / "1.png").read_bytes()[:200])
    assert "data.input_size: 24 -> 96: the shorter sides" in lradapt_import("folder", folder)


def test_without_a_backbone_one_is_sought(project, source, monkeypatch):
    (project / "data" / "backbone").unlink()
    sought = []

    def stand_in(choice, architecture, into):
        sought.append((choice, architecture.name, str(into)))
        return Origin("resnet18", "none", "random weights")

    monkeypatch.setattr("lradapt.networks.backbone.import_backbone", stand_in)
    output = lradapt_import("folder", source("cat/1.png", "dog/1.png"))
    assert sought == [("auto", "resnet18", "data/backbone")]
    assert "data/backbone: resnet18, none (random weights)\n" in output


def test_as_json_an_import_says_what_it_brought(project, source):
    source("cat/1.png", "cat/2.png", "dog/1.png", size=(64, 48))
    folder = source(".hidden/1.png")
    own = SHIPPED.replace("input_size: 24\n  fit", "input_size: 32\n  fit")
    Path("params.yaml").write_text(own)
    backbone_from("none")
    result = CliRunner().invoke(importing.app, ["folder", str(folder), "--json"])
    output = json.loads(result.stdout)
    assert result.stderr.splitlines()[1:3] == ["  read as CLASS/IMAGE", "class  images  example  "]
    assert [(c["key"], c["before"], c["value"], c["state"]) for c in output.pop("choices")] == [
        ("card.data_licence", "", "", "same"),
        ("model.architecture", "resnet18", "resnet18", "same"),
        ("data.fit", "crop", "crop", "same"),
        ("augment.horizontal_flip", False, True, "changed"),
        ("imbalance", "none", "none", "same"),
        ("data.mean", [0.485, 0.456, 0.406], [0.485, 0.456, 0.406], "same"),
        ("data.deviation", [0.229, 0.224, 0.225], [0.229, 0.224, 0.225], "same"),
        ("data.input_size", 32, 96, "yours"),
        ("finetune.batch_size", 64, 16, "changed"),
        ("model.reads", "last", "last", "same"),
        ("train_head.method", "sgd", "sgd", "same"),
        ("finetune.optimizer", "sgd", "sgd", "same"),
        ("finetune.num_cycles", 3, 3, "same"),
        ("finetune.first_cycle_epochs", 1, 1, "same"),
        ("finetune.cycle_growth", 2, 2, "same"),
        ("finetune.batchnorm", "batch", "batch", "same"),
        ("finetune.choose_by", "balanced_accuracy", "balanced_accuracy", "same"),
        ("finetune.stop", "never", "never", "same"),
        ("finetune.lower_rates", 0, 0, "same"),
        ("find_body_lr.start_lr", 1e-3, 1e-3, "same"),
        ("find_body_lr.end_lr", 10.0, 10.0, "same"),
        ("find_body_lr.num_steps", 40, 40, "same"),
        ("find_body_lr.num_sweeps", 4, 4, "same"),
        ("find_body_lr.rule", "edge", "edge", "same"),
        ("body_rates.source", "given", "given", "same"),
        ("body_rates.rates", [3e-3, 1e-2, 3e-2], [3e-3, 1e-2, 3e-2], "same"),
        ("engine.threads", 2, 3, "changed"),
    ]
    (advice,) = output.pop("advice")
    assert advice.startswith("data.input_size stays 32 (as params.yaml has it); suggested is 96:")
    assert output == {
        "images": "data/images",
        "labels": "data/labels.csv",
        "num_images": 3,
        "classes": {"cat": 2, "dog": 1},
        "left_behind": [".hidden/1.png"],
        "notes": ["read as CLASS/IMAGE"],
        "refusal": "",
        "backbone": None,
    }


def test_as_json_digits_that_were_there_are_null(project):
    (project / "data" / "images").mkdir()
    assert lradapt_import("digits", "--unless-present", "--json") == "null\n"


def test_as_json_weights_say_where_they_lie_and_whose_they_are(project, monkeypatch):
    origin = Origin("resnet18", "none", "random weights")
    monkeypatch.setattr("lradapt.networks.backbone.import_backbone", lambda *_: origin)
    assert json.loads(lradapt_import("weights", "none", "--json")) == {
        "path": "data/backbone",
        "architecture": "resnet18",
        "source": "none",
        "detail": "random weights",
        "licence": "",
        "advice": "",
        "choices": [],
    }


def test_random_weights_are_brought_with_a_warning(project):
    first, warning = lradapt_import("weights", "none").splitlines()
    assert first == "data/backbone: resnet18, none (random weights)"
    assert warning.startswith("The backbone has random weights. For photographs ImageNet weights")
    assert read_origin(project / "data" / "backbone") == Origin(
        "resnet18", "none", "random weights"
    )


def test_weights_of_a_file_are_brought_without_a_warning(project, tmp_path):
    torch.save(build(ARCHITECTURES["resnet18"], num_classes=3).state_dict(), tmp_path / "mine.pt")
    output = lradapt_import("weights", tmp_path / "mine.pt")
    origin = read_origin(project / "data" / "backbone")
    assert origin.detail == "mine.pt"
    assert output == f"data/backbone: resnet18, {origin.source} (mine.pt)\n"


def test_champion_brings_the_model_in_production(project):
    registry = open_registry("registry")
    files = {
        "model.onnx": colour_model(("red", "blue", "green")),
        "model.safetensors": save({"fc.bias": torch.zeros(3)}),
        "trained_on.csv": b"pixel_sha256,group\n",
    }
    version = registry.publish(files, {})
    registry.promote(version, over=None, kind="promotion", reason="it is the first")
    output = lradapt_import("champion")
    champion, _ = read_champion(project / "data/champion", "colours")
    assert output == f"data/champion: colours, version {version}\n"
    assert champion.class_names == ("red", "blue", "green")


def line_of(key):
    found = [line for line in Path("params.yaml").read_text().splitlines() if f"  {key}:" in line]
    return found[0].strip()


def test_an_import_chooses_how_images_become_squares_and_says_why(project, source):
    output = lradapt_import("folder", source("cat/1.png", "dog/1.png", size=(48, 160)))
    assert "data.fit: crop -> squash: 100% of the images have" in " ".join(output.split())
    assert line_of("fit").startswith("fit: squash # crop, pad or squash: how")
    lradapt_import("folder", source("cat/1.png", "dog/1.png"), "--replace")
    assert Path("params.yaml").read_text() == SHIPPED


@pytest.mark.parametrize("line", ["fit: crop", "fit: pad # mine"])
def test_the_fit_that_a_person_has_set_stays(project, source, line):
    path = Path("params.yaml")
    path.write_text(
        path.read_text().replace(line_of("fit"), line).replace("  data.fit: crop\n", "")
    )
    output = lradapt_import("folder", source("cat/1.png", "dog/1.png", size=(48, 160)))
    assert line_of("fit") == line
    assert (
        f"data.fit stays {line.split()[1]} (as params.yaml has it); suggested is squash" in output
    )


def test_photographs_get_values_of_their_own_and_the_engine_is_measured_with_them(
    project, source, measured
):
    lradapt_import("folder", source(*ENOUGH, size=(100, 90), mode="RGB"))
    (params,) = measured
    assert (params.data.input_size, params.augment.horizontal_flip) == (96, True)
    values = read_yaml(Path("params.yaml"))
    assert (values["data"]["input_size"], values["engine"]["threads"]) == (96, 3)


def test_with_keep_params_values_are_suggested_and_none_is_written_or_measured(
    project, source, measured
):
    folder = source(*ENOUGH, size=(100, 90))
    output = lradapt_import("folder", folder, "--keep-params")
    assert "data.input_size stays 24 (--keep-params); suggested is 96: the shorter" in output
    assert Path("params.yaml").read_text() == SHIPPED
    assert not measured


def test_an_engine_that_a_person_has_set_is_not_measured(project, source, measured):
    own = SHIPPED
    for key in ("threads: 2", "precision: fp32", "memory_format: channels_last"):
        own = own.replace(f"  engine.{key}\n", "")
    Path("params.yaml").write_text(own)
    output = lradapt_import("folder", source(*ENOUGH, size=(100, 90)))
    assert "data.input_size: 24 -> 96" in output
    assert not measured


def test_without_a_training_the_engine_is_not_measured(project, source, measured):
    output = lradapt_import("folder", source("cat/1.png", "dog/1.png", size=(100, 90)))
    assert "a training would be refused" in output
    assert not measured


def test_the_digits_leave_params_yaml_as_it_is(project):
    output = lradapt_import("digits")
    assert Path("params.yaml").read_text() == SHIPPED
    assert "params.yaml" not in output


@pytest.fixture
def best(monkeypatch):
    """Another network for photographs, of which weights can be had."""
    best = replace(
        backbone_facts("resnet34"), mean=(0.5,) * 3, deviation=(0.25,) * 3, least_size=112
    )
    monkeypatch.setattr(
        "lradapt.config.photo_backbone.photo_backbone", lambda: (best, "it is best")
    )
    monkeypatch.setattr("lradapt.config.photo_backbone.facts_of", {"resnet34": best}.get)
    return best


def backbone_from(source, architecture="resnet18"):
    origin = Origin(architecture, source, "")
    note = {"lradapt.origin": json.dumps(asdict(origin))}
    Path("data/backbone").write_bytes(save({"fc.bias": torch.zeros(3)}, note))


def imported_weights(monkeypatch, source="imagenet"):
    sought = []

    def stand_in(choice, architecture, into):
        sought.append(architecture.name)
        backbone_from(source, architecture.name)
        return Origin(architecture.name, source, "of a package")

    monkeypatch.setattr("lradapt.networks.backbone.import_backbone", stand_in)
    return sought


def test_photographs_get_the_best_network_its_weights_and_its_normalisation(
    project, source, best, monkeypatch
):
    backbone_from("none")
    sought = imported_weights(monkeypatch)
    folder = source("cat/1.png", "dog/1.png", size=(100, 90))
    output = lradapt_import("folder", folder)
    assert sought == ["resnet34"]
    assert "model.architecture: resnet18 -> resnet34: it is best" in output
    data = read_yaml(Path("params.yaml"))["data"]
    assert (data["mean"], data["deviation"]) == ([0.5] * 3, [0.25] * 3)
    assert data["input_size"] == 112  # the least of the network
    lradapt_import("folder", folder, "--replace")
    assert sought == ["resnet34"]


OWN = "0" * 64
"""The origin of weights of a person's own: the sha256 of their file."""


@pytest.mark.parametrize(
    ("origin", "package", "batch"),
    [("none", True, 16), ("none", False, 64), (OWN, False, 16)],
)
def test_few_photographs_get_small_batches_and_their_rates_with_weights_that_are_there(
    project, source, best, monkeypatch, origin, package, batch
):
    best = replace(best, weights_available=package)
    monkeypatch.setattr("lradapt.config.photo_backbone.facts_of", {"resnet34": best}.get)
    monkeypatch.setattr("lradapt.config.import_rules._LEAST_STEPS", 0)
    backbone_from(origin)
    imported_weights(monkeypatch)
    lradapt_import("folder", source("cat/1.png", "dog/1.png", size=(100, 90)))
    params = read_yaml(Path("params.yaml"))
    assert params["finetune"]["batch_size"] == batch
    assert params["body_rates"]["rates"] == pretrained_recipe(batch)["body_rates.rates"]


RECIPES = pytest.mark.parametrize(
    ("weights", "expected"), [("imagenet", "exact"), ("none", "sgd"), (OWN, "exact")]
)


def method():
    return read_yaml(Path("params.yaml"))["train_head"]["method"]


@pytest.mark.parametrize(("origin", "size"), [("imagenet", 224), (OWN, 112)])
def test_only_imagenets_weights_enlarge_few_photographs(
    project, source, best, monkeypatch, origin, size
):
    known = {name: replace(best, weights_available=True) for name in ("resnet18", "resnet34")}
    monkeypatch.setattr("lradapt.config.photo_backbone.facts_of", known.get)
    backbone_from(origin)
    imported_weights(monkeypatch, origin)
    lradapt_import("folder", source("cat/1.png", "dog/1.png", size=(100, 90)))
    assert read_yaml(Path("params.yaml"))["data"]["input_size"] == size


@RECIPES
def test_the_recipe_depends_on_the_weights_that_came(
    project, source, best, monkeypatch, weights, expected
):
    backbone_from("none")
    imported_weights(monkeypatch, weights)
    lradapt_import("folder", source("cat/1.png", "dog/1.png", size=(100, 90)))
    assert method() == expected


@RECIPES
def test_so_it_does_where_the_weights_come_later(
    project, source, best, monkeypatch, weights, expected
):
    imported_weights(monkeypatch, "imagenet" if weights == "none" else "none")
    lradapt_import("folder", source("cat/1.png", "dog/1.png", size=(100, 90)))
    imported_weights(monkeypatch, weights)
    output = lradapt_import("weights")
    assert method() == expected
    assert "params.yaml, values for these images" in output


def test_small_pictures_keep_the_recipe_of_the_quick_start_whatever_could_be_downloaded(
    project, monkeypatch
):
    imported_weights(monkeypatch)
    lradapt_import("digits")
    assert Path("params.yaml").read_text() == SHIPPED


@pytest.mark.parametrize(
    ("side", "package", "network", "size", "expected"),
    [
        (28, True, "resnet34", 224, "exact"),
        (28, False, "resnet18", 24, "sgd"),
        (16, True, "resnet18", 24, "sgd"),
    ],
)
def test_small_grey_pictures_get_imagenets_weights_of_a_package_unless_they_are_tiny(
    project, source, best, monkeypatch, side, package, network, size, expected
):
    best = replace(best, weights_available=package)
    monkeypatch.setattr(
        "lradapt.config.photo_backbone.photo_backbone", lambda: (best, "it is best")
    )
    monkeypatch.setattr("lradapt.config.photo_backbone.facts_of", {"resnet34": best}.get)
    backbone_from("none")
    imported_weights(monkeypatch)
    lradapt_import("folder", source("a/1.png", "b/1.png", size=(side, side)))
    params = read_yaml(Path("params.yaml"))
    assert (params["model"]["architecture"], params["data"]["input_size"]) == (network, size)
    assert (method(), params["augment"]["horizontal_flip"]) == (expected, False)


def test_small_grey_pictures_without_the_weights_keep_the_recipe_for_random_ones(
    project, source, best, monkeypatch
):
    best = replace(best, weights_available=True)
    monkeypatch.setattr(
        "lradapt.config.photo_backbone.photo_backbone", lambda: (best, "it is best")
    )
    monkeypatch.setattr("lradapt.config.photo_backbone.facts_of", {"resnet34": best}.get)
    imported_weights(monkeypatch, "none")
    lradapt_import("folder", source("a/1.png", "b/1.png", size=(28, 28)))
    assert read_yaml(Path("params.yaml"))["model"]["architecture"] == "resnet34"
    assert method() == "sgd"


@pytest.mark.parametrize(
    ("side", "package", "asked"), [(28, True, 1), (28, False, 0), (8, True, 0)]
)
def test_the_engine_is_measured_for_small_pictures_that_get_such_weights(
    project, source, measured, monkeypatch, side, package, asked
):
    known = replace(backbone_facts("resnet18"), weights_available=package)
    monkeypatch.setattr("lradapt.config.photo_backbone.facts_of", lambda _: known)
    lradapt_import("folder", source(*ENOUGH, size=(side, side)))
    assert len(measured) == asked


@pytest.mark.parametrize(("origin", "warned"), [("imagenet", True), ("none", False)])
def test_images_too_small_for_pretrained_layers_are_pointed_out(project, source, origin, warned):
    backbone_from(origin)
    output = lradapt_import("folder", source("cat/1.png", "dog/1.png", size=(20, 16)))
    assert ("no image reaches 32 pixels (the largest" in " ".join(output.split())) is warned


def test_weights_that_a_person_has_imported_stay(project, source, best, monkeypatch):
    backbone_from(OWN)
    sought = imported_weights(monkeypatch)
    lradapt_import("folder", source("cat/1.png", "dog/1.png", size=(100, 90)))
    assert sought == []
    assert read_yaml(Path("params.yaml"))["model"]["architecture"] == "resnet18"


def test_a_network_whose_layers_a_person_has_named_stays(project, source, best):
    layers = "layers: {head: fc, early: ^conv1, late: ^layer}"
    Path("params.yaml").write_text(SHIPPED.replace("layers: null", layers))
    lradapt_import("folder", source("cat/1.png", "dog/1.png", size=(100, 90)))
    assert read_yaml(Path("params.yaml"))["model"]["architecture"] == "resnet18"


def test_a_network_that_a_person_has_set_stays_and_of_an_unknown_one_nothing_is_stated(
    project, source, best, monkeypatch
):
    backbone_from("none")
    sought = imported_weights(monkeypatch)
    Path("params.yaml").write_text(
        SHIPPED.replace("architecture: resnet18 ", "architecture: resnet50 ", 1)
    )
    output = lradapt_import("folder", source("cat/1.png", "dog/1.png", size=(100, 90)))
    assert sought == []
    assert "model.architecture stays resnet50 (as params.yaml has it)" in output
    assert read_yaml(Path("params.yaml"))["data"]["mean"] == [0.485, 0.456, 0.406]


def test_the_licence_of_a_set_goes_when_others_are_imported(project, source, monkeypatch):
    def few(*, cache, images, labels):
        source("a/1.png").rename(images)
        return SourceLabels(images, [Label("a/1.png", "a")], [], (), "CC BY")

    monkeypatch.setattr("lradapt.data.importing.solar_cells.import_solar_cells", few)
    lradapt_import("solar-cells")
    assert read_yaml(Path("params.yaml"))["card"]["data_licence"] == "CC BY"
    lradapt_import("digits", "--replace")
    assert Path("params.yaml").read_text() == SHIPPED


@pytest.mark.parametrize("what", ["folder", "table", "digits", "cifar10", "solar-cells"])
def test_every_import_of_images_can_leave_the_params(what):
    assert "--keep-params" in CliRunner().invoke(importing.app, [what, "--help"]).output
