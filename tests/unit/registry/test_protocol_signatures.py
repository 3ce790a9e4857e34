"""Records of comparisons: signed as they are written, and what a reader makes of others."""

import json
import shutil
from pathlib import Path

import pytest
from signers import NAME, Person, keys, registry

from lradapt.registry.protocol import (
    answer,
    ask,
    close,
    freeze_rules,
    read_comparisons,
    read_rules,
)
from lradapt.registry.protocol_signatures import sign_records

RULES = {"margin": 0.02}
STEPS = ["asked.json", "verdict.json", "outcome-1.json"]


@pytest.fixture
def anna(tmp_path):
    return Person(tmp_path, "anna")


@pytest.fixture
def bea(tmp_path):
    return Person(tmp_path, "bea")


@pytest.fixture
def store(tmp_path):
    return registry(tmp_path / "registry").store


def compare(store, signer=None, version="v1"):
    """Record a whole comparison; return its id."""
    key = signer.key if signer else None
    freeze_rules(store, NAME, "ab", RULES, key)
    asked = ask(store, NAME, version, {"version": version}, key)
    answered = answer(store, NAME, asked, {"decision": "keep", "lower": 0.1 + 0.2}, key)
    close(store, NAME, answered, {"decision": "keep"}, key)
    return asked.id


def read(store, *people):
    """The only comparison, as a reader sees it who trusts these people."""
    [found] = read_comparisons(store, NAME, keys(trusted=people).trusted)
    return found


def place(entry, file, signer=None):
    """The key of a file of a comparison, or of its signature by somebody."""
    name = f"{file.removesuffix('.json')}-{signer.key.id}.sig" if signer else file
    return f"{NAME}/protocol/comparisons/{entry}/{name}"


def test_a_comparison_is_signed_step_by_step_and_its_rules_too(store, anna):
    compare(store, anna)
    assert (read(store, anna).faults, read(store, anna).signed_by) == ((), "anna")
    assert read(store, anna).verdict["lower"] == 0.1 + 0.2
    [rules] = read_rules(store, NAME, keys(trusted=[anna]).trusted)
    assert (rules.facts["rules"], rules.signed_by, rules.fault) == (RULES, "anna", "")


def test_without_a_key_nothing_is_signed_and_without_trusted_keys_nothing_is_checked(store):
    entry = compare(store)
    assert [*store.list(f"{NAME}/protocol/comparisons/")] == sorted(
        place(entry, file) for file in STEPS
    )
    [found] = read_comparisons(store, NAME)
    assert (found.faults, found.signed_by) == ((), "")


def test_what_was_not_signed_is_a_fault_of_each_file(store, anna):
    entry = compare(store)
    found = read(store, anna)
    assert (found.asked["version"], found.signed_by) == ("v1", "")
    assert sorted(found.faults) == sorted(
        f"comparisons/{entry}/{file} is not trusted: none of the keys in trusted.txt has signed it"
        for file in STEPS
    )
    [rules] = read_rules(store, NAME, keys(trusted=[anna]).trusted)
    assert "rules/ab.json is not trusted" in rules.fault


def put(store, key, content):
    """Put something else under a key, as whoever may write to the store can."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    store.delete(key)
    store.create(key, data)


def change(store, entry, anna):
    stated = json.loads(store.read(place(entry, "outcome-1.json")).content)
    put(store, place(entry, "outcome-1.json"), stated | {"decision": "promote"})


def copy_from_another(store, entry, anna):
    """Put an outcome and its signature of another comparison in the place of this one's."""
    other = compare(store, anna, "v2")
    for signer in (None, anna):
        content = store.read(place(other, "outcome-1.json", signer)).content
        put(store, place(entry, "outcome-1.json", signer), content)
    folder = Path(store.location) / NAME / "protocol" / "comparisons" / other
    shutil.rmtree(folder)


def cut_off(store, entry, anna):
    signature = place(entry, "outcome-1.json", anna)
    put(store, signature, store.read(signature).content[:40])


def forge(store, entry, anna):
    signature = place(entry, "outcome-1.json", anna)
    statement = json.loads(store.read(signature).content)
    put(store, signature, {**statement, "sha256": "0" * 64})


def remove_signature(store, entry, anna):
    store.delete(place(entry, "outcome-1.json", anna))


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        (change, "its signature by anna is of another record"),
        (copy_from_another, "its signature by anna is of another record"),
        (cut_off, "its signature by anna is cut off or damaged"),
        (forge, "its signature by anna does not match: it was changed"),
        (remove_signature, "none of the keys in trusted.txt has signed it"),
    ],
)
def test_an_attack_on_one_file_is_a_fault_of_that_file(store, anna, attack, why):
    entry = compare(store, anna)
    attack(store, entry, anna)
    found = read(store, anna)
    [fault] = [fault for fault in found.faults if "is not trusted" in fault]
    assert fault.startswith(f"comparisons/{entry}/outcome-1.json is not trusted: {why}")
    assert found.signed_by == ""


