import pytest

from lradapt.config.params import load_params
from lradapt.stages.checkpoints import stage_course
from tests.projects import ROOT


@pytest.fixture
def course(tmp_path, engine):
    """A function: the course of a stage that reads files of these contents."""
    params = load_params(ROOT / "params.yaml")

    def make(*contents, stage="train_head", seed=0):
        files = [tmp_path / str(number) for number in range(len(contents))]
        for file, content in zip(files, contents, strict=True):
            file.write_text(content)
        with stage_course(
            stage, tmp_path / "kept", params, engine, files=files, values={"seed": seed}
        ) as made:
            return made

    return make


def test_its_checkpoints_lie_in_the_stages_folder_and_come_as_often_as_the_params_say(
    course, tmp_path
):
    made = course("a")
    assert made._place.folder == tmp_path / "kept/train_head"
    assert made._every_seconds == load_params(ROOT / "params.yaml").checkpoint.every_seconds


def test_another_content_order_value_or_stage_is_another_training(course):
    keys = [
        course("a", "b")._place.key,
        course("a", "c")._place.key,
        course("b", "a")._place.key,
        course("a", "b", seed=1)._place.key,
        course("a", "b", stage="finetune")._place.key,
    ]
    assert len(set(keys)) == len(keys)
    assert course("a", "b")._place.key == keys[0]
