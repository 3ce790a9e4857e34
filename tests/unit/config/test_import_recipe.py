"""The recipe of an import, for random weights and for ImageNet's."""

from pathlib import Path

import pytest

from lradapt.config.import_choices import may_change, value_of
from lradapt.config.import_recipe import PRETRAINED, choose_recipe
from lradapt.config.yaml_files import read_yaml
from lradapt.training.schedules import growing_cycles

SHIPPED = read_yaml(Path(__file__).parents[3] / "params.yaml")


def test_the_recipe_without_imagenet_is_the_one_that_is_shipped():
    choices = choose_recipe(pretrained=False, batch_size=64)
    assert [choice.value for choice in choices] == [
        value_of(SHIPPED, choice.key) for choice in choices
    ]


@pytest.mark.parametrize("pretrained", [True, False])
def test_every_value_of_a_recipe_is_an_import_s_own_in_a_new_project(pretrained):
    recipe = choose_recipe(pretrained=pretrained, batch_size=16)
    assert all(may_change(SHIPPED, choice.key) for choice in recipe)


def test_a_pretrained_backbone_gets_the_exact_head_and_gentle_cycles():
    choices = choose_recipe(pretrained=True, batch_size=64)
    values = {choice.key: choice.value for choice in choices}
    assert values.keys() == {
        choice.key for choice in choose_recipe(pretrained=False, batch_size=64)
    }
    assert values == PRETRAINED
    assert (values["train_head.method"], values["finetune.stop"]) == ("exact", "no_gain")
    assert (values["finetune.optimizer"], values["finetune.batchnorm"]) == ("adamw", "frozen")
    rates = (values["body_rates.source"], values["find_body_lr.rule"])
    assert rates == ("found_or_given", "rise")
    assert all(choice.reason for choice in choices)


@pytest.mark.parametrize(
    ("batch", "rates", "epochs"),
    [
        (16, [0, 2e-4, 4e-5], [3]),
        (32, [0, 3e-4, 6e-5], [5]),
        (64, [0, 5e-4, 1e-4], [5]),
        (128, [0, 5e-4, 1e-4], [5]),
    ],
)
def test_few_images_get_fewer_epochs_at_lower_rates_of_the_late_layers(batch, rates, epochs):
    chosen = {each.key: each for each in choose_recipe(pretrained=True, batch_size=batch)}
    assert chosen["body_rates.rates"].value == rates
    assert f"for batches of {batch}" in chosen["body_rates.rates"].reason
    names = {"first": "first_cycle_epochs", "growth": "cycle_growth", "count": "num_cycles"}
    cycles = {name: chosen[f"finetune.{key}"].value for name, key in names.items()}
    assert growing_cycles(**cycles) == epochs
