"""The options of `lradapt serve` that record."""

import pytest


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--record-images"], "--record-images needs --record DIR"),
        (
            ["--record", "record", "--record-images", "--record-bytes", "100"],
            "--record-bytes 100 is below 160, 8 times --max-upload",
        ),
        (["--record", "record", "--record-days", "0"], "greater than or equal to 0.01"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(lradapt, words, fault):
    said = lradapt("serve", *words)
    assert said.code == 2
    assert fault in " ".join(said.err.replace("│", " ").split())


def test_a_location_of_an_unknown_kind_is_an_error(lradapt):
    said = lradapt("serve", "--record", "ftp://host/record")
    assert said.code == 1
    assert "ftp" in said.err
