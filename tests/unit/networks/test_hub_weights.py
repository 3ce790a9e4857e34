"""The hub of timm's weights, played by a server of this machine."""

import hashlib
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import timm
import torch
from safetensors.torch import save

from lradapt.errors import WeightsError
from lradapt.networks import hub_weights as module
from lradapt.networks.hub_weights import hub_weights

NAME = "test_resnet"
SECONDS = 0.5


class Hub(ThreadingHTTPServer):
    """Gives one file to everybody; `silent_at` names the methods that it never answers."""

    daemon_threads = True

    def __init__(self, content: bytes, digest: str = "", silent_at: tuple[str, ...] = ()) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.content, self.silent_at = content, silent_at
        self.digest = digest or hashlib.sha256(content).hexdigest()
        self.ended = threading.Event()


class _Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._head("HEAD")

    def do_GET(self) -> None:
        if self._head("GET"):
            self.wfile.write(self.server.content)

    def _head(self, method: str) -> bool:
        if method in self.server.silent_at:
            self.server.ended.wait()
            return False
        self.send_response(200)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{self.server.digest}"')
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        return True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def hub_of(monkeypatch, tmp_path):
    hubs = []

    def start(content: bytes, **how) -> Hub:
        hub = Hub(content, **how)
        hubs.append(hub)
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{hub.server_port}"
        template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(module, "_LEAST_RATE", 1e9)
        return hub

    yield start
    for hub in hubs:
        hub.ended.set()
        hub.shutdown()
        hub.server_close()


@pytest.fixture(scope="module")
def weights():
    return timm.create_model(NAME).state_dict()


def test_the_weights_are_those_of_the_hub(hub_of, weights):
    hub = hub_of(save(weights))
    found, source, licence = hub_weights(NAME, seconds=30)
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], value) for name, value in weights.items())
    assert source == f"timm/test_resnet.r160_in1k on huggingface.co, sha256 {hub.digest}"
    assert licence == "apache-2.0"
    hub.silent_at = ("HEAD", "GET")
    again, *told = hub_weights(NAME, seconds=SECONDS)  # from the cache of the hub's client
    assert told == [source, licence]
    assert again.keys() == weights.keys()


def test_a_hub_that_takes_connections_and_never_answers_is_given_up(hub_of, weights):
    hub_of(save(weights), silent_at=("HEAD", "GET"))
    with pytest.raises(WeightsError, match=r"cannot be downloaded from huggingface.co here \(.+\)"):
        hub_weights(NAME, seconds=SECONDS)


def test_a_download_that_stands_still_is_given_up_with_one_message(
    hub_of, weights, monkeypatch, caplog
):
    monkeypatch.setattr(logging.getLogger("huggingface_hub"), "propagate", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", SECONDS / 5)
    hub_of(save(weights), silent_at=("GET",))
    with pytest.raises(WeightsError, match=r"here \(not done in 0.5\d* seconds\)"):
        hub_weights(NAME, seconds=SECONDS)
    assert caplog.messages == []


def test_a_file_with_another_hash_than_the_hub_names_is_refused(hub_of, weights):
    hub_of(save(weights), digest="0" * 64)
    for _ in range(2):  # the second file is that of the cache
        with pytest.raises(WeightsError, match=r"is damaged: its sha256 is not the hub's"):
            hub_weights(NAME, seconds=30)
