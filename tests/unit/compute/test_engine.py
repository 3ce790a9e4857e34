import ast
import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from lradapt.compute.engine import one_thread, set_engine, start_engine, threads_kept
from lradapt.errors import TrainingError

ROOT = Path(__file__).parents[3]
PLAIN = {"device": "cpu", "precision": "fp32", "threads": 1, "memory_format": "contiguous"}


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("name", "layout"),
    [("channels_last", torch.channels_last), ("contiguous", torch.contiguous_format)],
)
def test_a_model_is_placed_in_the_layout_asked_for(name, layout):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    other = torch.channels_last if name == "contiguous" else torch.contiguous_format
    model.to(memory_format=other)
    assert set_engine(**PLAIN | {"memory_format": name}).place(model) is model
    assert model[0].weight.is_contiguous(memory_format=layout)
    assert not model[0].weight.is_contiguous(memory_format=other)


def test_the_engine_is_logged_in_one_line(caplog):
    caplog.set_level(logging.INFO, "lradapt")
    start_engine(device="cpu", precision="bf16", threads=2, memory_format="contiguous")
    assert caplog.messages == ["computing on cpu in bf16, contiguous, 2 CPU thread(s)"]
    assert torch.get_num_threads() == 2


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="set it to auto or cpu"):
        start_engine(**PLAIN | {"device": "cuda"})
    assert set_engine(**PLAIN | {"device": "auto"}).device.type == "cpu"


def test_a_library_that_sets_threads_of_its_own_does_not_keep_them():
    set_engine(**PLAIN)
    with threads_kept():
        torch.set_num_threads(2)
    assert torch.get_num_threads() == 1


def test_a_block_on_one_thread_leaves_the_number_of_threads_as_it_was():
    set_engine(**PLAIN | {"threads": 2})
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


THREADS = {"set_num_threads", "set_num_interop_threads", "OMP_NUM_THREADS", "MKL_NUM_THREADS"}


def test_threads_of_torch_are_set_in_one_place():
    setting = {
        str(path.relative_to(ROOT))
        for layer in ("lradapt", "tasks", "flows")
        for path in (ROOT / layer).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in THREADS)
        or (isinstance(node, ast.Constant) and node.value in THREADS)
    }
    assert setting == {"lradapt/compute/engine.py"}
