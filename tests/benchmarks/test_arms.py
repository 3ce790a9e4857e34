"""Each arm on sixty small pictures, and the scheme's arm against the pipeline's own stages."""

import json
from dataclasses import replace

import pytest
import torch
import yaml

from benchmarks.arms import run_arm
from benchmarks.inputs import Inputs, choose_by_test
from benchmarks.settings import ConventionalSettings, FastaiSettings, SchemeSettings
from lradapt.compute.engine import Engine
from lradapt.config.presets import changed
from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.image_table import read_table
from lradapt.data.images.ingest import ingest
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.errors import LradaptError
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import import_backbone
from tests.projects import ROOT, SMALL, draw

CONVENTIONAL = ConventionalSettings(
    rates=[0.01, 0.001],
    batch_size=8,
    momentum=0.9,
    l2=1e-4,
    patience_epochs=1,
    min_gain=0.0,
    max_epochs=2,
    target_accuracy=None,
)
TINY_RATES = {"find_body_lr": {"start_lr": 1e-7}}  # YAML reads a plain 1e-07 as text
SCHEME = SchemeSettings(preset=None, changes=TINY_RATES)

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Pixels, table, split and backbone of sixty small pictures, and params for them."""
    folder = tmp_path_factory.mktemp("arms")
    draw(folder)
    names = ("pixels.npy", "images.csv", "split.csv", "backbone.safetensors")
    made = Inputs(*(folder / name for name in names))
    how = Preprocessing(input_size=16, max_megapixels=1)
    ingest(folder / "data/images", pixels=made.pixels, table=made.table, how=how)
    splits = ["train", "train", "train", "train", "validation", "test"]
    rows = [
        LabelledImage(row.image, row.image[0], "", splits[number % 6], row.pixel_sha256, number)
        for number, row in enumerate(read_table(made.table))
    ]
    write_split(made.split, rows)
    import_backbone("none", ARCHITECTURES["resnet18"], made.backbone)
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    return changed(values, SMALL), made


@pytest.fixture(scope="module")
def runs(inputs):
    """The result of each arm."""
    values, made = inputs
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return {
            "conventional": run_arm(CONVENTIONAL, values, made),
            "lradapt": run_arm(SCHEME, values, made),
            "conventional, by test": run_arm(CONVENTIONAL, values, replace(made, chosen_by="test")),
            "lradapt, by test": run_arm(SCHEME, values, replace(made, chosen_by="test")),
        }


@pytest.mark.parametrize("arm", ["conventional", "lradapt"])
def test_the_test_split_measures_what_the_validation_split_has_chosen(runs, arm):
    run = runs[arm]
    assert run["chosen_by"] == "validation"
    assert run["images"] == {"train": 40, "validation": 10, "test": 10}
    assert run["final"]["images"] == 10
    assert run["params"]["engine"]["device"] == "cpu"


@pytest.mark.parametrize("arm", ["conventional", "lradapt"])
def test_as_in_the_paper_the_test_split_chooses_and_all_others_train(runs, arm):
    run = runs[f"{arm}, by test"]
    assert run["chosen_by"] == "test"
    assert run["images"] == {"train": 50, "validation": 10}
    assert run["final"]["images"] == 10


def test_the_weights_that_were_chosen_are_those_that_are_measured(runs):
    slow, fast = (runs[f"{arm}, by test"] for arm in ("conventional", "lradapt"))
    kept = slow["legs"][-1]["accuracy"]
    assert kept >= max(point["accuracy"] for point in slow["points"])
    assert slow["final"]["accuracy"] == pytest.approx(kept), "the best weights were not restored"
    chosen = fast["choice"]["scores"][fast["choice"]["name"]]
    assert fast["final"]["accuracy"] == pytest.approx(chosen["accuracy"])


def test_the_weights_of_conventional_training_are_those_of_its_best_epoch(runs):
    run = runs["conventional"]
    best = max(point["accuracy"] for point in run["points"])
    first = next(point for point in run["points"] if point["accuracy"] == best)
    assert run["kept_at"] == first["at"]


def test_the_scheme_s_weights_are_there_when_it_ends(runs):
    run = runs["lradapt"]
    assert run["choice"]["name"] != "head_alone"
    assert run["kept_at"] == run["seconds"]


def test_the_head_alone_is_measured_on_the_same_images_at_its_end(runs):
    run = runs["lradapt, by test"]
    *_, last = (point for point in run["points"] if point["phase"] == "head")
    assert run["head"]["images"] == run["final"]["images"] == 10
    assert run["head"]["accuracy"] == pytest.approx(last["accuracy"])
    assert last["at"]["seconds"] <= run["head"]["at"]["seconds"] < run["kept_at"]["seconds"]


def test_the_conventional_arm_has_a_leg_for_each_rate(runs):
    run = runs["conventional"]
    assert [leg["rate"] for leg in run["legs"]] == [0.01, 0.001]
    assert list(run["phases"]) == ["preparation", "rate 0.01", "rate 0.001"]
    phases = [point["phase"] for point in run["points"]]
    assert phases == sorted(phases, key=list(run["phases"]).index)
    assert [point["epoch"] for point in run["points"]] == list(range(1, len(phases) + 1))


def test_the_scheme_s_arm_has_the_paper_s_phases_and_every_epoch(runs):
    run = runs["lradapt"]
    assert set(run["phases"]) == {"rate search", "head", "fine-tuning"}
    epochs = [(point["phase"], point["epoch"]) for point in run["points"]]
    assert epochs == [*(("head", n) for n in (1, 2, 3)), *(("fine-tuning", n) for n in (1, 2, 3))]
    assert run["rules"] == {"lr_curve": "edge", "body_lr_curve": "edge"}
    assert set(run["curves"]) == {"lr_curve", "body_lr_curve", "head_steps", "model_steps"}


@pytest.mark.parametrize("arm", ["conventional", "lradapt"])
def test_the_clock_runs_on_and_its_phases_are_all_its_seconds(runs, arm):
    run = runs[arm]
    times = [point["at"]["seconds"] for point in run["points"]]
    assert times == sorted(times)
    total = sum(spent["seconds"] for spent in run["phases"].values())
    assert run["seconds"]["seconds"] == pytest.approx(total)
    assert times[-1] <= total + 0.5
    json.dumps(run, allow_nan=False)


def test_a_solved_head_counts_from_its_end_with_its_scores_under_the_backbone(inputs):
    values, made = inputs
    solved = SchemeSettings(preset=None, changes=TINY_RATES | {"train_head": {"method": "exact"}})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        run = run_arm(solved, values, made)
    head, *epochs = run["points"]
    assert (head["phase"], head["epoch"]) == ("head", 0)
    assert {point["phase"] for point in epochs} == {"fine-tuning"}
    scores = run["choice"]["scores"]["head_alone"]
    assert {name: head[name] for name in ("accuracy", "balanced_accuracy", "loss")} == {
        name: scores[name] for name in ("accuracy", "balanced_accuracy", "loss")
    }
    assert run["phases"]["head"]["seconds"] <= head["at"]["seconds"] < epochs[0]["at"]["seconds"]


def test_a_target_ends_the_conventional_arm_and_its_later_rates(inputs):
    values, made = inputs
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        at_once = CONVENTIONAL.model_copy(update={"target_accuracy": 0.01})
        run = run_arm(at_once, values, made)
    assert [leg["stopped"] for leg in run["legs"]] == ["target"]
    assert len(run["points"]) == 1


def test_splits_are_those_of_the_comparison():
    rows = [
        LabelledImage("", "", "", split, "", n)
        for n, split in enumerate(["train", "validation", "test"])
    ]
    assert [row.split for row in choose_by_test(rows)] == ["train", "train", "validation"]


def test_the_arm_of_fastai_says_how_to_install_it(inputs, monkeypatch):
    values, made = inputs
    monkeypatch.setattr("benchmarks.arms.find_spec", lambda name: None)
    with pytest.raises(LradaptError, match=r"needs the package fastai.*lradapt\[bench\]"):
        run_arm(FastaiSettings(program="fastai fine_tune"), values, made)


def test_the_arm_of_fastai_refuses_a_gpu_on_which_it_would_not_compute(inputs, monkeypatch):
    values, made = inputs
    on_gpu = Engine(torch.device("cuda"), "fp32")
    monkeypatch.setattr("benchmarks.arms.start_engine", lambda **_: on_gpu)
    with pytest.raises(LradaptError, match=r"measured on a CPU alone.* set engine\.device: cpu"):
        run_arm(FastaiSettings(program="fastai fine_tune"), values, made)


@pytest.mark.filterwarnings("ignore")  # of fastai
def test_the_arm_of_fastai_is_measured_with_its_last_weights(inputs):
    pytest.importorskip("fastai", reason="needs the extra bench")
    values, made = inputs
    run = run_arm(FastaiSettings(program="fastai fine_tune"), values, made)
    assert run["final"]["images"] == 10
    assert run["kept_at"] == run["seconds"]
    assert [point["epoch"] for point in run["points"]] == [
        1,
        2,
        3,
        4,
    ]  # 1 of the head
