import pytest
import torch
from safetensors.torch import load_file

from lradapt.errors import TrainingError
from lradapt.stages.finetune import _rescuing
from lradapt.training.records import Cycle


def rescue(path, count, error=None):
    """A block that makes `count` cycles and then ends, with an error if one is given."""
    with _rescuing(path) as cycles:
        for number in range(count):
            cycles.append(Cycle((), {"w": torch.full((2,), float(number))}))
        if error:
            raise error


def test_where_nothing_fails_nothing_is_rescued(tmp_path):
    rescue(tmp_path / "last_good", 3)
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_not_finite_leaves_the_last_good_weights_and_says_where(tmp_path):
    rescued = tmp_path / "last_good"
    with pytest.raises(TrainingError, match=r"nan at step 9\. The weights .* are in .*last_good"):
        rescue(rescued, 2, TrainingError("the loss became nan at step 9"))
    assert load_file(rescued)["w"].tolist() == [1, 1]


def test_an_error_in_the_first_cycle_leaves_nothing_of_an_earlier_run(tmp_path):
    rescued = tmp_path / "last_good"
    rescued.write_text("of an earlier run")
    with pytest.raises(TrainingError, match=r"^nan$"):
        rescue(rescued, 0, TrainingError("nan"))
    assert not rescued.exists()
