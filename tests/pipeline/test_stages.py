"""Every stage in its order, in this process, on sixty small pictures."""

import csv
import importlib
import json
import re
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from lradapt.config import params
from lradapt.config import paths as layout
from lradapt.data.labelled_image import in_split, pixel_rows
from lradapt.data.split_table import read_split
from lradapt.errors import LradaptError
from lradapt.inference.predict import Model
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import import_backbone
from lradapt.networks.champion import Champion, ensure_file, write_champion
from lradapt.networks.classifier import build_classifier
from lradapt.networks.normalisation import Normalisation
from lradapt.networks.onnx_export import Deployed, probabilities
from lradapt.runtime.files import read_json, sha256_of
from lradapt.stages import NAMES, evaluate, export
from lradapt.stages.quick_head import make_head
from tests.docs.files_page import described
from tests.projects import SMALL, draw

ROOT = Path(__file__).parents[2]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
STAGES = {name: definition for name, definition in STAGES.items() if name in NAMES}
PROJECT_PATHS = layout.read_paths(ROOT / "dvc.yaml")
PATHS = PROJECT_PATHS.as_dict()
CLASSES = ("r", "g", "b")
MADE = tuple(f"build/{name}/" for name in STAGES) + tuple(
    f"reports/{name}." for name in ("metrics", "predictions", "confusion", "reliability", "slices")
)


class Recording:
    """Params that note which of their keys are read; a whole section by its own name."""

    def __init__(self, values, read, prefix=""):
        self._values, self._read, self._prefix = values, read, prefix

    def __getattr__(self, name):
        value = getattr(self._values, name)
        if name == "model_dump":
            self._read.add(self._prefix.rstrip("."))
        elif hasattr(value, "model_dump"):
            return Recording(value, self._read, f"{self._prefix}{name}.")
        else:
            self._read.add(self._prefix + name)
        return value


def run_all(folder):
    """Run the stages in `folder`; what each read of the params."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section, changes in SMALL.items():
        values[section] |= changes
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    draw(folder)
    read = defaultdict(set)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        import_backbone("none", ARCHITECTURES["resnet18"], PATHS["backbone"])
        ensure_file(PATHS["champion"])
        for stage, definition in STAGES.items():
            module = importlib.import_module(f"lradapt.stages.{stage}")
            if hasattr(module, "load_params"):
                patch.setattr(
                    module,
                    "load_params",
                    lambda stage=stage: Recording(params.load_params(), read[stage]),
                )
            words = re.findall(r"--([\w-]+) \$\{path\.(\w+)\}", definition["cmd"])
            module.main(**{option.replace("-", "_"): PATHS[path] for option, path in words})
    return read


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which every stage has run, and what each read of the params."""
    folder = tmp_path_factory.mktemp("stages")
    return folder, run_all(folder)


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_exactly_the_params_that_it_reads(finished, stage):
    _, read = finished
    declared = {name for name in STAGES[stage]["params"] if isinstance(name, str)}
    sections = {name.split(".")[0] for name in declared} & declared
    # No output depends on these; the key of a checkpoint looks at all values.
    read[stage] -= {"checkpoint.every_seconds", "data.memory_share", ""}
    if "data.preprocessing" in read[stage]:  # made of these
        preprocessing = {"data.input_size", "data.max_megapixels", "data.fit"}
        read[stage] = read[stage] - {"data.preprocessing"} | preprocessing
    found = {name.split(".")[0] if name.split(".")[0] in sections else name for name in read[stage]}
    assert found == declared


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_makes_exactly_the_files_that_it_declares(finished, stage):
    folder, _ = finished
    definition = STAGES[stage]
    declared = [*definition.get("outs", []), *definition.get("metrics", [])]
    names = [next(iter(out)) if isinstance(out, dict) else out for out in declared]
    paths = [PATHS[name.removeprefix("${path.").removesuffix("}")] for name in names]
    assert [path for path in paths if not (folder / path).is_file()] == []
    made = {path for path in (folder / paths[0].parent).iterdir()}
    if paths[0].parts[0] == "build":
        assert made == {folder / path for path in paths}


