"""A reader with trusted keys reads no version that none of them has signed."""

import json
import shutil

import pytest
import releases
from signers import NAME, Person, keys, overwrite, registry, seen_by, stored

from lradapt.errors import SigningError
from lradapt.registry import open_registry
from lradapt.registry.manifest import read_manifest, sha256_hex, write_manifest
from lradapt.registry.registry import Registry
from lradapt.registry.signatures import signed, who_signed
from lradapt.registry.store import NotTrustedError, RegistryError
from lradapt.signing.settings import Keys

FILES = {
    "model.onnx": b"model",
    "trained_on.csv": b"pixel_sha256,group\n",
    "model.safetensors": b"weights",
    "test_images.csv": b"image,label\n",
    "report.html": b"<html>",
    "model_card.md": b"# card\n",
}


@pytest.fixture
def people(tmp_path):
    """Functions of a name: persons with keys, each made once."""
    known = {}

    def person(name, *uses):
        if name not in known:
            known[name] = Person(tmp_path, name, *([uses] if uses else []))
        return known[name]

    return person


@pytest.fixture
def anna(people):
    return people("anna")


@pytest.fixture
def signing(tmp_path, anna):
    """A registry whose process signs as Anna and trusts her alone."""
    return registry(tmp_path / "registry", anna, [anna])


@pytest.fixture
def unsigned(tmp_path):
    """The same registry, for a process without keys."""
    return registry(tmp_path / "registry")


def signature_of(opened, version):
    (key,) = opened.store.list(f"{NAME}/versions/{version}/manifest-")
    return key


def readings(opened, version):
    yield lambda: opened.open(version)
    yield lambda: opened.manifest(version)
    for file in FILES:
        yield lambda file=file: opened.read_file(version, file)
    yield lambda: releases.promote(opened, version)


def require_refused(opened, version, match):
    for read in readings(opened, version):
        with pytest.raises(NotTrustedError, match=match):
            read()
    (summary,) = [each for each in opened.list_versions() if each.version == version]
    assert "is not trusted" in summary.fault
    assert (summary.size, summary.signed_by) == (None, "")


def test_without_keys_every_byte_is_what_it_was_before_there_were_keys(unsigned):
    version = unsigned.publish(FILES, {"created": "then"})
    releases.promote(unsigned, version, reason="first")
    keys = [f"{NAME}/{each}" for each in (f"versions/{version}/manifest.json", "production.json")]
    found = [sha256_hex(unsigned.store.read(key).content)[:12] for key in keys]
    assert found == ["b01e292d9b9a", "6e282f694d04"]
    assert len(unsigned.store.list("")) == len(FILES) + 3


def test_a_signed_version_is_read_and_names_its_key(signing, anna):
    version = signing.publish(FILES, {})
    for file, content in FILES.items():
        assert signing.read_file(version, file) == content
    opened = signing.open(version)
    assert (opened.signed_by, opened.manifest["signed_by"]) == ("anna", anna.key.id)
    assert [each.signed_by for each in signing.list_versions()] == ["anna"]
    assert stored(signing, signature_of(signing, version))["key"] == anna.key.id


def test_a_signed_version_is_read_without_keys_as_any_other(signing, unsigned):
    version = signing.publish(FILES, {})
    assert unsigned.read_file(version, "model.onnx") == b"model"
    assert [each.signed_by for each in unsigned.list_versions()] == [""]


def test_an_unsigned_version_is_refused(signing, unsigned):
    version = unsigned.publish(FILES, {})
    require_refused(signing, version, r"none of the keys in trusted\.txt has signed its manifest")


def test_a_version_signed_by_another_key_is_refused_and_the_key_named(signing, people):
    bo = people("bo")
    version = seen_by(signing, bo).publish(FILES, {})
    require_refused(signing, version, f"it has signatures by {bo.key.id}")


def test_a_key_that_may_only_promote_publishes_nothing(signing, people):
    oncall = people("oncall", "promote")
    version = seen_by(signing, oncall).publish(FILES, {})
    reader = seen_by(signing, trusted=[oncall])
    with pytest.raises(NotTrustedError, match="none of the keys"):
        reader.open(version)
    with pytest.raises(NotTrustedError, match=r"may not publish here: trusted\.txt does not list"):
        seen_by(signing, oncall, [oncall]).publish(FILES | {"model.onnx": b"2"}, {})


def test_any_of_several_trusted_keys_is_enough(signing, people, anna):
    bo = people("bo")
    version = signing.publish(FILES, {})
    assert seen_by(signing, trusted=[bo, anna]).open(version).signed_by == "anna"


