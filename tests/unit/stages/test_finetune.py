"""The stages of the unfrozen network: what the params say is done."""

import csv
import json
import math
import re
from itertools import count

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml
from safetensors.torch import load_file, save_file

from lradapt.config.params import load_params
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.errors import DivergedError, TrainingError
from lradapt.networks.backbone import import_backbone, read_backbone
from lradapt.networks.champion import ensure_file
from lradapt.networks.classifier import num_features
from lradapt.runtime.timings import Spent
from lradapt.stages import find_body_lr, finetune
from lradapt.training.imbalance import Balance
from lradapt.training.range_test.suggestion import Suggestion
from tests.projects import ROOT, SMALL

NETWORK = {"architecture": "timm/test_resnet", "layers": None, "reads": "stages"}
GENTLE = {"optimizer": "adamw", "batchnorm": "frozen", "choose_by": "loss", "stop": "no_gain"}
COUNTS = {"trained": 3, "planned": 3, "given_up": 0}
HARMFUL, HARMLESS = [1.0, 1.0, 1.0], [1e-6, 1e-6, 1e-3]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Images of three colours, a body with random weights, and a head of zeros."""
    monkeypatch.chdir(tmp_path)
    use()
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    pixels = random.integers(0, 40, (60, 32, 32, 3), dtype=np.uint8)
    pixels[np.arange(60), :, :, labels] += 180
    np.save("pixels.npy", pixels)
    splits = ["train", "train", "validation", "train", "test"] * 12
    images = [
        LabelledImage(f"{row}.png", "abc"[label], "", splits[row], f"{row:02x}", row)
        for row, label in enumerate(labels)
    ]
    write_split(tmp_path / "split.csv", images)
    architecture = load_params().model.network
    import_backbone("none", architecture, tmp_path / "backbone.safetensors")
    width = num_features(architecture)
    save_file({"weight": torch.zeros(3, width), "bias": torch.zeros(3)}, "head.safetensors")
    ensure_file(tmp_path / "champion.safetensors")
    return tmp_path


@pytest.fixture
def tried_again(monkeypatch):
    """A first cycle that lost however much is tried again."""
    monkeypatch.setattr("lradapt.training.finetune.LOWER_RATES_MAY_LOSE", math.inf)


def use(**changes):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["model"] = NETWORK
    values["data"]["input_size"] = 32
    values["engine"] |= SMALL["engine"]
    values["finetune"] |= {"batch_size": 12, "num_cycles": 2} | GENTLE | changes.pop("finetune", {})
    values["find_body_lr"] |= changes.pop("find_body_lr", {})
    values["checkpoint"] |= changes.pop("checkpoint", {})
    values["body_rates"] |= changes
    with open("params.yaml", "w") as file:
        yaml.safe_dump(values, file)


def inputs(folder):
    names = ("pixels.npy", "split.csv", "backbone.safetensors", "head.safetensors")
    return {name.split(".")[0]: folder / name for name in names}


def read_csv(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def train(folder, rates):
    depths = dict(zip(("early", "late", "head"), rates, strict=True))
    (folder / "rates.json").write_text(json.dumps({"rates": depths, "refusal": ""}))
    outs = {
        name: folder / f"{name}.out" for name in ("model", "choice", "logits", "steps", "epochs")
    }
    finetune.main(
        **inputs(folder),
        champion=folder / "champion.safetensors",
        rates=folder / "rates.json",
        checkpoints=folder / "kept",
        **outs,
    )
    return json.loads(outs["choice"].read_text()), load_file(outs["model"])


def test_after_a_cycle_that_harms_none_follows_and_the_head_alone_is_kept(project):
    choice, model = train(project, HARMFUL)
    assert choice["name"] == "head_alone"
    assert (choice["num_cycles"], choice["epochs"]) == (1, COUNTS | {"trained": 1})
    assert not model["fc.weight"].any()


def test_without_the_rule_every_cycle_is_trained(project):
    use(finetune={"stop": "never"})
    choice, _ = train(project, HARMFUL)
    assert (choice["num_cycles"], choice["epochs"]) == (2, COUNTS | {"trained": 3})


def test_after_cycles_that_gain_all_are_trained_and_the_statistics_stay(project):
    choice, model = train(project, HARMLESS)
    assert choice["num_cycles"] == 2
    assert choice["name"] != "head_alone"
    body = read_backbone(project / "backbone.safetensors", load_params().model.network)
    statistics = [name for name in body if name.endswith("running_mean")]
    assert all(torch.equal(body[name], model[name]) for name in statistics)


def test_early_layers_with_a_rate_of_zero_keep_the_backbone_s_weights(project):
    choice, model = train(project, [0, 1e-3, 1e-3])
    body = read_backbone(project / "backbone.safetensors", load_params().model.network)
    early, late, _ = load_params().model.network.groups
    kept = {name for name, value in body.items() if torch.equal(value, model[name])}
    assert {name for name in body if re.search(early.pattern, name)} <= kept
    assert not {name for name in kept if re.search(late.pattern, name) and "weight" in name}
    assert (choice["name"], choice["rates"]["early"]) != ("head_alone", 1e-3)
    assert {float(row["lr_early"]) for row in read_csv(project / "steps.out")} == {0}


def test_a_found_rate_leaves_frozen_layers_frozen(project, monkeypatch):
    use(rates=[0, 1e-3, 1e-2], source="found")
    seen = []

    def sweeps(make, *_, **__):
        seen.extend(name for name, p in make(0).named_parameters() if not p.requires_grad)
        return []

    monkeypatch.setattr("lradapt.training.range_test.measure.seeded_sweeps", sweeps)
    suggested = Suggestion(0.1, 0.07, 0.2)
    monkeypatch.setattr(
        "lradapt.training.range_test.suggestion.suggest_or_given", lambda *_, **__: suggested
    )
    find_body_lr.main(**inputs(project), rates=project / "r.json", curve=project / "c.csv")
    found = json.loads((project / "r.json").read_text())
    rates = found["rates"]
    assert (found["lowest"], found["highest"]) == (0.07, 0.2)
    assert rates == {"early": 0, "late": pytest.approx(0.01), "head": pytest.approx(0.1)}
    early, *_ = load_params().model.network.groups
    assert seen
    assert all(re.search(early.pattern, name) for name in seen)


def test_where_the_first_cycle_gains_nothing_it_begins_again_with_a_third_of_the_rates(
    project, tried_again
):
    low = [rate / 3 for rate in HARMFUL]
    use(finetune={"lower_rates": 1})
    choice, lowered = train(project, HARMFUL)
    assert choice["epochs"]["given_up"] == 1
    assert list(choice["rates"].values()) == pytest.approx(low)
    second = read_csv(project / "steps.out")
    assert max(float(row["lr_early"]) for row in second) == pytest.approx(low[0])
    use()
    choice, once = train(project, low)
    assert choice["epochs"]["given_up"] == 0
    assert read_csv(project / "steps.out") == second, "it did not begin with the weights of before"
    assert all(torch.equal(lowered[name], once[name]) for name in once)


def test_after_a_first_cycle_that_lost_more_than_a_fifth_none_follows(project):
    use(finetune={"lower_rates": 1})
    choice, _ = train(project, HARMFUL)
    assert (choice["name"], choice["epochs"]) == ("head_alone", COUNTS | {"trained": 1})
    assert list(choice["rates"].values()) == HARMFUL


def test_the_seconds_of_epochs_go_on_in_a_second_attempt(project, tried_again, monkeypatch):
    seconds = count()
    monkeypatch.setattr("lradapt.stages.epochs.clocks", lambda: Spent(next(seconds), 0))
    monkeypatch.setenv("LRADAPT_PROGRESS", str(project / "lines"))
    use(finetune={"lower_rates": 1})
    train(project, HARMFUL)
    lines = map(json.loads, (project / "lines").read_text().splitlines())
    assert [line["seconds"] for line in lines if "epoch" in line] == [1, 2]


def test_where_the_first_cycle_gains_the_rates_stay(project):
    use(finetune={"lower_rates": 3})
    choice, _ = train(project, HARMLESS)
    assert choice["epochs"] == COUNTS


def test_the_rates_are_lowered_as_often_as_the_params_allow(project, tried_again):
    use(finetune={"lower_rates": 2})
    choice, model = train(project, [3 * rate for rate in HARMFUL])
    assert (choice["name"], choice["epochs"]["given_up"]) == ("head_alone", 2)
    assert not model["fc.weight"].any()


def test_the_message_about_a_training_that_diverges_names_the_lowered_rates(project):
    use(finetune={"lower_rates": 1})
    with pytest.raises(DivergedError, match=r"the loss became nan .* rates 2.5e\+29"):
        train(project, [1e30] * 3)  # 7.5e+29 at the same step of the first attempt


def test_after_a_first_cycle_that_diverges_the_training_begins_again(project, monkeypatch):
    use(finetune={"lower_rates": 1})
    diverging(monkeypatch, step=2)
    choice, lowered = train(project, [3 * rate for rate in HARMLESS])
    assert (choice["epochs"], choice["num_cycles"]) == (COUNTS | {"given_up": 1}, 2)
    _, once = train(project, HARMLESS)
    assert all(torch.equal(lowered[name], once[name]) for name in once)


def test_the_epochs_before_a_loss_that_diverges_count_as_given_up(project, monkeypatch):
    use(finetune={"lower_rates": 1, "num_cycles": 1, "first_cycle_epochs": 3})
    diverging(monkeypatch, step=7)  # in the third epoch
    choice, _ = train(project, HARMLESS)
    assert choice["epochs"] == {"trained": 3, "planned": 3, "given_up": 2}


def test_a_training_that_diverges_after_its_first_cycle_ends_with_an_error(project, monkeypatch):
    use(finetune={"lower_rates": 1})
    diverging(monkeypatch, step=3)  # an epoch has three steps, from 0
    with pytest.raises(TrainingError, match=r"The weights after the last whole cycle are in"):
        train(project, HARMLESS)


def diverging(monkeypatch, *, step):
    """Let the loss of one step be NaN, counted from 0 over all attempts."""
    counted = count()

    def loss(logits, labels):
        return F.cross_entropy(logits, labels) * (math.nan if next(counted) == step else 1)

    monkeypatch.setattr(finetune, "make_balance", lambda *_: Balance(loss=loss))


def test_every_epoch_of_a_cycle_that_was_given_up_counts(project, tried_again):
    use(finetune={"lower_rates": 1, "first_cycle_epochs": 2})
    choice, _ = train(project, [3 * rate for rate in HARMFUL])
    assert choice["epochs"]["given_up"] == 2


def test_a_second_attempt_resumes_from_a_checkpoint_of_its_own(project, tried_again, caplog):
    use(finetune={"lower_rates": 1}, checkpoint={"every_seconds": 1e-9})
    _, first = train(project, HARMFUL)
    steps = read_csv(project / "steps.out")
    assert max(float(row["lr_early"]) for row in steps) == pytest.approx(HARMFUL[0] / 3)
    with caplog.at_level("INFO"):
        _, again = train(project, HARMFUL)
    assert caplog.text.count("resuming after step") == 2
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_training_with_frozen_layers_resumes_to_the_same_bits(project, monkeypatch, caplog):
    rates = [0, 1e-3, 1e-3]
    _, undisturbed = train(project, rates)
    use(checkpoint={"every_seconds": 1e-9})
    with monkeypatch.context() as patch:
        interrupting(patch, step=4)
        with pytest.raises(InterruptedError):
            train(project, rates)
    with caplog.at_level("INFO"):
        _, resumed = train(project, rates)
    assert "resuming after step 4" in caplog.text
    assert all(torch.equal(undisturbed[name], resumed[name]) for name in undisturbed)


def interrupting(monkeypatch, *, step):
    """End the training at a step, counted from 0."""
    counted = count()

    def loss(logits, labels):
        if next(counted) == step:
            raise InterruptedError
        return F.cross_entropy(logits, labels)

    monkeypatch.setattr(finetune, "make_balance", lambda *_: Balance(loss=loss))


def test_the_params_say_what_the_better_weights_are(project, monkeypatch):
    asked = []
    own = finetune.choose_final

    def choose(*words, **settings):
        asked.append((settings["by"], settings["batchnorm_frozen"]))
        return own(*words, **settings)

    monkeypatch.setattr(finetune, "choose_final", choose)
    train(project, HARMLESS)
    use(finetune={"choose_by": "balanced_accuracy", "batchnorm": "batch", "stop": "never"})
    train(project, HARMLESS)
    assert asked == [("loss", True), ("balanced_accuracy", False)]


@pytest.mark.parametrize("batchnorm", ["frozen", "batch"])
def test_the_range_test_runs_in_the_mode_and_with_the_optimizer_of_the_training(
    project, monkeypatch, batchnorm
):
    seen = []

    def sweeps(model_of, training, make_optimizer, *words, **settings):
        network = model_of(0)
        norm = next(m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d))
        seen.append((norm.training, network.training, type(make_optimizer(network)).__name__))
        raise TrainingError("seen")

    monkeypatch.setattr("lradapt.training.range_test.measure.seeded_sweeps", sweeps)
    use(source="found_or_given", finetune={"batchnorm": batchnorm})
    with pytest.raises(TrainingError, match="seen"):
        find_body_lr.main(**inputs(project), rates=project / "r.json", curve=project / "c.csv")
    assert seen == [(batchnorm == "batch", True, "AdamW")]
