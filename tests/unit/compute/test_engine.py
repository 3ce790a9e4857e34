import ast
import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from lradapt.compute.distributed import launch
from lradapt.compute.engine import (
    Engine,
    free_memory,
    one_thread,
    seed_layers,
    set_engine,
    start_engine,
    threads_kept,
)
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


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_is_the_first_that_is_there_of_cuda_mps_and_cpu(monkeypatch, cuda, mps, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda *_, **__: None)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    assert set_engine(**PLAIN | {"device": "auto"}).device.type == chosen


def test_mps_is_used_where_it_is_and_refused_in_one_line_elsewhere(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(TrainingError, match=r"engine\.device is mps, but torch finds no") as error:
        set_engine(**PLAIN | {"device": "mps"})
    assert "\n" not in str(error.value)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert set_engine(**PLAIN | {"device": "mps"}).device.type == "mps"


def test_the_memory_of_mps_is_at_most_that_of_the_machine(monkeypatch):
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 1000)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 300)
    assert free_memory(torch.device("mps")) == 700
    monkeypatch.setattr("lradapt.compute.engine.memory.free_memory", lambda: 20)
    assert free_memory(torch.device("mps")) == 20


def test_the_layers_of_mps_get_their_seed(monkeypatch):
    seeds = []
    monkeypatch.setattr(torch.mps, "manual_seed", seeds.append)
    with threads_kept(), torch.random.fork_rng():
        seed_layers(5, torch.device("mps"))
    assert seeds == [5]


def test_several_processes_on_mps_are_refused(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    engine = Engine(torch.device("mps"), "fp32")
    with pytest.raises(TrainingError, match=r"finetune\.processes is 2, but the GPU of an Apple"):
        launch._require_startable(engine, 2)


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


@pytest.mark.parametrize("block", [threads_kept, one_thread])
def test_a_block_that_fails_leaves_the_number_of_threads_as_it_was(block):
    set_engine(**PLAIN | {"threads": 2})

    @block()
    def fails():
        torch.set_num_threads(1)
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        fails()
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
