"""A reader with trusted keys uses no pointer and no log that none of them has signed."""

import json
import shutil

import pytest
import releases
from signers import NAME, Person, overwrite, registry, seen_by, stored

from lradapt.production.rollback import roll_back
from lradapt.production.vouching import vouch
from lradapt.production.withdrawn import withdrawal_reason
from lradapt.registry.promotion_log import log_key
from lradapt.registry.registry import Registry
from lradapt.registry.store import NotTrustedError, RegistryError

POINTER = f"{NAME}/production.json"


@pytest.fixture
def anna(tmp_path):
    return Person(tmp_path, "anna")


@pytest.fixture
def bo(tmp_path):
    return Person(tmp_path, "bo")


@pytest.fixture
def signing(tmp_path, anna):
    """A registry whose process signs as Anna and trusts her alone."""
    return registry(tmp_path / "registry", anna, [anna])


@pytest.fixture
def three(signing):
    """The same with three promotions: the versions, in their order."""
    return [releases.release(signing, model).version for model in (b"1", b"2", b"3")]


def entry(number):
    return log_key(NAME, number)


def move(opened, old, new):
    overwrite(opened, new, opened.store.read(old).content)


def require_nothing_used(opened, match):
    acts = (
        opened.production,
        opened.require_production,
        opened.promotions,
        opened.list_versions,
        lambda: roll_back(opened, None, reason="as agreed"),
    )
    for act in acts:
        with pytest.raises(NotTrustedError, match=match):
            act()


def test_each_promotion_is_signed_and_has_the_hash_of_all_before_it(signing, three, anna):
    promotions = signing.promotions()
    assert [each.version for each in promotions] == three
    assert {each.key for each in promotions} == {anna.key.id}
    assert [len(each.log_sha256) for each in promotions] == [0, 64, 64]
    assert len({each.log_sha256 for each in promotions}) == 3
    assert stored(signing, entry(3)) == stored(signing, POINTER) == promotions[2].as_dict()


def test_an_unsigned_promotion_has_no_values_of_a_signature(tmp_path):
    unsigned = registry(tmp_path)
    releases.release(unsigned, b"1")
    assert list(stored(unsigned, POINTER))[-2:] == ["at", "manifest_sha256"]


@pytest.mark.parametrize("kind", ["override", "rollback", "smoke_test_failure"])
def test_every_kind_of_entry_is_signed(signing, three, kind):
    releases.promote(signing, three[0], kind=kind)
    assert signing.production().promotion.kind == kind
    assert signing.promotions()[-1].signature


def test_a_rollback_of_the_command_is_signed(signing, three, monkeypatch):
    monkeypatch.setattr("lradapt.production.rollback._require_usable", lambda *_: None)
    assert roll_back(signing, None, reason="as agreed").version == three[1]
    assert signing.production().version == three[1]


# The pointer


@pytest.mark.parametrize("signer", ["nobody", "bo"])
def test_a_pointer_that_no_trusted_key_has_signed_is_not_used(signing, three, bo, signer):
    other = seen_by(signing, bo if signer == "bo" else None)
    content = signing.store.read(POINTER)
    if signer == "nobody":  # as somebody writes it by hand
        values = json.loads(content.content)
        values = {k: v for k, v in values.items() if k not in ("key", "signature", "log_sha256")}
        overwrite(signing, POINTER, values)
    else:
        releases.promote(other, three[0])
    why = "it is not signed" if signer == "nobody" else f"key {bo.key.id} has signed it"
    require_nothing_used(signing, f"production.json .* is not trusted: {why}")


@pytest.mark.parametrize(
    "change",
    [{"version": "0" * 12}, {"sequence": 4}, {"reason": "x"}, {"at": "x"}, {"signature": ""}],
)
def test_a_pointer_with_a_value_changed_is_not_used(signing, three, change):
    overwrite(signing, POINTER, stored(signing, POINTER) | change)
    require_nothing_used(signing, "its signature by anna does not match its content")


def test_a_pointer_without_its_signature_is_not_used(signing, three):
    values = stored(signing, POINTER)
    del values["signature"]
    overwrite(signing, POINTER, values)
    require_nothing_used(signing, "does not match its content")


