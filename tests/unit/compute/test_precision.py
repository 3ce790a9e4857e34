import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from lradapt.compute.engine import Engine
from lradapt.compute.precision import require_exact_gradients
from lradapt.errors import TrainingError
from lradapt.training.loop import train_steps

CPU = torch.device("cpu")


def images(size, count=2):
    return torch.zeros(count, 3, size, size)


def test_a_resnet_at_16_pixels_is_refused_in_bf16_and_the_layer_is_named():
    with pytest.raises(TrainingError) as caught:
        require_exact_gradients(resnet18(), images(16), Engine(CPU, "bf16"))
    assert "1 convolution(s) at 16 pixels" in str(caught.value)
    assert "layer4.0.conv1" in str(caught.value)


@pytest.mark.parametrize(("size", "precision"), [(17, "bf16"), (16, "fp32")])
def test_a_larger_image_and_fp32_are_not(size, precision):
    require_exact_gradients(resnet18(), images(size), Engine(CPU, precision))


@pytest.mark.parametrize(
    ("convolution", "size", "refused"),
    [
        (nn.Conv2d(3, 4, 3, stride=2, padding=1), 1, True),
        (nn.Conv2d(3, 4, 3, stride=4, padding=1), 3, True),
        (nn.Conv2d(3, 4, 3, stride=2, padding=1), 2, False),  # as wide as the stride
        (nn.Conv2d(3, 4, 3, stride=1, padding=1), 1, False),
        (nn.Conv2d(3, 4, 1, stride=2), 1, False),  # sees no padding
        (nn.Conv2d(3, 4, 3, stride=2, padding=2), 1, False),  # two pixels come out
    ],
)
def test_only_a_padded_map_that_is_narrower_than_the_stride_is_refused(convolution, size, refused):
    engine = Engine(CPU, "bf16")
    if refused:
        with pytest.raises(TrainingError):
            require_exact_gradients(convolution, images(size), engine)
    else:
        require_exact_gradients(convolution, images(size), engine)


def test_the_model_stays_as_it_is():
    model = resnet18().train()
    model.bn1.eval()  # frozen
    before = {name: value.clone() for name, value in model.state_dict().items()}
    require_exact_gradients(model, images(32), Engine(CPU, "bf16"))
    assert model.training
    assert not model.bn1.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_the_training_loop_asks_before_its_first_step():
    model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Flatten())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batches = [(images(1), torch.zeros(2, dtype=torch.int64))]
    steps = train_steps(model, batches, optimizer, None, Engine(CPU, "bf16"))
    with pytest.raises(TrainingError, match="bf16 on a CPU"):
        next(steps)
