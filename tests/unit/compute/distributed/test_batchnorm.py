import copy

import pytest
import torch
from torch import nn

from lradapt.compute.distributed.batchnorm import share_batchnorm
from tests.unit.side_by_side import both

pytestmark = pytest.mark.slow

CASES = [
    # shape of the whole batch, images of the first process
    ((6, 4, 3, 3), 3),
    ((7, 4, 2, 5), 4),
    ((2, 3, 1, 1), 1),
    ((9, 2), 1),
    ((5, 3, 4), 2),
]


def network(shape, momentum=0.1):
    layer = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)]
    network = nn.Sequential(layer(shape[1], momentum=momentum)).double()
    with torch.no_grad():
        network[0].weight.uniform_(-1, 1)
        network[0].bias.uniform_(-1, 1)
    return network


def seen(network, images, grads):
    """The output, the gradients of images, weight and bias, and the layer's state after it."""
    images = images.clone().requires_grad_()
    output = network(images)
    output.backward(grads)
    layer = network[0]
    state = [value.clone() for value in layer.state_dict().values()]
    grads_of_layer = [layer.weight.grad.clone(), layer.bias.grad.clone()]
    return [output.detach(), images.grad, *grads_of_layer, *state]


def shared_and_whole(seed, num_batches=2):
    """In one of two processes: for each case, what it sees of its part, and what one would see."""
    from lradapt.compute.distributed.launch import distribute
    from lradapt.compute.engine import start_engine
    from lradapt.runtime import process_rank

    distribute(start_engine(device="cpu", precision="fp32", threads=1), 2)
    found = []
    for momentum in (0.1, None):
        for shape, first in CASES:
            torch.manual_seed(seed)
            whole = network(shape, momentum)
            parts = copy.deepcopy(whole)
            share_batchnorm(parts)
            own = slice(0, first) if process_rank.rank() == 0 else slice(first, None)
            for _ in range(num_batches):
                images, grads = torch.randn(2, *shape, dtype=torch.float64) * 3 + 7
                found.append((seen(parts, images[own], grads[own]), seen(whole, images, grads)))
    return found


@pytest.fixture(scope="module")
def found():
    return both(shared_and_whole, 0)


def test_two_processes_see_what_one_sees_with_all_images(found):
    first, second = found
    for (one, whole), (other, _) in zip(first, second, strict=True):
        for place in (0, 1):  # output, and gradient of the images
            torch.testing.assert_close(torch.cat([one[place], other[place]]), whole[place])
        for place in (4, 5, 6, 7, 8):  # parameters, running statistics, and how many batches
            torch.testing.assert_close(one[place], whole[place])
            assert torch.equal(one[place], other[place])


def test_the_gradients_of_weight_and_bias_add_up_to_those_of_the_whole(found):
    first, second = found
    for (one, whole), (other, _) in zip(first, second, strict=True):
        for place in (2, 3):
            torch.testing.assert_close(one[place] + other[place], whole[place])


def test_in_eval_mode_it_is_the_layer_that_it_stands_for():
    whole = network((4, 3, 2, 2)).eval()
    own = copy.deepcopy(whole)
    share_batchnorm(own)
    images = torch.randn(4, 3, 2, 2, dtype=torch.float64)
    assert torch.equal(own(images), whole(images))
    assert list(own.state_dict()) == list(whole.state_dict())
    assert own[0] is not whole[0]


def test_the_activation_in_a_batchnorm_of_timm_stays():
    from timm.layers import BatchNormAct2d

    model = nn.Sequential(BatchNormAct2d(2)).eval()
    images = torch.linspace(-1, 1, 16).view(2, 2, 2, 2)
    expected = model(images)
    share_batchnorm(model)
    torch.testing.assert_close(model(images), expected)
    assert expected.min() == 0