@pytest.mark.parametrize("path", [path for path in described() if path.startswith(MADE)])
def test_the_page_of_the_files_names_their_columns_and_keys(finished, path):
    folder, _ = finished
    assert (folder / path).exists()
    found = {".csv": columns, ".json": lambda file: list(json.loads(file.read_text()))}
    if Path(path).suffix in found:
        assert found[Path(path).suffix](folder / path) == described()[path]


def columns(file):
    """Return the names of the columns; those of classes are `p_CLASS`, or left out."""
    with file.open(newline="") as text:
        names = next(csv.reader(text))
    names = ["p_CLASS" if name.startswith("p_") else name for name in names]
    return list(dict.fromkeys(name for name in names if name not in CLASSES))


def test_the_exam_is_of_the_exported_file_and_agrees_with_pytorch(finished):
    folder, _ = finished
    metrics = read_json(folder / PATHS["metrics"])
    assert metrics["images"] == 9  # a sixth of 20 is nearest to 3 in each of three classes
    assert metrics["parity"]["passed"]
    assert metrics["parity"]["max_difference"] < 1e-4
    assert metrics["backbone"]["source"] == "none"
    predictions = pd.read_csv(folder / PATHS["predictions"])
    split = pd.read_csv(folder / PATHS["split"])
    assert set(predictions["image"]) == set(split[split.split == "test"]["image"])
    hits = (predictions["label"] == predictions["predicted"]).mean()
    assert metrics["accuracy"] == pytest.approx(hits)


def test_the_slices_are_those_of_a_further_column_of_the_labels(finished, tmp_path, monkeypatch):
    folder = shutil.copytree(finished[0], tmp_path / "project")
    monkeypatch.chdir(folder)
    labels = pd.read_csv(PATHS["labels"])
    labels["site"] = ["Wien" if number % 2 else "Graz" for number in range(len(labels))]
    labels.to_csv(PATHS["labels"], index=False)
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["evaluate"]["slices"] = ["site"]
    Path("params.yaml").write_text(yaml.safe_dump(values))
    words = re.findall(r"--([\w-]+) \$\{path\.(\w+)\}", STAGES["evaluate"]["cmd"])
    evaluate.main(**{option.replace("-", "_"): PATHS[path] for option, path in words})
    predictions = pd.read_csv(PATHS["predictions"]).merge(labels[["image", "site"]], on="image")
    hits = predictions["label"] == predictions["predicted"]
    expected = hits.groupby(predictions["site"]).agg(["size", "mean"])
    found = pd.read_csv(PATHS["slices"]).query("`class`.isna()").set_index("value")
    assert found["images"].to_dict() == expected["size"].to_dict()
    assert found["share"].to_dict() == expected["mean"].to_dict()


def test_the_rates_run_are_the_rates_found(finished):
    folder, _ = finished
    head = pd.read_csv(folder / PATHS["head_steps"])
    assert head["lr_head"].max() == pytest.approx(read_json(folder / PATHS["lr"])["rate"], rel=1e-5)
    body = pd.read_csv(folder / PATHS["model_steps"])
    for depth, rate in read_json(folder / PATHS["body_lr"])["rates"].items():
        assert body[f"lr_{depth}"].max() == pytest.approx(rate, rel=1e-5)


def test_the_rule_of_a_range_test_is_recorded(finished):
    folder, _ = finished
    rules = {read_json(folder / PATHS[name])["rule"] for name in ("lr", "body_lr")}
    assert rules == {"edge"}


def test_a_warm_start_begins_with_the_champion_and_says_whose_it_is(
    finished, tmp_path, monkeypatch
):
    folder, _ = finished
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    champion = Champion("0123456789ab", "resnet18", ("b", "g", "r"))
    write_champion(PATHS["champion"], champion, PATHS["model"].read_bytes())
    before = load_file(PATHS["model"])
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["finetune"] |= {"start": "champion", "num_cycles": 1}
    values["body_rates"] = {"source": "given", "rates": [1e-12, 1e-12, 1e-12]}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    for stage in ("find_body_lr", "finetune"):
        main = importlib.import_module(f"lradapt.stages.{stage}").main
        words = re.findall(r"--([\w-]+) \$\{path\.(\w+)\}", STAGES[stage]["cmd"])
        main(**{option: PATHS[path] for option, path in words})
    assert read_json(PATHS["model_choice"])["ancestor"] == "0123456789ab"
    for name, value in load_file(PATHS["model"]).items():
        if name.endswith(("weight", "bias")):
            torch.testing.assert_close(value, before[name], atol=1e-6, rtol=0)


