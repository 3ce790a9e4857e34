"""Servers for the tests of trackers: MLflow's own on sqlite, and one that never answers."""

import os
import shutil
import socket
import subprocess
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

import httpx

from tests.prefect_server import free_port
from tests.waiting import wait_for


def is_installed(package):
    """Whether a package is installed, such as mlflow, and not mlflow-skinny alone."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


@contextmanager
def mlflow_server(folder):
    """A server of MLflow's on 127.0.0.1 with a database and artifacts in `folder`; its address."""
    port = free_port()
    words = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    places = (
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--artifacts-destination", f"{folder}/artifacts"),
    )
    with (folder / "server.log").open("w") as said:
        started = subprocess.Popen(
            [shutil.which("mlflow"), "server", *words, *places],
            cwd=folder,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(lambda: _is_healthy(port), seconds=240)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(started)


def end(started):
    """End a server and its processes."""
    os.killpg(started.pid, 15)
    try:
        started.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, 9)
        started.wait(20)


def _is_healthy(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").is_success
    except httpx.TransportError:
        return False


@contextmanager
def silent_server():
    """A server that takes connections and never answers; its address, with user and password."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://ada:hunter22@127.0.0.1:{listening.getsockname()[1]}"
