import json
import os
import signal

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.doubtful.exclusion import EXCLUDED
from lradapt.runtime.progress_file import VARIABLE
from lradapt.runtime.termination import Terminated
from lradapt.runtime.timings import Spent
from lradapt.stages import epochs, find_lr, train_head
from lradapt.stages.train_head import training_groups
from tests.projects import ROOT, SMALL


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Activations and a split of them, and the paths of both stages' files."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    labels = np.arange(90) % 3
    features = random.normal(size=(90, 1, 6)) + 2 * np.eye(6)[labels][:, None]
    np.save("activations.npy", features.astype(np.float32))
    splits = ["train", "train", "validation", "train", "test"] * 18
    write_split(
        tmp_path / "split.csv",
        [
            LabelledImage(f"{row}.png", "abc"[label], "", splits[row], f"{row:02x}", row)
            for row, label in enumerate(labels)
        ],
    )
    names = ("activations.npy", "split.csv", "lr.json", "curve.csv", "solution.json")
    return {name.split(".")[0]: tmp_path / name for name in names}


def use(method, **changes):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["train_head"] |= SMALL["train_head"] | {"method": method}
    values["find_lr"] |= SMALL["find_lr"]
    values["engine"] |= SMALL["engine"]
    with open("params.yaml", "w") as file:
        yaml.safe_dump({**values, **changes}, file)


def make(files):
    read = {name: files[name] for name in ("activations", "split")}
    folder = files["lr"].parent
    find_lr.main(**read, rate=files["lr"], curve=files["curve"])
    train_head.main(
        **read,
        rate=files["lr"],
        checkpoints=folder / "kept",
        head=folder / "head.safetensors",
        solution=files["solution"],
        steps=folder / "steps.csv",
        epochs=folder / "epochs.csv",
    )
    return load_file(folder / "head.safetensors")


def record(path):
    return json.loads(path.read_text())


def test_a_solved_head_needs_no_rate_and_records_its_penalties(files):
    use("exact")
    head = make(files)
    assert head["weight"].shape == (3, 6)
    rate = record(files["lr"])
    assert (rate["rate"], rate["lowest"], rate["highest"]) == (None, None, None)
    assert rate["refusal"].startswith("not needed: the head is solved exactly")
    assert files["curve"].read_text() == "sweep,lr,loss,baseline,smoothed,rise\n"
    solution = record(files["solution"])
    assert (solution["method"], solution["num_folds"], solution["note"]) == ("exact", 3, "")
    losses = {one["penalty"]: one["loss"] for one in solution["tried"]}
    assert solution["penalty"] == min(losses, key=losses.get)


def test_the_tables_of_a_solved_head_have_no_step_and_one_epoch_with_its_scores(files):
    use("exact")
    head = make(files)
    assert files["lr"].with_name("steps.csv").read_text() == "step,lr_head,loss\n"
    (epoch,) = pd.read_csv(files["lr"].with_name("epochs.csv")).to_dict("records")
    rows = pd.read_csv(files["split"]).query("split == 'validation'")
    features = torch.from_numpy(np.load(files["activations"])[rows["row"], 0])
    logits = features @ head["weight"].T + head["bias"]
    truth = torch.tensor(["abc".index(label) for label in rows["label"]])
    loss = torch.nn.functional.cross_entropy(logits, truth)
    assert epoch["epoch"] == 1
    assert epoch["validation_loss"] == pytest.approx(loss.item(), rel=1e-4)
    assert epoch["validation_accuracy"] == pytest.approx(
        (logits.argmax(1) == truth).double().mean()
    )


def test_a_trained_head_has_a_rate_its_steps_and_no_penalty(files):
    use("sgd")
    make(files)
    assert record(files["lr"])["rate"] > 0
    assert record(files["solution"]) == {
        "method": "sgd",
        "penalty": None,
        "num_folds": 0,
        "evaluations": 0,
        "note": "",
        "tried": [],
    }
    assert len(pd.read_csv(files["lr"].with_name("epochs.csv"))) == 3
    assert len(pd.read_csv(files["lr"].with_name("steps.csv"))) == 3 * 7


def test_the_seconds_of_an_epoch_count_from_the_start_of_the_stage(files, tmp_path, monkeypatch):
    use("sgd")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "lines"))
    passed = [0.0]

    def taking(seconds, act):
        def run(*values, **settings):
            passed[0] += seconds
            return act(*values, **settings)

        return run

    monkeypatch.setattr(epochs, "clocks", lambda: Spent(passed[0], 0.0))
    monkeypatch.setattr(train_head, "start_engine", taking(1, train_head.start_engine))
    monkeypatch.setattr(train_head, "read_split", taking(20, train_head.read_split))
    monkeypatch.setattr(train_head, "_read_images", taking(300, train_head._read_images))
    make(files)
    written = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    assert [each["seconds"] for each in written if "epoch" in each] == [321, 321, 321]


def test_the_solved_head_is_the_same_to_the_byte(files):
    use("exact")
    first = make(files)
    use("exact", seed=1)
    second = make(files)
    assert all(torch.equal(first[name], second[name]) for name in ("weight", "bias"))


def test_the_folds_of_a_solved_head_keep_groups_whole(files):
    table = pd.read_csv(files["split"], dtype=str, keep_default_na=False)
    table["group"] = ["patient"] * len(table)
    table.to_csv(files["split"], index=False)
    use("exact")
    make(files)
    assert "the classes have too few groups" in record(files["solution"])["note"]


def test_the_solved_head_weights_rare_classes_as_the_params_say(files):
    use("exact")
    plain = make(files)
    use("exact", imbalance="logit_adjustment")
    adjusted = make(files)
    rows = pd.read_csv(files["split"]).query("split == 'train'")
    shares = rows["label"].value_counts(normalize=True).sort_index()
    expected = plain["bias"] - torch.tensor(np.log(shares.to_numpy()))
    torch.testing.assert_close(adjusted["bias"].double(), expected, atol=1e-5, rtol=0)


def test_sigterm_ends_the_solution_cleanly(files, monkeypatch):
    use("exact")

    def killed(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal was ignored")

    monkeypatch.setattr(train_head, "solve_head", killed)
    with pytest.raises(Terminated, match="ended by SIGTERM; there is no checkpoint yet"):
        make(files)
    assert not files["solution"].exists()


def test_an_image_that_is_not_trained_on_still_joins_the_groups_that_it_is_in():
    def row(split, pixels, group):
        return LabelledImage("", "cat", group, split, pixels)

    rows = [
        row("train", "11", "anna"),
        row("train", "22", "bert"),
        row(EXCLUDED, "33", "anna"),
        row(EXCLUDED, "33", "bert"),  # the same pixels
        row("train", "44", "dora"),
        row("validation", "44", "anna"),
    ]
    anna, bert, dora = training_groups(rows)
    assert anna == bert != dora