@pytest.mark.long
def test_two_runs_make_the_same_bytes(finished, tmp_path):
    folder, _ = finished
    run_all(tmp_path)
    made = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert len(made) > 80
    assert [p for p in made if sha256_of(folder / p) != sha256_of(tmp_path / p)] == []


def test_a_head_in_one_process_is_that_of_the_stages_and_its_file_that_of_the_export(
    finished, tmp_path, monkeypatch
):
    folder, _ = finished
    monkeypatch.chdir(folder)
    made = make_head(PROJECT_PATHS, tmp_path)
    assert sha256_of(tmp_path / "head.safetensors") == sha256_of(PATHS["head"])
    assert sha256_of(tmp_path / "split.csv") == sha256_of(PATHS["split"])
    squares = np.load(PATHS["pixels"])[:8]
    weights = load_file(PATHS["backbone"]), load_file(PATHS["head"])
    whole = build_classifier(ARCHITECTURES["resnet18"], *weights).eval()
    values = params.load_params().data
    expected = Deployed(whole, Normalisation(values.mean, values.deviation), made.temperature)
    found = Model(made.onnx.read_bytes())
    np.testing.assert_allclose(
        found.probabilities(squares), probabilities(expected, squares), atol=1e-5
    )
    assert found.class_names == ["b", "g", "r"]


def test_the_head_tells_the_same_doubt_as_the_same_network_exported_whole(
    finished, tmp_path, monkeypatch
):
    folder, _ = finished
    monkeypatch.chdir(folder)
    found = Model(make_head(PROJECT_PATHS, tmp_path).onnx.read_bytes(), threads=1)
    rows = in_split(read_split(PATHS["split"]), "validation")
    answers = found.answers(np.load(PATHS["pixels"])[pixel_rows(rows)])
    assert found.limits.unlike.num_images == len(rows)
    # Fitted on the activations, asked of the pixels: the largest distance is the limit.
    assert answers.unlike.max() == pytest.approx(found.limits.unlike.limit, abs=1e-4)
    assert sum(found.limits.sets.num_images.values()) == len(rows)


@pytest.mark.parametrize("split", ["test", "validation"])
def test_the_limits_depend_on_the_validation_images_and_on_no_test_image(
    finished, tmp_path, monkeypatch, split
):
    folder, _ = finished
    monkeypatch.chdir(folder)
    pixels = np.load(PATHS["pixels"])
    rows = pixel_rows(in_split(read_split(PATHS["split"]), split))
    pixels[rows] = 255 - pixels[rows]
    np.save(tmp_path / "pixels.npy", pixels)
    names = ("model", "temperature", "split", "training_split", "table")
    export.main(
        **{name: PATHS[name] for name in names},
        pixels=tmp_path / "pixels.npy",
        onnx=tmp_path / "model.onnx",
    )
    same = sha256_of(tmp_path / "model.onnx") == sha256_of(PATHS["onnx"])
    assert same is (split == "test")


def test_a_second_head_exports_nothing_and_learns_from_todays_labels(
    finished, tmp_path, monkeypatch
):
    folder, _ = finished
    monkeypatch.chdir(folder)
    first = make_head(PROJECT_PATHS, tmp_path / "first")
    monkeypatch.setattr("lradapt.stages.quick_head.export_onnx", None)
    assert make_head(PROJECT_PATHS, tmp_path / "again").onnx.read_bytes() == first.onnx.read_bytes()
    labels = folder / "new.csv"
    labels.write_text(PATHS["labels"].read_text().replace(",r\n", ",g\n"))
    new = make_head(replace(PROJECT_PATHS, labels=labels), tmp_path / "new")
    assert Model(new.onnx.read_bytes()).class_names == ["b", "g"]


def test_a_head_before_the_first_training_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LradaptError, match=r"missing: .*activations.npy.*make retrain"):
        make_head(PROJECT_PATHS, tmp_path)
