"""The file that a warm start begins with, and the head's rows that it takes over."""

import pytest
import torch
from safetensors.torch import load_file, save

from lradapt.errors import WeightsError
from lradapt.networks.champion import (
    Champion,
    ensure_file,
    read_champion,
    warm_weights,
    write_champion,
)

CHAMPION = Champion("0123456789ab", "resnet18", ("cat", "dog"))
WEIGHTS = {"conv": torch.arange(6.0).view(2, 3), "counter": torch.tensor(7)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "champion.safetensors"


def test_the_file_says_whose_the_weights_are(path):
    write_champion(path, CHAMPION, save(WEIGHTS))
    champion, weights = read_champion(path, "resnet18")
    assert champion == CHAMPION
    assert weights.keys() == WEIGHTS.keys()
    assert all(torch.equal(weights[name], WEIGHTS[name]) for name in WEIGHTS)


def test_the_same_champion_is_the_same_bytes(path):
    write_champion(path, CHAMPION, save(WEIGHTS))
    first = path.read_bytes()
    write_champion(path, CHAMPION, save(WEIGHTS))
    assert path.read_bytes() == first


def test_the_empty_file_is_made_once_and_never_over_another(path):
    ensure_file(path)
    assert load_file(path) == {}
    write_champion(path, CHAMPION, save(WEIGHTS))
    before = path.read_bytes()
    ensure_file(path)
    assert path.read_bytes() == before


def test_a_missing_an_empty_and_a_damaged_file_ask_for_the_champion(path):
    remedy = r"holds no champion .*`lradapt import champion`, or set finetune.start to backbone"
    for make in (lambda: None, lambda: ensure_file(path), lambda: path.write_bytes(b"text")):
        make()
        with pytest.raises(WeightsError, match=remedy):
            read_champion(path, "resnet18")


def test_another_architecture_is_refused_by_name(path):
    write_champion(path, CHAMPION, save(WEIGHTS))
    with pytest.raises(WeightsError, match=r"holds a resnet18 \(version 0123456789ab\), but model"):
        read_champion(path, "resnet34")


def test_known_classes_keep_the_champion_s_rows_and_new_ones_get_the_new_head_s():
    champion = {
        "body": torch.tensor([5.0]),
        "fc.weight": torch.tensor([[10.0], [20.0], [30.0]]),
        "fc.bias": torch.tensor([1.0, 2.0, 3.0]),
    }
    new = {
        "body": torch.tensor([0.0]),
        "fc.weight": torch.tensor([[-1.0], [-2.0], [-3.0]]),
        "fc.bias": torch.tensor([-4.0, -5.0, -6.0]),
    }
    former, today = ["bird", "cat", "dog"], ["ant", "cat", "bird"]
    warm = warm_weights(champion, new, head="fc", previous_classes=former, classes=today)
    assert warm["body"].tolist() == [5]
    assert warm["fc.weight"].tolist() == [[-1], [20], [10]]
    assert warm["fc.bias"].tolist() == [-4, 2, 1]
    assert new["fc.bias"].tolist() == [-4, -5, -6], "the new head itself was changed"
