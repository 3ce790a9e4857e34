"""The program that measures steps in one process and in several."""

import json

import pytest

from benchmarks.distributed_steps import main

pytestmark = pytest.mark.slow


def test_rates_and_seconds_are_those_of_the_epochs_but_the_first(capsys):
    main(
        size=16,
        batch_size=4,
        num_steps=2,
        num_epochs=3,
        threads=1,
        device="cpu",
        precision="fp32",
        architecture="resnet18",
    )
    found = json.loads(capsys.readouterr().out)
    assert found["processes"] == 1
    assert 0 < found["least"] <= found["images_per_second"] <= found["most"]
    assert found["cpu_seconds"] > 0
