"""`lradapt export hub`: Hugging Face's own classes read the header; the files are verified."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from huggingface_hub import EvalResult, ModelCard

from lradapt.cli import exit_codes
from lradapt.registry import open_registry
from lradapt.registry.store import NotTrustedError
from lradapt.reporting.hub.folder import hub_files
from lradapt.runtime.new_files import write_new_files
from tests.projects import ROOT
from tests.unit.colour_model import colour_model, paint
from tests.unit.releases import damage, promote
from tests.unit.signers import Person, registry

METRICS = {
    "images": 1234,
    "accuracy": 0.98765432,
    "balanced_accuracy": 0.9,
    "macro_f1": 0.8,
    "backbone": {
        "architecture": "timm/tf_efficientnet_lite0",
        "source": "imagenet",
        "detail": "timm/tf_efficientnet_lite0.in1k on huggingface.co, sha256 5793",
        "licence": "apache-2.0",
    },
}
CARD = "# Model card: skin\n\nAn image classifier.\n"


def publish(metrics=METRICS, data_licence="CC BY-NC 4.0", **files):
    """A version with weights and a card, in production; its name."""
    opened = open_registry("registry")
    contents = {
        "model.onnx": colour_model(),
        "trained_on.csv": b"",
        "model.safetensors": b"weights",
        "model_card.md": CARD.encode(),
    }
    facts = {"metrics": metrics, "params": {"card": {"data_licence": data_licence}}}
    version = opened.publish(contents | files, facts)
    promote(opened, version)
    return version


@pytest.fixture
def exported(lradapt):
    """A function: the folder after an export with these options."""

    def export(*options, **facts):
        publish(**facts)
        done = lradapt("export", "hub", "hub", *options)
        assert done.code == 0, done.err
        return Path("hub")

    return export


def test_the_header_is_what_the_hub_s_own_classes_read(exported):
    card = ModelCard.load(exported("--licence", "cc-by-nc-4.0") / "README.md")
    assert card.data.license == "cc-by-nc-4.0"
    assert card.data.library_name == "lradapt"
    assert card.data.pipeline_tag == "image-classification"
    assert card.data.tags == ["image-classification", "onnx", "lradapt", "colours"]
    assert card.data.base_model == "timm/tf_efficientnet_lite0.in1k"
    assert card.data.metrics == ["accuracy", "recall", "f1"]
    assert card.data.model_name == "classifier"
    of_test = {
        "task_type": "image-classification",
        "task_name": "image classification",
        "dataset_type": "imagefolder",
        "dataset_name": "classifier, 1,234 test images",
        "dataset_split": "test",
    }
    macro = {"average": "macro"}
    assert card.data.eval_results == [
        EvalResult(
            **of_test, metric_type="accuracy", metric_name="accuracy", metric_value=0.987654
        ),
        EvalResult(
            **of_test,
            metric_type="recall",
            metric_name="balanced accuracy",
            metric_value=0.9,
            metric_args=macro,
        ),
        EvalResult(
            **of_test,
            metric_type="f1",
            metric_name="macro-F1",
            metric_value=0.8,
            metric_args=macro,
        ),
    ]
    assert card.text.strip().startswith(CARD.strip())


def header(folder):
    return yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])


def test_an_unstated_licence_is_no_licence(exported):
    found = header(exported(data_licence=""))
    expected = {"license": "other", "license_name": "not-stated", "license_link": "LICENSE.md"}
    assert {key: found.get(key) for key in expected} == expected


def test_random_weights_have_no_ancestor_on_the_hub(exported):
    random = {"architecture": "resnet18", "source": "none", "detail": "by choice", "licence": ""}
    folder = exported(metrics=METRICS | {"backbone": random})
    assert "base_model" not in header(folder)
    assert "it began with random weights" in (folder / "LICENSE.md").read_text()


@pytest.mark.parametrize(
    ("licence", "forbids"),
    [
        ("CC BY-NC 4.0", True),
        ("cc-by-nc-sa-4.0", True),
        ("for Non-Commercial use", True),
        ("CC BY 4.0", False),
        ("Once Licence", False),
        ("", False),
    ],
)
def test_images_of_a_non_commercial_set_are_named_as_such(exported, lradapt, licence, forbids):
    folder = exported(data_licence=licence)
    for file in ("README.md", "LICENSE.md"):
        assert ("**Non-commercial**" in (folder / file).read_text()) == forbids
    said = lradapt("export", "hub", "again", "--json")
    found = json.loads(said.out)["warnings"]
    assert any("forbids commercial use" in each for each in found) == forbids
    assert any("stated of the images" in each for each in found) == (not licence)
    assert any("stated of the model" in each for each in found)


def test_the_folder_has_the_model_and_its_manifest_but_no_list_of_images(exported):
    folder = exported()
    assert sorted(path.name for path in folder.iterdir()) == [
        "LICENSE.md",
        "README.md",
        "config.json",
        "manifest.json",
        "model.onnx",
        "model.safetensors",
    ]
    hashes = json.loads((folder / "manifest.json").read_text())["files"]
    for file in ("model.onnx", "model.safetensors"):
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == hashes[file]


def test_the_configuration_has_classes_and_preprocessing(exported):
    config = json.loads((exported() / "config.json").read_text())
    assert config["id2label"] == {"0": "red", "1": "green", "2": "blue"}
    assert config["label2id"] == {"red": 0, "green": 1, "blue": 2}
    assert (config["architecture"], config["num_labels"]) == ("colours", 3)
    how = config["preprocessing"]
    assert (how["input_size"], how["fit"], how["layout"]) == (8, "crop", "NHWC")
    assert how["resize"]["filter"] == "bilinear"


def test_the_code_in_the_card_runs_in_the_folder(exported):
    folder = exported()
    paint(folder / "photo.jpg", "green")
    code = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)[1]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("green {'green': 0."), done.stderr


def test_signatures_come_along_and_whoever_trusts_the_key_can_verify_the_folder(tmp_path):
    anna = Person(tmp_path, "anna")
    signed = registry(tmp_path / "registry", signing=anna, trusted=[anna])
    version = signed.publish({"model.onnx": colour_model(), "trained_on.csv": b""}, {})
    files = hub_files(signed.open(version), "")
    (signature,) = (file for file in files if file.endswith(".sig"))
    assert f"| `{signature}` | a signature of the manifest |" in files["README.md"].decode()

    write_new_files(tmp_path / "copy" / signed.name / "versions" / version, files)
    copy = registry(tmp_path / "copy", trusted=[anna])
    assert copy.open(version).signed_by == "anna"
    assert copy.open(version).read("model.onnx") == colour_model()
    with pytest.raises(NotTrustedError):
        registry(tmp_path / "copy", trusted=[Person(tmp_path, "eve")]).open(version)


def test_a_folder_that_is_not_empty_is_refused_and_unchanged(lradapt):
    publish()
    Path("hub").mkdir()
    Path("hub/mine.txt").write_text("mine")
    done = lradapt("export", "hub", "hub")
    assert done.code == exit_codes.FAILED
    assert done.err.splitlines() == [
        "error: hub is not empty; name a new folder, or move away what is there:",
        "  - mine.txt",
    ]
    assert [path.name for path in Path("hub").iterdir()] == ["mine.txt"]


def test_a_file_is_no_folder(lradapt):
    publish()
    Path("hub").write_text("mine")
    assert lradapt("export", "hub", "hub").code == exit_codes.WRONG_USAGE


def test_a_damaged_model_leaves_nothing(lradapt):
    damage(Path("registry"), "classifier", publish())
    done = lradapt("export", "hub", "hub")
    assert done.code == exit_codes.FAILED
    assert "model.onnx of version" in done.err
    assert not Path("hub").exists()


def test_what_was_written_before_an_error_is_removed(lradapt, monkeypatch):
    from lradapt.runtime import new_files

    def fail(path, content):
        if path.name == "manifest.json":
            raise OSError(28, "No space left on device")
        path.write_bytes(content)

    publish()
    monkeypatch.setattr(new_files, "write_bytes", fail)
    lradapt("export", "hub", "deep/hub")
    assert not Path("deep").exists()


@pytest.mark.parametrize("licence", ["Apache 2", "a/b", "MIT", "-x"])
def test_a_licence_that_is_no_identifier_is_refused(lradapt, licence):
    publish()
    done = lradapt("export", "hub", "hub", f"--licence={licence}")
    assert done.code == exit_codes.WRONG_USAGE
    assert not Path("hub").exists()