def test_a_removed_signature_is_missed(signing):
    version = signing.publish(FILES, {})
    signing.store.delete(signature_of(signing, version))
    require_refused(signing, version, "has signed its manifest")


@pytest.mark.parametrize("length", [0, 1, 20, -2])
def test_a_signature_file_that_is_cut_off_is_named(signing, length):
    version = signing.publish(FILES, {})
    key = signature_of(signing, version)
    overwrite(signing, key, signing.store.read(key).content[:length])
    require_refused(signing, version, r"signature by anna \(manifest-.*\) is cut off or damaged")


@pytest.mark.parametrize("content", [b"[]", b"1", b'"x"', b"[" * 100_000, b"\xff"])
def test_a_signature_file_of_something_else_is_damaged(signing, content):
    version = signing.publish(FILES, {})
    overwrite(signing, signature_of(signing, version), content)
    require_refused(signing, version, "cut off or damaged|does not match")


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""},
        {"signature": "é"},
        {"signature": 7},
        {"signature": "A" * 86 + "=="},
        {"at": "2027-01-01T00:00:00+00:00"},
        {"by": "somebody"},
        {"key": "0" * 16},
        {"key": None},
        {"more": "words"},
    ],
)
def test_a_signature_with_a_value_changed_is_worth_nothing(signing, change):
    version = signing.publish(FILES, {})
    key = signature_of(signing, version)
    overwrite(signing, key, stored(signing, key) | change)
    require_refused(signing, version, "does not match: it was changed, or made for another model")


def test_a_manifest_with_one_byte_changed_is_refused(signing):
    version = signing.publish(FILES, {"created": "then"})
    key = f"{NAME}/versions/{version}/manifest.json"
    overwrite(signing, key, signing.store.read(key).content.replace(b"then", b"them"))
    with pytest.raises(RegistryError, match="its content does not match its seal"):
        signing.open(version)


def test_a_manifest_that_was_changed_and_sealed_again_is_refused(signing):
    version = signing.publish(FILES, {"metrics": {}})
    key = f"{NAME}/versions/{version}/manifest.json"
    manifest = read_manifest(signing.store.read(key).content, version)
    files = manifest["files"] | {"model.safetensors": sha256_hex(b"other")}
    facts = {"metrics": {"parity": {"passed": True}}}
    overwrite(signing, key, write_manifest(version, files, manifest["sizes"], facts))
    overwrite(signing, f"{NAME}/versions/{version}/model.safetensors", b"other")
    require_refused(signing, version, "has signed its manifest")


def test_a_signature_renamed_to_fit_another_manifest_is_refused(signing, unsigned):
    signed, forged = signing.publish(FILES, {}), unsigned.publish(FILES | {"model.onnx": b"2"}, {})
    content = signing.store.read(f"{NAME}/versions/{forged}/manifest.json").content
    name = signature_of(signing, signed).rpartition("/")[2].split("-")
    renamed = "-".join([name[0], sha256_hex(content)[:16], name[2]])
    old = signing.store.read(signature_of(signing, signed)).content
    signing.store.create(f"{NAME}/versions/{forged}/{renamed}", old)
    require_refused(signing, forged, "is of another version")


def test_a_version_of_another_model_is_refused_here(signing, tmp_path):
    version = signing.publish(FILES, {})
    shutil.copytree(tmp_path / "registry" / NAME, tmp_path / "registry" / "letters")
    letters = Registry(signing.store, "letters", signing.keys)
    with pytest.raises(NotTrustedError, match="made for another model"):
        letters.open(version)


def test_a_file_that_is_not_that_of_the_signed_manifest_is_refused(signing):
    version = signing.publish(FILES, {})
    for file in FILES:
        overwrite(signing, f"{NAME}/versions/{version}/{file}", b"forged")
        with pytest.raises(RegistryError, match=f"{file} of version {version} is damaged"):
            signing.read_file(version, file)


def test_a_statement_of_another_kind_is_worth_nothing(anna):
    trusted = keys(trusted=[anna]).trusted
    statement = signed("version", NAME, {"version": "1"}, anna.key)
    assert who_signed("version", NAME, statement, trusted, "publish").name == "anna"
    assert who_signed("promotion", NAME, statement, trusted, "promote") is None


# Publishing


