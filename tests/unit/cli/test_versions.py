import json
import os

import pytest
from colour_model import colour_model
from releases import promote, publish

from lradapt.registry import open_registry


@pytest.fixture
def published(tmp_path):
    """A function that publishes a version of that day, and promotes it where that is asked for."""

    def put(day, *, live=False, **facts):
        registry = open_registry(str(tmp_path / "registry"))
        created = f"2026-01-{day:02}T01:02:03+00:00"
        version = publish(registry, colour_model([f"{day}", "b", "c"]), created=created, **facts)
        if live:
            promote(registry, version, at=f"2026-02-{day:02}T01:02:03+00:00")
        return version

    return put


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")


def cells(table):
    """The cells of a table's lines, without its header."""
    lines = [line for line in table.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_versions_shows_each_with_its_scores_and_which_is_live(lradapt, published):
    one = published(1, metrics={"accuracy": 0.98765, "balanced_accuracy": 0.5})
    two = published(2, live=True)
    output = lradapt("versions")
    size = f"{len(colour_model(['2', 'b', 'c'])) / 1e6:.1f} MB"
    assert (output.code, output.err) == (0, "")
    assert cells(output.out) == [
        [one, "2026-01-01 01:02", "98.77%", "50.00%", size, ""],
        [two, "2026-01-02 01:02", "-", "-", size, "2026-02-02 01:02"],
    ]


def test_an_incomplete_version_is_shown_as_such(lradapt, published, tmp_path):
    version = published(1)
    (tmp_path / f"registry/classifier/versions/{version}/manifest.json").unlink()
    (line,) = cells(lradapt("versions").out)
    assert line == [version, "-", "-", "-", "-", "incomplete: no manifest"]


@pytest.mark.parametrize("command", [["versions"], ["prune", "--keep", "1"]])
def test_a_registry_without_a_version_is_an_error(lradapt, command):
    output = lradapt(*command)
    assert (output.code, output.out) == (1, "")
    assert output.err == (
        "error: nothing of classifier has been published in registry yet; `make retrain` trains "
        "and publishes a first version\n"
    )


def test_show_tells_of_the_live_version_what_a_person_asks(lradapt, published):
    published(1)
    facts = {
        "metrics": {"accuracy": 0.9, "balanced_accuracy": 0.8},
        "code": {"commit": "abc123", "dirty": True},
        "params": {"seed": 7, "data": {"input_size": 24}},
        "ancestor": "",
    }
    version = published(2, live=True, **facts)
    rows = cells(lradapt("show").out)
    output = {what: value for what, value in rows if what}
    assert output["version"] == version
    assert (output["accuracy"], output["balanced accuracy"]) == ("90.00%", "80.00%")
    assert output["code"] == "abc123 with changes"
    assert output["params"] == "seed: 7"
    assert ["", "input_size: 24"] in rows
    assert output["files"].startswith("model.onnx")
    assert "ancestor" not in output


def test_show_of_a_named_version_as_json_is_its_manifest(lradapt, published, tmp_path):
    version = published(1)
    registry = open_registry(str(tmp_path / "registry"))
    output = lradapt("show", version, "--json")
    assert json.loads(output.out) == registry.manifest(version)


def test_show_of_what_cannot_be_shown_is_one_message(lradapt, published, tmp_path):
    version = published(1)
    assert lradapt("show").err.startswith("error: nothing of classifier is in production")
    assert lradapt("show", "abc").err.startswith("error: no version abc of classifier in registry")
    path = tmp_path / f"registry/classifier/versions/{version}/manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    output = lradapt("show", version)
    assert (output.code, output.out) == (1, "")
    assert output.err == f"error: the manifest of {version} has format 2, expected 1\n"


def test_prune_says_what_goes_asks_and_removes_it(lradapt, published, monkeypatch):
    old, new = published(1), published(2)
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    output = lradapt("prune", "--keep", "1")
    asked = "remove them for good? [y/n] (n): "
    assert output.out.splitlines() == [f"to remove from registry: {old}", f"{asked}removed {old}"]
    assert [each["version"] for each in json.loads(lradapt("versions", "--json").out)] == [new]


def test_prune_that_is_not_confirmed_removes_nothing(lradapt, published, monkeypatch):
    published(1)
    published(2)
    assert lradapt("prune", "--keep", "1").code == 1  # nobody answers

    def stopped(*_):
        raise KeyboardInterrupt

    for answer, code in ((lambda *_: "n", 1), (stopped, 130)):
        monkeypatch.setattr("builtins.input", answer)
        assert lradapt("prune", "--keep", "1").code == code
    assert len(json.loads(lradapt("versions", "--json").out)) == 2


def test_prune_keeps_what_is_live_and_the_one_before(lradapt, published):
    first = published(1, live=True)
    second = published(2, live=True)
    newest = published(4)
    published(3)
    assert lradapt("prune", "--keep", "1", "--yes").code == 0
    listed = json.loads(lradapt("versions", "--json").out)
    assert [each["version"] for each in listed] == [first, second, newest]
    assert "nothing to remove: all 3 versions stay" in lradapt("prune", "--keep", "1", "--yes").out


def test_prune_without_a_number_or_with_none_to_keep_is_wrong_usage(lradapt, published):
    published(1)
    assert lradapt("prune").code == 2
    assert lradapt("prune", "--keep", "0", "--yes").code == 2


def test_show_card_prints_the_card_and_what_became_of_the_version(lradapt, published, tmp_path):
    registry = open_registry(str(tmp_path / "registry"))
    files = {"model.onnx": b"", "trained_on.csv": b"", "model_card.md": b"# Card\n"}
    version = registry.publish(files, {})
    output = lradapt("show", version, "--card")
    assert (output.code, output.err) == (0, "")
    assert output.out == f"# Card\n\nVersion {version}:\n\nIt has never been in production.\n"


def test_prune_as_json_says_what_went_and_asks_nobody(lradapt, published):
    old, new = published(1), published(2)
    refused = lradapt("prune", "--keep", "1", "--json")
    assert (refused.code, refused.out) == (2, "")
    assert "--json needs --yes" in refused.err
    output = lradapt("prune", "--keep", "1", "--json", "--yes")
    assert json.loads(output.out) == {"removed": [old], "stay": [new]}
    again = lradapt("prune", "--keep", "1", "--json", "--yes")
    assert json.loads(again.out) == {"removed": [], "stay": [new]}


def test_prune_incomplete_removes_old_temporary_files(lradapt, published, tmp_path, monkeypatch):
    version = published(1, live=True)
    path = tmp_path / f"registry/classifier/versions/{version}/.{'0' * 32}"
    path.write_bytes(bytes(2_500_000))
    os.utime(path, (0, 0))
    assert "nothing to remove" in lradapt("prune", "--keep", "1", "--yes").out
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    output = lradapt("prune", "--keep", "1", "--incomplete")
    what = "1 temporary file(s) of killed processes, 2.5 MB"
    asked = "remove them for good? [y/n] (n): "
    assert output.out.splitlines() == [f"to remove from registry: {what}", f"{asked}removed {what}"]
    assert not path.exists()


def test_prune_incomplete_as_json_names_the_temporary_files(lradapt, tmp_path):
    path = tmp_path / f"registry/classifier/.{'0' * 32}"
    path.parent.mkdir(parents=True)
    path.touch()
    os.utime(path, (0, 0))
    output = lradapt("prune", "--keep", "1", "--incomplete", "--json", "--yes")
    assert json.loads(output.out) == {
        "removed": [],
        "stay": [],
        "temporary_files": [f"classifier/{path.name}"],
    }


def test_prune_incomplete_without_a_number_removes_no_complete_version(
    lradapt, published, tmp_path
):
    versions = [published(number) for number in (1, 2, 3)]
    (tmp_path / f"registry/classifier/versions/{versions[0]}/manifest.json").unlink()
    output = lradapt("prune", "--incomplete", "--json", "--yes")
    assert json.loads(output.out)["removed"] == versions[:1]
    assert json.loads(output.out)["stay"] == versions[1:]


def test_prune_says_what_it_leaves(lradapt, published, tmp_path):
    old, _ = published(1), published(2)
    (tmp_path / f"registry/classifier/versions/{old}/notes.txt").touch()
    output = lradapt("prune", "--keep", "1", "--yes")
    assert output.out == f"removed {old}\n"
    assert output.err.endswith(f"no manifest names it: classifier/versions/{old}/notes.txt\n")
