import socket
import urllib.request
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from lradapt.compute.engine import seeded
from lradapt.errors import LradaptError, WeightsError
from lradapt.networks import backbone
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import Origin, import_backbone, read_backbone, read_origin
from lradapt.networks.classifier import build
from lradapt.runtime.files import sha256_of

RESNET18 = ARCHITECTURES["resnet18"]


@pytest.fixture
def weights():
    with seeded(7):
        return build(RESNET18, num_classes=4).state_dict()


@pytest.fixture
def _no_network(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_of_weights_comes_without_its_head(tmp_path, weights, suffix):
    source, into = tmp_path / f"mine{suffix}", tmp_path / "backbone.safetensors"
    save_file(weights, source) if suffix == ".safetensors" else torch.save(weights, source)
    origin = import_backbone(str(source), RESNET18, into)
    assert origin == Origin("resnet18", sha256_of(source), f"mine{suffix}") == read_origin(into)
    body = read_backbone(into, RESNET18)
    assert body.keys() == {name for name in weights if not name.startswith("fc.")}
    assert all(torch.equal(weights[name], value) for name, value in body.items())


@pytest.mark.slow
def test_the_file_is_the_same_bytes_each_time(tmp_path):
    for name in ("one", "two"):
        import_backbone("none", RESNET18, tmp_path / name)
    assert sha256_of(tmp_path / "one") == sha256_of(tmp_path / "two")


@pytest.mark.slow
@pytest.mark.usefixtures("_no_network")
def test_auto_says_why_it_fell_back_to_random_weights(tmp_path):
    origin = import_backbone("auto", RESNET18, tmp_path / "body")
    assert origin.source == "none"
    assert "cannot be downloaded here (no route to host)" in origin.detail


def test_a_network_that_never_answers_is_given_up(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, answers none

        def download(*_, **__):
            urllib.request.urlopen(f"http://127.0.0.1:{silent.getsockname()[1]}/")

        monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", download)
        monkeypatch.setattr(backbone, "_NETWORK_SECONDS", 0.2)
        origin = import_backbone("auto", RESNET18, tmp_path / "body")
    assert "timed out" in origin.detail
    assert socket.getdefaulttimeout() is None


@pytest.mark.usefixtures("_no_network")
def test_imagenet_weights_that_cannot_be_had_are_an_error(tmp_path):
    with pytest.raises(WeightsError, match="ImageNet weights cannot be downloaded"):
        import_backbone("imagenet", RESNET18, tmp_path / "body")
    assert not (tmp_path / "body").exists()


def test_imagenet_weights_are_those_that_torchvision_brings(tmp_path, monkeypatch, weights):
    monkeypatch.setattr(
        "torchvision.models._api.load_state_dict_from_url", lambda *_, **__: weights
    )
    origin = import_backbone("auto", RESNET18, tmp_path / "body")
    assert (origin.source, origin.detail) == ("imagenet", "ResNet18_Weights.IMAGENET1K_V1")
    found = read_backbone(tmp_path / "body", RESNET18)["layer4.1.conv2.weight"]
    assert torch.equal(found, weights["layer4.1.conv2.weight"])


@pytest.mark.parametrize("source", ["imagenet", "auto", "none"])
def test_a_name_that_torchvision_does_not_know_is_an_error_of_its_own(tmp_path, source):
    unknown = replace(RESNET18, name="resnt18")
    with pytest.raises(LradaptError, match=r"model.architecture resnt18: Unknown model resnt18"):
        import_backbone(source, unknown, tmp_path / "body")


def test_another_architecture_than_the_params_is_named_with_the_remedy(tmp_path):
    import_backbone("none", RESNET18, tmp_path / "body")
    with pytest.raises(WeightsError, match=r"holds a resnet18, but .* is resnet34; import its"):
        read_backbone(tmp_path / "body", ARCHITECTURES["resnet34"])


def test_a_file_that_is_no_backbone_is_named_with_the_remedy(tmp_path):
    (tmp_path / "body").write_bytes(b"?")
    with pytest.raises(WeightsError, match=r"not a backbone .*lradapt import weights auto"):
        read_origin(tmp_path / "body")
