import torch
from torch import nn

from lradapt.training.optimizers import make_optimizer


def groups():
    return [{"params": nn.Linear(2, 2).parameters(), "lr": rate} for rate in (0.1, 0.2)]


def test_each_name_is_its_optimizer_with_the_rates_of_the_groups():
    sgd = make_optimizer("sgd", groups(), momentum=0.8, weight_decay=0.01)
    adamw = make_optimizer("adamw", groups(), momentum=0.8, weight_decay=0.01)
    assert (type(sgd), type(adamw)) == (torch.optim.SGD, torch.optim.AdamW)
    for optimizer in (sgd, adamw):
        assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.2]
        assert {group["weight_decay"] for group in optimizer.param_groups} == {0.01}
    assert sgd.param_groups[0]["momentum"] == 0.8
    assert adamw.param_groups[0]["betas"] == (0.8, 0.99)
