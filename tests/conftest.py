"""What tests share: small real images, and a guard against the settings of whoever runs them."""

import gc
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHARED = Path(__file__).parents[2] / "shared"
FIRST = (
    "tests/containers/",
    "tests/docs/test_tutorial.py",
    "tests/installed/",
    "tests/flows/test_drivers.py",  # it makes what others wait for: made_once
    "tests/faults/test_cancelled_runs.py",
    "tests/faults/test_s3_faults.py",
    "tests/flows/test_deployed.py",
    "tests/flows/test_other_machine.py",
    "tests/flows/test_pause.py",
    "tests/flows/test_on_s3.py",
    "tests/flows/",
    "tests/faults/",
    "tests/pipeline/",
    "tests/docs/",
    "tests/benchmarks/",
    "tests/contracts/",
)
"""The files and folders whose tests take longest, the longest first."""
DEADLINE = "LRADAPT_LONG_TESTS_UNTIL"
"""Environment variable, in seconds since 1970: a long test that would begin later is skipped."""


def pytest_configure():
    """Let programs that tests start hear Ctrl-C, even where the tests run in the background.

    A shell starts a background job with SIGINT ignored, and all programs below inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


gc.disable()  # until all tests are collected: none of what is imported and collected is garbage


def pytest_collection_finish():
    """Let the garbage collector look at what tests make alone: a sixth less CPU time.

    What is there now, millions of objects, stays until the end.
    """
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Let one process of pytest-xdist run the tests of a file; what takes long begins first."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=_turn)


def _turn(item):
    turns = (turn for turn, start in enumerate(FIRST) if item.nodeid.startswith(start))
    return next(turns, len(FIRST))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Skip a long test that would begin after `DEADLINE`, and say so."""
    until = float(os.environ.get(DEADLINE, "inf"))
    if item.get_closest_marker("long") and time.time() > until:
        pytest.skip("not begun: the time of the long tests was over; run `make test-all`")


_FOREIGN = ("PREFECT_API", "AWS_", "LRADAPT_SIGNING", "LRADAPT_TRUSTED")


@pytest.fixture(autouse=True)
def _no_foreign_settings(monkeypatch):
    """Servers, settings and credentials of the person's own must not reach the tests."""
    for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")


@pytest.fixture
def shared():
    """The folder of image sets for measuring, which only the developers have."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent: it holds the image sets for measuring")
    return SHARED


@pytest.fixture(scope="session")
def moto():
    """A server of S3 in memory, one for the whole run."""
    from tests.s3_servers import MotoServer

    server = MotoServer()
    yield server
    server.stop()


@pytest.fixture
def bucket(moto, monkeypatch):
    """A new bucket of it, to which the settings of the AWS chain lead."""
    new = moto.bucket()
    for name, value in new.settings.items():
        monkeypatch.setenv(name, value)
    return new


@pytest.fixture(scope="session")
def rclone(tmp_path_factory):
    """A server of S3 that checks signatures and knows no conditional writes."""
    from tests.s3_servers import RcloneServer

    server = RcloneServer(str(tmp_path_factory.mktemp("rclone")))
    yield server
    server.stop()


@pytest.fixture
def random_image():
    """A function that makes a picture of random pixels, the same for the same seed."""

    def make(seed, size=(20, 16)):
        width, height = size
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
        return Image.fromarray(pixels)

    return make


@pytest.fixture
def engine():
    """One thread of the CPU, in fp32."""
    from lradapt.compute.engine import start_engine

    return start_engine(device="cpu", precision="fp32", threads=1)


@pytest.fixture
def one_broken(blobs):
    """A function: `num` points to judge by, the first of them infinite."""
    import torch

    def make(num):
        points = blobs(num, seed=1)
        points.activations[0] = torch.inf
        return points

    return make


@pytest.fixture
def blobs():
    """A function: `num` points of three separable classes in 8 dimensions, one view of each."""
    import torch

    from lradapt.training.inputs.examples import ActivationExamples

    def make(num, seed=0, spread=1.0):
        random = np.random.default_rng(seed)
        labels = np.arange(num) % 3
        centres = np.random.default_rng(99).normal(size=(3, 8)) * 2
        points = centres[labels] + random.normal(size=(num, 8)) * spread
        return ActivationExamples(
            torch.tensor(points, dtype=torch.float32)[:, None],
            torch.tensor(labels, dtype=torch.int64),
        )

    return make
