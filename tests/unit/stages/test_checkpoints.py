import pytest

from lradapt.config.params import load_params
from lradapt.stages.checkpoints import resumable_stage
from tests.projects import ROOT


@pytest.fixture
def run(tmp_path, engine):
    """A function: the run of a stage that reads files of these contents."""
    params = load_params(ROOT / "params.yaml")

    def make(*contents, stage="train_head", seed=0):
        files = [tmp_path / str(number) for number in range(len(contents))]
        for file, content in zip(files, contents, strict=True):
            file.write_text(content)
        with resumable_stage(
            stage, tmp_path / "kept", params, engine, files=files, values={"seed": seed}
        ) as made:
            return made

    return make


def test_its_checkpoints_lie_in_the_stages_folder_and_come_as_often_as_the_params_say(
    run, tmp_path
):
    made = run("a")
    assert made._folder.folder == tmp_path / "kept/train_head"
    assert made._every_seconds == load_params(ROOT / "params.yaml").checkpoint.every_seconds


def test_another_content_order_value_or_stage_is_another_training(run):
    keys = [
        run("a", "b")._folder.key,
        run("a", "c")._folder.key,
        run("b", "a")._folder.key,
        run("a", "b", seed=1)._folder.key,
        run("a", "b", stage="finetune")._folder.key,
    ]
    assert len(set(keys)) == len(keys)
    assert run("a", "b")._folder.key == keys[0]