@pytest.mark.parametrize("number", [1, 2])
def test_an_old_pointer_that_is_put_back_is_noticed_by_the_log(signing, three, number):
    move(signing, entry(number), POINTER)
    require_nothing_used(
        signing, f"is promotion {number}, but the log has promotion 3 .* old one put back"
    )
    move(signing, entry(3), POINTER)  # the remedy
    assert signing.production().version == three[2]


def test_a_pointer_that_was_removed_is_noticed_by_the_log(signing, three):
    signing.store.delete(POINTER)
    require_nothing_used(signing, "is missing, but the log has promotion 3")
    with pytest.raises(NotTrustedError, match="is missing, but the log has promotion 3"):
        releases.promote(signing, three[0])


def test_a_file_that_is_no_signed_entry_keeps_nobody_from_reading(signing, three):
    unsigned = {k: v for k, v in stored(signing, POINTER).items() if k != "signature"}
    overwrite(signing, entry(4), unsigned | {"sequence": 4})
    overwrite(signing, entry(5), b"{")
    signing.store.create(f"{NAME}/log/zzz", signing.store.read(entry(2)).content)
    assert signing.production().version == three[2]
    assert [each.sequence for each in signing.promotions()] == [1, 2, 3]


def test_a_promotion_of_another_model_is_not_used_here(signing, three, tmp_path):
    shutil.copytree(tmp_path / "registry" / NAME, tmp_path / "registry" / "letters")
    letters = Registry(signing.store, "letters", signing.keys)
    with pytest.raises(NotTrustedError, match=r"letters/production\.json .* does not match"):
        letters.production()


def test_a_promotion_between_two_reads_is_no_old_pointer(signing, three):
    """A store that promotes right after the pointer was read."""

    class Busy:
        def __init__(self, store):
            self._store, self.left = store, 1

        def read(self, key):
            found = self._store.read(key)
            if key == POINTER and self.left:
                self.left -= 1
                releases.promote(signing, three[0])
            return found

        def __getattr__(self, name):
            return getattr(self._store, name)

    busy = Registry(Busy(signing.store), NAME, signing.keys)
    assert busy.production().promotion.sequence == 4


def test_a_pointer_that_was_verified_before_is_read_and_no_more(signing, three):
    etag = signing.production().etag
    signing.store.create(f"{NAME}/log/99999999.json", b"{")
    read = []

    class Counting:
        def __getattr__(self, name):
            read.append(name)
            return getattr(signing.store, name)

    assert Registry(Counting(), NAME, signing.keys).production(seen=etag).etag == etag
    assert read == ["read"]


# The log


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_entry_is_missed(signing, three, number):
    signing.store.delete(entry(number))
    with pytest.raises(NotTrustedError, match=f"0000000{number}.json is missing, so a promotion"):
        signing.promotions()
    assert signing.production().version == three[2]


def test_entries_in_another_order_are_noticed(signing, three):
    first, second = (signing.store.read(entry(number)).content for number in (1, 2))
    overwrite(signing, entry(1), second)
    overwrite(signing, entry(2), first)
    with pytest.raises(NotTrustedError, match=r"holds promotion 2, expected 1: .* reordered"):
        signing.promotions()


@pytest.mark.parametrize("number", [1, 2])
def test_an_entry_that_was_changed_is_noticed(signing, three, number):
    values = stored(signing, entry(number)) | {"reason": "it is much better"}
    overwrite(signing, entry(number), values)
    with pytest.raises(NotTrustedError, match=f"before number {number + 1} are not those"):
        signing.promotions()


def test_an_entry_that_its_owner_has_signed_again_is_noticed(signing, three, anna, tmp_path):
    """Even a stolen key cannot change what newer entries build on."""
    other = registry(tmp_path / "other", anna, [anna])
    releases.release(other, b"1")
    releases.release(other, b"3")
    overwrite(signing, entry(2), other.store.read(entry(2)).content)
    with pytest.raises(NotTrustedError, match="before number 3 are not those"):
        signing.promotions()


def test_the_last_entry_may_be_missing_and_the_next_promotion_writes_it(signing, three):
    signing.store.delete(entry(3))
    assert [each.sequence for each in signing.promotions()] == [1, 2, 3]
    releases.promote(signing, three[0])
    assert [each.sequence for each in signing.promotions()] == [1, 2, 3, 4]


