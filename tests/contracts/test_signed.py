"""Publish, promote, tamper, refuse: what a reader with trusted keys does, in each kind of store."""

import asyncio
import json
from dataclasses import replace

import pytest
from signers import NAME, Person, overwrite, registry, seen_by, stored

from lradapt.inference.predict import Model
from lradapt.production.rollback import roll_back
from lradapt.production.smoke_test import find_fault
from lradapt.production.vouching import vouch
from lradapt.production.warm_start import bring_champion
from lradapt.registry.manifest import read_manifest, sha256_hex, write_manifest
from lradapt.registry.store import NotTrustedError, RegistryError
from lradapt.serving.follower import Follower
from lradapt.serving.live_model import LiveModel
from lradapt.serving.states import described_health
from lradapt.signing.settings import Keys
from lradapt.signing.trusted_keys import read_trusted_keys
from tests.contracts.test_store import STORES
from tests.unit.colour_model import colour_model
from tests.unit.releases import promote

POINTER = f"{NAME}/production.json"
OTHERS = ["a", "b", "c"]


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def location(request):
    return STORES[request.param](request)


@pytest.fixture
def people(tmp_path):
    return Person(tmp_path, "anna"), Person(tmp_path, "bo")


def publish(opened, model, weights=b"weights"):
    files = {
        "model.onnx": model,
        "model.safetensors": weights,
        "trained_on.csv": b"pixel_sha256,group\n",
        "test_images.csv": b"pixel_sha256,label\n",
        "report.html": b"<html>",
    }
    return opened.publish(files, {})


def forge(opened, version, file, content):
    """Replace a file of a version, and everything that names its hash, as an intruder would."""
    key = f"{NAME}/versions/{version}/manifest.json"
    manifest = read_manifest(opened.store.read(key).content, version)
    hashes = manifest["files"] | {file: sha256_hex(content)}
    forged = write_manifest(version, hashes, manifest["sizes"], {})
    overwrite(opened, f"{NAME}/versions/{version}/{file}", content)
    overwrite(opened, key, forged)
    pointer = stored(opened, POINTER)
    if pointer["version"] == version:
        overwrite(opened, POINTER, pointer | {"manifest_sha256": sha256_hex(forged)})


def look(follower):
    """Look at the registry as the endpoint does; return its health."""
    asyncio.run(follower.look())
    return described_health(follower)


def test_a_reader_uses_what_is_signed_and_serving_goes_on_with_it(location, people, tmp_path):
    anna, bo = people
    owner = registry(location, anna, [anna])
    intruder, reader = seen_by(owner), seen_by(owner, trusted=[anna])
    first = promote(owner, publish(owner, colour_model()))
    follower = Follower(LiveModel(reader), look_seconds=60)
    assert look(follower)["status"] == "ok"
    assert find_fault(reader, first, []) == "none of 0 sample images could be classified"

    # an unsigned version, promoted by somebody who may write everything
    evil = publish(intruder, colour_model(OTHERS))
    log = stored(owner, POINTER)
    manifest = owner.store.read(f"{NAME}/versions/{evil}/manifest.json").content
    by_hand = {k: v for k, v in log.items() if k not in ("key", "signature", "log_sha256")} | {
        "sequence": 2,
        "version": evil,
        "manifest_sha256": sha256_hex(manifest),
        "model_sha256": json.loads(manifest)["files"]["model.onnx"],
    }
    overwrite(intruder, POINTER, by_hand)
    require_refused(reader, follower, first.version, "production.json .* is not signed", tmp_path)

    # the same, signed with a key of the intruder
    overwrite(intruder, POINTER, log)
    promote(seen_by(owner, bo), publish(seen_by(owner, bo), colour_model(["d", "e", "f"])))
    require_refused(reader, follower, first.version, f"key {bo.key.id} has signed it", tmp_path)

    # the champion's own files, with their hashes
    overwrite(intruder, POINTER, log)
    intruder.store.delete(f"{NAME}/log/00000002.json")
    kept = {
        file: owner.store.read(f"{NAME}/versions/{first.version}/{file}").content
        for file in ("manifest.json", "model.safetensors")
    }
    forge(intruder, first.version, "model.safetensors", b"planted")
    require_refused(reader, follower, first.version, "does not match its content", tmp_path)
    overwrite(intruder, POINTER, log)
    for act in (
        lambda: bring_champion(reader, tmp_path / "champion.safetensors"),
        lambda: reader.read_file(first.version, "model.safetensors"),
        lambda: reader.read_file(first.version, "report.html"),
        lambda: reader.read_file(first.version, "test_images.csv"),
    ):
        with pytest.raises(NotTrustedError, match="has signed its manifest"):
            act()
    assert not (tmp_path / "champion.safetensors").exists()

    # mended, and a new promotion is taken up
    for file, content in kept.items():
        overwrite(owner, f"{NAME}/versions/{first.version}/{file}", content)
    second = promote(owner, publish(owner, colour_model(["g", "h", "i"])))
    assert look(follower) | {"checked_seconds_ago": 0} == {
        "status": "ok",
        "version": second.version,
        "fault": None,
        "checked_seconds_ago": 0,
    }

    # an old promotion, put back with all that is newer removed: this process remembers
    overwrite(intruder, POINTER, log)
    assert "old one put back" in look(follower)["fault"]
    intruder.store.delete(f"{NAME}/log/00000002.json")
    health = look(follower)
    assert "went back to promotion 1" in health["fault"]
    assert (health["status"], health["version"]) == ("stale", second.version)


