"""Options with a number refuse NaN, infinity and what is out of range by one message."""

import inspect
import typing

import pytest

from lradapt.cli.app import app

OUTSIDE = ("nan", "inf", "-inf", "-1", "0", "many")
SERVE = {
    "--record-days": "a number from 0.01 to 36500",
    "--record-megabytes": "a number of at least 1",
    "--refresh-seconds": "a number from 0.1 to 2592000",
    "--max-upload": "a number of at least 0.1",
    "--max-in-flight": "a number of at least 0.1",
    "--max-megapixels": "a number of at least 0.01",
    "--total-megapixels": "a number of at least 0.01",
    "--body-seconds": "a number from 0.1 to 2592000",
    "--idle-seconds": "a number from 0.1 to 2592000",
    "--look-seconds": "a number from 0.1 to 2592000",
}


def refused(lradapt, command, option, value, expected):
    said = lradapt(command, option, value)
    assert said.code == 2
    words = " ".join(said.err.replace("│", " ").split())
    assert f"Invalid value for '{option}': {value}; expected {expected}" in words


@pytest.mark.parametrize("option", SERVE)
def test_an_option_of_the_endpoint_names_its_range(lradapt, option):
    for value in OUTSIDE:
        refused(lradapt, "serve", option, value, SERVE[option])


def test_what_is_too_high_gets_the_same_message(lradapt):
    refused(lradapt, "serve", "--record-days", "1000000", SERVE["--record-days"])
    refused(lradapt, "serve", "--look-seconds", "1e300", SERVE["--look-seconds"])


def test_the_time_of_a_measurement_is_finite(lradapt):
    refused(lradapt, "tune-engine", "--seconds", "inf", "a number from 1 to 2592000")


def test_no_float_option_is_without_a_range():
    options = [
        each
        for command in _commands(app)
        for each in inspect.signature(command).parameters.values()
        if float in _kinds(each.annotation)
    ]
    assert len(options) == len(SERVE) + 1
    assert all(each.annotation.__metadata__[0].parser for each in options)


def _commands(group):
    yield from (each.callback for each in group.registered_commands)
    for each in group.registered_groups:
        yield from _commands(each.typer_instance)


def _kinds(annotation):
    inner = typing.get_args(annotation)[:1]
    return {annotation, *inner, *(each for one in inner for each in typing.get_args(one))}
