"""The options of `lradapt serve` that record."""

from pathlib import Path

import pytest

from lradapt.cli.record_options import RecordChoice
from lradapt.serving.pseudonyms import GroupKeyError


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--record-images"], "--record-images needs --record DIR"),
        (
            ["--record", "record", "--record-images", "--record-megabytes", "100"],
            "--record-megabytes 100 is below 160, 8 times --max-upload",
        ),
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


def opened(monkeypatch, key):
    monkeypatch.setenv("LRADAPT_GROUP_KEY", key)
    choice = RecordChoice("record", images=False, days=30, megabytes=100, spool=Path("spool"))
    return choice.opened(20)


def test_a_key_of_groups_that_could_be_guessed_is_an_error_that_does_not_show_it(monkeypatch):
    fault = "LRADAPT_GROUP_KEY has 6 characters, expected 32 or more"
    with pytest.raises(GroupKeyError, match=fault) as raised:
        opened(monkeypatch, "secret")
    assert "secret" not in str(raised.value)


def test_the_record_of_an_endpoint_has_the_key_of_the_environment(monkeypatch):
    assert vars(opened(monkeypatch, "0" * 32))["_group_key"] == b"0" * 32
