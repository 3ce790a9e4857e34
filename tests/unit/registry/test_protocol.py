import json

import pytest

from lradapt.registry import open_registry
from lradapt.registry.protocol import (
    answer,
    ask,
    close,
    freeze_rules,
    read_comparisons,
    read_rules,
)
from lradapt.registry.store import RegistryError

NAME = "moles"


@pytest.fixture
def store(tmp_path):
    return open_registry(str(tmp_path), NAME).store


def test_rules_are_written_once_under_their_hash(store):
    first = freeze_rules(store, NAME, "ab", {"margin": 0.02})
    freeze_rules(store, NAME, "ab", {"margin": 0.02})
    freeze_rules(store, NAME, "cd", {"margin": 0.01})
    found = [each.facts for each in read_rules(store, NAME)]
    assert [(each["sha256"], each["rules"]) for each in found] == [
        ("ab", {"margin": 0.02}),
        ("cd", {"margin": 0.01}),
    ]
    assert found[0]["at"] == first


def test_a_comparison_is_read_as_it_was_written_and_further_outcomes_are_kept(store):
    answered = answer(store, NAME, ask(store, NAME, "v1", {"version": "v1"}), {"decision": "keep"})
    close(store, NAME, answered, {"decision": "keep"})
    close(store, NAME, answered, {"decision": "promote"})
    [found] = read_comparisons(store, NAME)
    assert (found.asked["version"], found.verdict["decision"]) == ("v1", "keep")
    assert [each["decision"] for each in found.outcomes] == ["keep", "promote"]
    assert found.faults == ()


def test_comparisons_are_in_the_order_in_which_they_were_asked(store):
    for version in "zayb":
        ask(store, NAME, version, {"version": version})
    assert [each.asked["version"] for each in read_comparisons(store, NAME)] == list("zayb")


def test_a_comparison_that_was_interrupted_has_no_verdict(store):
    ask(store, NAME, "v1", {})
    [found] = read_comparisons(store, NAME)
    assert (found.verdict, found.outcomes, found.faults) == (None, (), ())


def changed(tmp_path, file):
    """Change a fact in a file of the only comparison."""
    [path] = (tmp_path / NAME / "protocol" / "comparisons").glob(f"*/{file}")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rules": "others"}))


def test_a_question_that_was_changed_after_the_verdict_is_a_fault(store, tmp_path):
    answered = answer(store, NAME, ask(store, NAME, "v1", {"rules": "first"}), {})
    close(store, NAME, answered, {})
    changed(tmp_path, "asked.json")
    [found] = read_comparisons(store, NAME)
    assert len(found.faults) == 1
    assert found.faults[0].startswith("asked.json is not the file before verdict.json: sha256 ")


def test_a_verdict_that_was_removed_is_a_fault_of_its_outcome(store, tmp_path):
    close(store, NAME, answer(store, NAME, ask(store, NAME, "v1", {}), {}), {})
    [path] = (tmp_path / NAME / "protocol" / "comparisons").glob("*/verdict.json")
    path.unlink()
    [found] = read_comparisons(store, NAME)
    assert found.faults[0].startswith("verdict.json is not the file before outcome-1.json")


def test_a_file_cut_off_in_the_middle_is_a_fault_and_rules_cut_off_are_an_error(store, tmp_path):
    ask(store, NAME, "v1", {})
    [path] = (tmp_path / NAME / "protocol" / "comparisons").glob("*/asked.json")
    path.write_bytes(path.read_bytes()[:20])
    [found] = read_comparisons(store, NAME)
    assert (found.asked, "asked.json is damaged" in found.faults[0]) == (None, True)
    freeze_rules(store, NAME, "ab", {})
    rules = tmp_path / NAME / "protocol" / "rules" / "ab.json"
    rules.write_bytes(b"{")
    with pytest.raises(RegistryError, match=r"rules/ab.json is damaged"):
        read_rules(store, NAME)
