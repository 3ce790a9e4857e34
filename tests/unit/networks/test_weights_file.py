import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lradapt.compute.engine import seeded
from lradapt.errors import WeightsError
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import import_backbone
from lradapt.networks.classifier import build
from lradapt.networks.weights_file import read_weights

RESNET18 = ARCHITECTURES["resnet18"]
WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.steps": torch.tensor(3)}


class Trap:
    def __reduce__(self):
        return (open, ("sprung", "w"))


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "pt", "old.pth", "packed.pth"])
def test_names_and_tensors_are_read_from_every_kind_of_file(tmp_path, suffix):
    path = tmp_path / f"weights.{suffix}"
    if suffix == "safetensors":
        save_file(WEIGHTS, path)
    else:
        torch.save(WEIGHTS, path, _use_new_zipfile_serialization=suffix != "old.pth")
    if suffix == "packed.pth":
        pack_again(path)
    found = read_weights(path)
    assert found.keys() == WEIGHTS.keys()
    assert all(torch.equal(found[name], value) for name, value in WEIGHTS.items())


def pack_again(path):
    """Compress the content of a zip file."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in content.items():
            archive.writestr(name, value)


def saved(value):
    def save(path):
        torch.save(value, path)

    return save


def bytes_of(content):
    return lambda path: path.write_bytes(content)


def cut(path):
    torch.save(WEIGHTS, path)
    path.write_bytes(path.read_bytes()[:-100])


def archive_of(**content):
    def save(path):
        with zipfile.ZipFile(path, "w") as archive:
            for name, value in content.items():
                archive.writestr(f"x/{name}", value)

    return save


NOT_WEIGHTS = {
    "code": (bytes_of(pickle.dumps(Trap(), protocol=2)), "it holds _?io.open, and lradapt"),
    "network": (saved(torch.nn.Linear(1, 1)), "it holds torch.nn.modules.linear.Linear, and"),
    "arrays": (
        saved({"a": np.zeros(3)}),
        "it holds numpy.*reconstruct, and lradapt unpickles only",
    ),
    "empty": (bytes_of(b""), "it is empty"),
    "pointer": (bytes_of(b"version https://git-lfs.github.com/spec/v1\n"), "run `git lfs pull`"),
    "page": (bytes_of(b"<!DOCTYPE html><html>"), "damaged or cut off, or of another kind"),
    "text": (bytes_of(b"hello, these are no weights\n"), "damaged or cut off, or of another kind"),
    "cut": (cut, "damaged or cut off"),
    "archive": (archive_of(readme=b"hi"), "damaged or cut off, or of another kind"),
}


@pytest.mark.parametrize("case", NOT_WEIGHTS)
def test_what_is_no_file_of_weights_is_one_message_of_ours(tmp_path, case):
    save, message = NOT_WEIGHTS[case]
    path = tmp_path / "mine.pth"
    save(path)
    with pytest.raises(WeightsError, match=message) as error:
        read_weights(path)
    assert str(error.value).startswith(f"{path} is not a file of weights alone: ")
    assert "weights_only" not in str(error.value)
    assert len(str(error.value)) < 300 + len(str(path))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3, "model": WEIGHTS}, r"but also 'epoch' \(int\), 'model' \(dict\); save the"),
        ({1: torch.zeros(2)}, r"but also 1 \(Tensor\)"),
        ([torch.zeros(2)], "holds a list, and no state dict"),
        (torch.zeros(2), "holds a Tensor, and no state dict"),
        ({"a": torch.zeros(2).to_sparse(), "b": torch.zeros(2, dtype=torch.complex64)}, "2 fault"),
        ({"a": torch.tensor([1.0, torch.nan, torch.inf])}, "a: 2 of 3 values are infinite or no n"),
        ({"a": torch.tensor([-torch.inf]).half()}, "a: 1 of 1 values are infinite or no number"),
    ],
)
def test_what_is_no_state_dict_is_reported_with_what_it_is(tmp_path, content, message):
    torch.save(content, tmp_path / "mine.pth")
    with pytest.raises(WeightsError, match=message):
        read_weights(tmp_path / "mine.pth")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.pth", None, "no file"),
        ("weights.bin", b"x", "is no file of weights: expected .safetensors, .pt, .pth"),
        ("broken.safetensors", b"not one", "not a file of weights alone: it is damaged"),
    ],
)
def test_another_name_or_kind_of_file_is_named(tmp_path, name, content, message):
    if content:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=message) as error:
        read_weights(tmp_path / name)
    assert name in str(error.value)


def test_a_zip_bomb_is_refused_before_any_of_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data/0", bytes(20_000_000))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(WeightsError, match=r"would unpack to 20.0 MB, over 4 times as much"):
        read_weights(path)


def test_a_tensor_that_only_claims_to_be_large_is_refused_before_it_is_copied(
    tmp_path, monkeypatch
):
    with seeded(7):
        weights = build(RESNET18, num_classes=1).state_dict()
    weights["conv1.weight"] = torch.zeros(1, dtype=torch.half).expand(30_000, 30_000)
    torch.save(weights, tmp_path / "mine.pth")
    own = torch.isfinite

    def isfinite(value):
        assert value.numel() < 1e8, "each value of it was looked at"
        return own(value)

    monkeypatch.setattr(torch, "isfinite", isfinite)
    monkeypatch.setattr(torch.Tensor, "float", lambda _: pytest.fail("it was copied"))
    with pytest.raises(
        WeightsError, match=r"weight: a view of 900,000,000 values, of which only 1"
    ):
        import_backbone(str(tmp_path / "mine.pth"), RESNET18, tmp_path / "body")