def require_refused(reader, follower, version, match, tmp_path):
    """Check that nothing is used, and that the endpoint goes on with what it has."""
    for act in (
        LiveModel(reader).current,
        reader.promotions,
        reader.list_versions,
        lambda: bring_champion(reader, tmp_path / "champion.safetensors"),
        lambda: roll_back(reader, None, reason="as agreed"),
    ):
        with pytest.raises(NotTrustedError, match=match):
            act()
    health = look(follower)
    assert (health["status"], health["version"]) == ("stale", version)
    assert "is not trusted" in health["fault"]


def test_an_endpoint_that_runs_reads_the_trusted_keys_again(tmp_path, people):
    anna, bo = people
    owner = registry(tmp_path / "registry", anna, [anna, bo])
    first = promote(owner, publish(owner, colour_model()))
    path = tmp_path / "trusted_keys.txt"
    path.write_text(f"{anna.trusted.line}\n")
    reader = seen_by(owner, trusted=[])
    follower = Follower(LiveModel(replace(reader, keys=Keys(read_trusted_keys(path)))), 60)
    assert look(follower)["version"] == first.version

    path.write_text(f"{bo.trusted.line}\n")  # as after a theft
    health = look(follower)
    assert (health["status"], health["version"]) == ("stale", first.version)
    assert f"key {anna.key.id} has signed it" in health["fault"]
    promote(owner, publish(owner, colour_model(OTHERS)))
    assert look(follower)["version"] == first.version

    path.write_text("bo ed25519:half\n")
    assert "line 1: this is not a public key" in look(follower)["fault"]
    path.write_text(f"{bo.trusted.line}\n")
    done = vouch(seen_by(owner, bo, [anna, bo]), []).promotion
    assert look(follower)["fault"] is None
    assert follower.live.current().promotion == done


def test_keys_rotate_without_a_gap(tmp_path, people):
    anna, bo = people
    old = registry(tmp_path / "registry", anna, [anna])
    first = promote(old, publish(old, colour_model())).version
    second = promote(old, publish(old, colour_model(OTHERS))).version
    reader = seen_by(old, trusted=[anna, bo])
    live = LiveModel(reader)
    assert live.current().promotion.version == second
    vouch(seen_by(old, bo, [anna, bo]), [])
    assert live.refresh()
    late = seen_by(old, trusted=[bo])
    assert LiveModel(late).current().promotion.version == second
    assert roll_back(seen_by(old, bo, [bo]), None, reason="as agreed").version == first
    assert [each.kind for each in late.promotions()] == ["promotion"] * 2 + ["key_change"] + [
        "rollback"
    ]
    with pytest.raises(RegistryError, match=f"key {bo.key.id} has signed it"):
        LiveModel(old).current()
    assert Model(late.read_file(first, "model.onnx")).class_names