def test_publishing_needs_a_key_where_keys_are_trusted(signing, anna):
    reader = seen_by(signing, trusted=[anna])
    for act in (lambda: reader.publish(FILES, {}), reader.require_can_sign):
        with pytest.raises(NotTrustedError, match="no private key to sign with: set LRADAPT_SIGN"):
            act()
    assert signing.store.list("") == []


def test_a_key_that_is_not_trusted_here_publishes_nothing(signing, people, anna):
    other = seen_by(signing, people("bo"), [anna])
    for act in (lambda: other.publish(FILES, {}), other.require_can_sign):
        with pytest.raises(NotTrustedError, match=r"may not publish here: trusted\.txt does not"):
            act()
    assert signing.store.list("") == []


def test_a_private_key_that_others_can_read_signs_nothing(signing, anna):
    anna.path.chmod(0o644)
    with pytest.raises(SigningError, match="mode 644"):
        signing.publish(FILES, {})
    assert signing.store.list("") == []


def test_publishing_the_same_again_changes_nothing(signing):
    version = signing.publish(FILES, {})
    keys = signing.store.list("")
    assert signing.publish(FILES | {"report.html": b"another"}, {"created": "now"}) == version
    assert signing.store.list("") == keys


def test_what_somebody_else_has_left_is_not_signed(signing):
    version = open_registry(str(signing.location), "other", keys=Keys()).publish(FILES, {})
    planted = f"{NAME}/versions/{version}/model.safetensors"
    signing.store.create(planted, b"planted")
    with pytest.raises(NotTrustedError, match=r"model\.safetensors of .* It was not signed"):
        signing.publish(FILES, {})
    assert not signing.has(version)
    assert signing.remove(version) == []
    assert signing.publish(FILES, {}) == version


def test_a_version_that_somebody_else_has_published_is_not_signed_by_publishing_it(
    signing, unsigned
):
    version = unsigned.publish(FILES | {"model.safetensors": b"planted"}, {})
    with pytest.raises(NotTrustedError, match="has signed its manifest"):
        signing.publish(FILES, {})
    assert signing.store.list(f"{NAME}/versions/{version}/manifest-") == []


class DiesAt:
    """A store that dies before it creates a key that ends so."""

    def __init__(self, store, end):
        self._store, self._end = store, end

    def create(self, key, content):
        if key.endswith(self._end):
            raise InterruptedError
        self._store.create(key, content)

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.mark.parametrize("end", ["model.onnx", "report.html", ".sig", "manifest.json"])
def test_a_publish_that_was_killed_is_completed_and_never_without_a_signature(signing, end):
    dying = Registry(DiesAt(signing.store, end), NAME, signing.keys)
    with pytest.raises(InterruptedError):
        dying.publish(FILES, {"created": "then"})
    assert signing.publish(FILES, {"created": "now"})
    (listed,) = signing.list_versions()
    assert (listed.signed_by, listed.created) == ("anna", "now")


def test_a_removed_version_leaves_no_signature(signing):
    version = signing.publish(FILES, {})
    assert signing.remove(version) == []
    assert signing.store.list(f"{NAME}/versions/") == []


# Signing again


def test_another_key_signs_what_is_trusted_and_then_the_first_may_go(signing, people, anna):
    bo = people("bo")
    version = signing.publish(FILES, {})
    assert seen_by(signing, bo, [anna, bo]).sign(version)
    assert not seen_by(signing, bo, [anna, bo]).sign(version)
    assert seen_by(signing, trusted=[bo]).open(version).signed_by == "bo"


def test_nothing_is_signed_again_that_is_not_trusted(signing, unsigned):
    version = unsigned.publish(FILES, {})
    with pytest.raises(NotTrustedError):
        signing.sign(version)
    assert signing.store.list(f"{NAME}/versions/{version}/manifest-") == []


def test_no_damaged_file_is_vouched_for(signing, anna):
    version = seen_by(signing).publish(FILES, {})
    overwrite(signing, f"{NAME}/versions/{version}/report.html", b"forged")
    with pytest.raises(RegistryError, match=r"report\.html of version .* is damaged"):
        seen_by(signing, anna).sign(version)


def test_a_file_in_the_place_of_a_signature_is_replaced(signing):
    version = signing.publish(FILES, {})
    overwrite(signing, signature_of(signing, version), b"junk")
    seen_by(signing).open(version)
    assert Registry(signing.store, NAME, Keys(None, signing.keys.signing)).sign(version)
    assert json.loads(signing.store.read(signature_of(signing, version)).content)
    assert signing.open(version).signed_by == "anna"