def test_a_record_of_another_model_is_not_one_of_this(store, anna):
    entry = compare(store, anna)
    for key in store.list(f"{NAME}/protocol/comparisons/"):
        store.create(key.replace(NAME, "other", 1), store.read(key).content)
    [found] = read_comparisons(store, "other", keys(trusted=[anna]).trusted)
    assert (found.id, len(found.faults)) == (entry, 3)
    assert all("made for another model" in fault for fault in found.faults)


def test_a_key_that_may_only_publish_vouches_for_no_comparison(store, tmp_path):
    trainer = Person(tmp_path, "trainer", ("publish",))
    compare(store, trainer)
    assert len(read(store, trainer).faults) == 3


def test_a_file_that_was_removed_leaves_its_signature_as_a_fault(store, anna):
    entry = compare(store, anna)
    store.delete(place(entry, "outcome-1.json"))
    [fault] = read(store, anna).faults
    assert fault.startswith(f"comparisons/{entry}/outcome-1.json is missing, and its signature is")


def test_another_key_signs_what_the_first_has_and_may_then_stand_alone(store, anna, bea):
    compare(store, anna)
    assert len(read(store, bea).faults) == 3
    assert sign_records(store, NAME, bea.key, keys(trusted=[anna]).trusted) == 4
    assert sign_records(store, NAME, bea.key, keys(trusted=[anna]).trusted) == 0
    assert (read(store, bea).faults, read(store, bea).signed_by) == ((), "bea")


def test_what_nobody_trusted_has_signed_is_signed_only_if_all_is(store, anna, bea):
    compare(store)
    assert sign_records(store, NAME, anna.key, keys(trusted=[anna, bea]).trusted) == 0
    assert sign_records(store, NAME, anna.key, None) == 4
    assert read(store, anna).faults == ()


def test_each_key_freezes_rules_itself_and_signs_no_others(store, anna, bea):
    for signer in (None, anna, bea, anna):
        freeze_rules(store, NAME, "ab", RULES, signer.key if signer else None)
    found = read_rules(store, NAME, keys(trusted=[anna, bea]).trusted)
    assert sorted((each.signed_by, bool(each.fault)) for each in found) == [
        ("", True),
        ("anna", False),
        ("bea", False),
    ]


class KilledError(Exception):
    """The end of a process, for tests."""


class DyingStore:
    """A store whose process is killed before one of its writes."""

    def __init__(self, store, writes):
        self._store, self._left = store, writes

    def create(self, key, content):
        if not self._left:
            raise KilledError(key)
        self._left -= 1
        self._store.create(key, content)

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.mark.parametrize("writes", range(8))
def test_after_a_kill_before_any_write_the_next_run_leaves_no_fault(store, anna, writes):
    with pytest.raises(KilledError):
        compare(DyingStore(store, writes), anna)
    trusted = keys(trusted=[anna]).trusted
    assert [each.fault for each in read_rules(store, NAME, trusted) if each.fault] == []
    compare(store, anna)
    [rules] = read_rules(store, NAME, trusted)
    assert (rules.signed_by, rules.fault) == ("anna", "")
    found = read_comparisons(store, NAME, trusted)
    assert [(each.faults, each.signed_by) for each in found] == [((), "anna")] * len(found)
    assert len(found) == (2 if writes > 2 else 1)


def test_until_the_next_run_the_fault_says_that_the_writer_may_have_been_killed(store, anna):
    with pytest.raises(KilledError):
        compare(DyingStore(store, 5), anna)
    [fault] = read(store, anna).faults
    assert "verdict.json is missing, and its signature is there: it was removed, or its" in fault


def test_what_was_left_unsigned_in_a_place_is_not_signed_by_the_next_run(store, anna):
    path = f"{NAME}/protocol/rules/ab-{anna.key.id}.json"
    store.create(path, b'{"format": 1, "sha256": "ab", "at": "2001", "rules": {}}')
    freeze_rules(store, NAME, "ab", RULES, anna.key)
    [rules] = read_rules(store, NAME, keys(trusted=[anna]).trusted)
    assert "none of the keys in trusted.txt has signed it" in rules.fault


def test_a_signature_that_no_key_has_made_keeps_no_rules_away(store, anna):
    place = f"{NAME}/protocol/rules/ab-{anna.key.id}-{anna.key.id}.sig"
    store.create(place, b'{"content": "forged"}')
    freeze_rules(store, NAME, "ab", RULES, anna.key)
    [rules] = read_rules(store, NAME, keys(trusted=[anna]).trusted)
    assert (rules.facts["rules"], rules.signed_by) == (RULES, "anna")


def test_a_file_that_another_process_completes_meanwhile_is_no_fault(store, anna):
    class Completed(DyingStore):
        """Another run of the same key comes between the signature and the file."""

        def create(self, key, content):
            if not key.endswith(".sig"):
                freeze_rules(self._store, NAME, "cd", RULES, anna.key)
            self._store.create(key, content)

    compare(Completed(store, 0), anna)
    assert (read(store, anna).faults, len(read(store, anna).outcomes)) == ((), 1)
