import pytest
import torch
from safetensors.torch import load_file

from lradapt.errors import TrainingError
from lradapt.finetune import Cycle
from lradapt.stages.finetune import _kept


def cycles(count, error=None):
    for number in range(count):
        yield Cycle((), {"w": torch.full((2,), float(number))})
    if error:
        raise error


def test_cycles_are_kept_in_their_order_and_nothing_is_rescued(tmp_path):
    kept = _kept(cycles(3), rescued=tmp_path / "last_good")
    assert [cycle.weights["w"][0].item() for cycle in kept] == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_not_finite_leaves_the_last_good_weights_and_says_where(tmp_path):
    rescued = tmp_path / "last_good"
    with pytest.raises(TrainingError, match=r"nan at step 9\. The weights .* are in .*last_good"):
        _kept(cycles(2, TrainingError("the loss became nan at step 9")), rescued=rescued)
    assert load_file(rescued)["w"].tolist() == [1, 1]


def test_an_error_in_the_first_cycle_leaves_nothing_of_an_earlier_run(tmp_path):
    rescued = tmp_path / "last_good"
    rescued.write_text("of an earlier run")
    with pytest.raises(TrainingError, match=r"^nan$"):
        _kept(cycles(0, TrainingError("nan")), rescued=rescued)
    assert not rescued.exists()