def test_a_withdrawn_version_stays_out_though_somebody_removes_the_entry(signing, three):
    releases.promote(signing, three[1], kind="rollback")
    assert withdrawal_reason(signing.promotions(), three[2])
    signing.store.delete(entry(4))
    assert withdrawal_reason(signing.promotions(), three[2])  # it is the pointer's
    move(signing, entry(3), POINTER)
    assert signing.production().version == three[2]  # nothing newer is left: docs/security.md


# Writing


def test_no_unsigned_promotion_follows_a_signed_one(signing, three):
    unsigned = seen_by(signing)
    with pytest.raises(NotTrustedError, match=r"is signed .* set LRADAPT_SIGNING_KEY_FILE"):
        releases.promote(unsigned, three[0])
    assert unsigned.production().version == three[2]


def test_a_key_that_may_only_publish_promotes_nothing(signing, tmp_path, three):
    ci = Person(tmp_path, "ci", ("publish",))
    other = seen_by(signing, ci, [ci, *[Person(tmp_path, "x")]])
    with pytest.raises(NotTrustedError, match="may not promote here"):
        other.promote(three[0], over=None, kind="promotion", reason="")
    with pytest.raises(NotTrustedError, match="may not promote here"):
        other.require_can_sign()
    releases.promote(seen_by(signing, ci), three[0])  # by a process that trusts nobody
    reader = seen_by(signing, trusted=[ci])
    with pytest.raises(NotTrustedError, match=f"key {ci.key.id} has signed it"):
        reader.production()


def test_keys_without_trust_sign_and_check_nothing(tmp_path, anna):
    opened = registry(tmp_path / "registry", anna)
    version = releases.release(opened, b"1").version
    assert opened.production().promotion.key == anna.key.id
    unsigned = seen_by(opened).publish({"model.onnx": b"2", "trained_on.csv": b""}, {})
    assert opened.read_file(unsigned, "model.onnx") == b"2"
    opened.require_can_sign()
    assert seen_by(opened, trusted=[anna]).read_file(version, "model.onnx") == b"1"


# Adoption and rotation


def test_a_registry_from_before_keys_is_adopted_with_its_log(tmp_path, anna):
    unsigned = registry(tmp_path / "registry")
    versions = [releases.release(unsigned, model).version for model in (b"1", b"2")]
    signing = seen_by(unsigned, anna, [anna])
    with pytest.raises(NotTrustedError, match="it is not signed"):
        vouch(signing, [], adopt=False)
    done = vouch(signing, [], adopt=True)
    assert (sorted(done.versions), done.before) == (sorted(versions), ())
    assert (done.promotion.kind, done.promotion.version) == ("key_change", versions[1])
    assert done.promotion.previous == versions[0]
    assert [each.sequence for each in signing.promotions()] == [1, 2, 3]
    again = vouch(signing, [], adopt=False)
    assert (again.versions, again.promotion) == ((), None)
    overwrite(signing, entry(1), stored(signing, entry(1)) | {"reason": "forged"})
    with pytest.raises(NotTrustedError, match="before number 3 are not those"):
        signing.promotions()


def test_after_a_rotation_the_old_key_is_not_needed_and_its_log_still_counts(
    signing, three, anna, bo
):
    both = seen_by(signing, bo, [anna, bo])
    done = vouch(both, [], adopt=False)
    assert sorted(done.versions) == sorted(three[1:])
    new = seen_by(signing, bo, [bo])
    assert [each.key for each in new.promotions()] == [anna.key.id] * 3 + [bo.key.id]
    assert new.read_file(three[2], "model.onnx") == b"3"
    with pytest.raises(NotTrustedError, match=f"it has signatures by {anna.key.id}"):
        new.read_file(three[0], "model.onnx")
    assert releases.promote(new, three[1], kind="rollback").version == three[1]
    with pytest.raises(NotTrustedError, match=f"key {bo.key.id} has signed it"):
        signing.production()


def test_a_change_of_key_is_no_promotion(signing, three, anna, bo):
    releases.promote(signing, three[1], kind="rollback", reason="as agreed")
    before = {each.version: each.since for each in signing.list_versions()}
    both = seen_by(signing, bo, [anna, bo])
    vouch(both, three, adopt=False)
    assert both.production().promotion.previous == three[2]
    assert {each.version: each.since for each in both.list_versions()} == before
    assert withdrawal_reason(both.promotions(), three[2])


def test_a_version_that_is_missing_is_not_vouched_for(signing, three):
    with pytest.raises(RegistryError, match="no version 0123"):
        vouch(signing, ["0123"], adopt=True)
