"""The wheel in a clean environment: the core predicts alone, the extra `serve` serves."""

import json
import socket
import subprocess
import time
import urllib.request

import pytest

from lradapt.registry import open_registry
from tests.installed.clean import ENVIRONMENT, Installed, build_wheel, require_index
from tests.unit.colour_model import colour_model, paint
from tests.unit.releases import release

pytestmark = [pytest.mark.slow, pytest.mark.long]

SERVING = ("fastapi", "uvicorn", "prometheus_client")
HEAVY = ("torch", "torchvision", "timm", "onnx", "pandas", "scipy", "sklearn", "matplotlib")
ORCHESTRATORS = ("dvc", "prefect", "sqlalchemy")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    require_index(folder)
    return build_wheel(folder)


@pytest.fixture(scope="module")
def core(tmp_path_factory, wheel):
    return Installed(tmp_path_factory.mktemp("core"), wheel)


@pytest.fixture(scope="module")
def serving(tmp_path_factory, wheel):
    return Installed(tmp_path_factory.mktemp("serving"), wheel, "[serve]")


@pytest.fixture
def folder(tmp_path):
    """A folder with a model in production, and an image."""
    release(open_registry(str(tmp_path / "registry")), colour_model())
    paint(tmp_path / "green.png", "green", size=64)
    return tmp_path


def test_the_core_predicts_alone(core, folder):
    assert core.has(*SERVING, *HEAVY, *ORCHESTRATORS) == []
    answer = json.loads(core.lradapt(folder, "predict", "--json", "green.png").stdout)
    assert [each["class"] for each in answer] == ["green"]
    (moved,) = json.loads(core.lradapt(folder, "history", "--json").stdout)
    assert moved["kind"] == "promotion"


def test_the_core_names_the_extra_of_a_command(core, folder):
    done = core.lradapt(folder, "serve", check=False)
    assert done.returncode == 1
    assert "pip install 'lradapt[serve]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_extra_serve_serves(serving, folder):
    assert serving.has(*HEAVY, *ORCHESTRATORS) == []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [serving.python.parent / "lradapt", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE)
    try:
        answer = ask(f"http://127.0.0.1:{port}/predict", folder / "green.png", process)
    finally:
        process.terminate()
        errors = process.communicate(timeout=60)[1]
    assert answer["predictions"][0]["class"] == "green", errors


def ask(address, image, process, seconds=60):
    """Return the answer, as soon as the server gives one."""
    deadline = time.monotonic() + seconds
    while True:
        assert process.poll() is None, process.stderr.read()
        try:
            with urllib.request.urlopen(address, image.read_bytes(), timeout=30) as response:
                return json.load(response)
        except OSError:
            assert time.monotonic() < deadline, f"no answer in {seconds} seconds"
            time.sleep(0.1)
