import ast
import shutil
from inspect import signature

import pytest
import yaml

from lradapt.config.params import load_params
from lradapt.stages import Dep, finetune, train_head
from lradapt.stages.checkpoints import resumable_stage
from tests.projects import ROOT

TRAINS = {"finetune": finetune, "train_head": train_head}


@pytest.fixture
def run(tmp_path, engine, monkeypatch):
    """A function: the run of a stage that reads files of these contents, with other params."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "dvc.yaml", "dvc.yaml")
    values = yaml.safe_load((ROOT / "params.yaml").read_text())

    def make(*contents, stage="train_head", **changes):
        (tmp_path / "params.yaml").write_text(yaml.safe_dump({**values, **changes}))
        files = [tmp_path / str(number) for number in range(len(contents))]
        for file, content in zip(files, contents, strict=True):
            file.write_text(content)
        module = TRAINS[stage].__name__
        params = load_params()
        with resumable_stage(module, tmp_path / "kept", params, engine, inputs=files) as made:
            return made

    return make


def test_checkpoints_are_in_the_folder_of_the_stage_as_often_as_the_params_say(run, tmp_path):
    made = run("a")
    assert made._folder.folder == tmp_path / "kept/train_head"
    assert made._every_seconds == load_params(ROOT / "params.yaml").checkpoint.every_seconds


def test_other_content_order_params_or_stage_have_another_key(run):
    keys = [
        run("a", "b")._folder.key,
        run("a", "c")._folder.key,
        run("b", "a")._folder.key,
        run("a", "b", seed=1)._folder.key,
        run("a", "b", imbalance="class_weights")._folder.key,
        run("a", "b", stage="finetune")._folder.key,
    ]
    assert len(set(keys)) == len(keys)
    assert run("a", "b")._folder.key == keys[0]


def test_a_param_that_the_stage_does_not_list_has_no_effect_on_the_key(run):
    assert run("a")._folder.key == run("a", checkpoint={"every_seconds": 1})._folder.key


@pytest.mark.parametrize("stage", TRAINS)
def test_all_files_that_a_stage_reads_are_inputs_of_its_key(stage):
    """A file that is left out would let a training resume from other data, without a message."""
    read = [
        name
        for name, each in signature(TRAINS[stage].main).parameters.items()
        if each.annotation is Dep
    ]
    tree = ast.parse((ROOT / f"lradapt/stages/{stage}.py").read_text())
    (inputs,) = (
        [element.id for element in node.value.elts]
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "inputs"
    )
    assert inputs == read
