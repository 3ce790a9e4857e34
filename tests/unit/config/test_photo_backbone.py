"""Photographs get the network whose ImageNet weights can be had."""

import pytest

from lradapt.config.photo_backbone import facts_of, photo_backbone
from lradapt.networks import timm_networks


@pytest.mark.parametrize(
    ("installed", "name"), [(True, "timm/tf_efficientnet_lite0"), (False, "resnet18")]
)
def test_the_packaged_network_is_taken_where_it_is_installed(monkeypatch, installed, name):
    monkeypatch.setattr(timm_networks, "is_installed", lambda _: installed)
    timm_networks.timm_facts.cache_clear()
    try:
        assert photo_backbone()[0].name == name
    finally:
        timm_networks.timm_facts.cache_clear()


def test_of_a_network_that_timm_does_not_have_nothing_is_known():
    assert facts_of("timm/no_such_network") is None
