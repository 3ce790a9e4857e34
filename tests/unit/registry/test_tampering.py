"""Whoever may write `versions/` alone changes nothing that was ever in production unnoticed."""

import json

import pytest
import releases

from lradapt.registry import open_registry
from lradapt.registry.manifest import read_manifest, sha256_hex, write_manifest
from lradapt.registry.promotions import Production
from lradapt.registry.store import RegistryError

NAME = "digits"
FILES = {
    "model.onnx": b"model",
    "model.safetensors": b"weights",
    "trained_on.csv": b"pixel_sha256,group\n",
    "report.html": b"<html>",
}


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path), NAME)


def forge(tmp_path, version, **files):
    """Replace files of a version, and make its manifest fit them, seal included."""
    folder = tmp_path / NAME / "versions" / version
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for name, content in files.items():
        file = {"weights": "model.safetensors", "report": "report.html"}.get(name, name)
        (folder / file).write_bytes(content)
        manifest["files"][file] = sha256_hex(content)
        manifest["sizes"][file] = len(content)
    facts = {k: v for k, v in manifest.items() if k not in ("format", "files", "sizes", "seal")}
    facts.pop("version")
    path.write_bytes(write_manifest(version, manifest["files"], manifest["sizes"], facts))


def readings(registry, version):
    return (
        lambda: registry.manifest(version),
        lambda: registry.read_file(version, "model.onnx"),
        lambda: registry.read_file(version, "model.safetensors"),
        lambda: registry.read_file(version, "trained_on.csv"),
        lambda: registry.read_file(version, "report.html"),
    )


def test_a_promotion_has_the_hash_of_the_manifest_in_pointer_and_log(registry, tmp_path):
    version = registry.publish(FILES, {})
    promotion = releases.promote(registry, version)
    content = (tmp_path / NAME / "versions" / version / "manifest.json").read_bytes()
    assert promotion.manifest_sha256 == sha256_hex(content)
    assert registry.production().promotion == registry.promotions()[0] == promotion
    log = json.loads((tmp_path / NAME / "log" / "00000001.json").read_text())
    assert log["manifest_sha256"] == promotion.manifest_sha256


@pytest.mark.parametrize("change", [{"weights": b"other"}, {"report": b"<html>all is well"}, {}])
def test_no_file_of_the_champion_is_read_after_its_manifest_was_forged(registry, tmp_path, change):
    version = registry.publish(FILES, {"created": "then"})
    promotion = releases.promote(registry, version)
    forge(tmp_path, version, **change)
    if not change:  # only a fact, such as the metrics
        path = tmp_path / NAME / "versions" / version / "manifest.json"
        manifest = read_manifest(path.read_bytes(), version)
        path.write_bytes(
            write_manifest(version, manifest["files"], manifest["sizes"], {"created": "now"})
        )
    for read in (*readings(registry, version), lambda: registry.read_promoted_model(promotion)):
        with pytest.raises(RegistryError, match=r"the manifest of .* is damaged: sha256 .* promot"):
            read()
    (listed,) = registry.list_versions()
    assert "is damaged" in listed.fault


def test_no_file_of_a_target_of_a_rollback_is_read_after_its_manifest_was_forged(
    registry, tmp_path
):
    first = registry.publish(FILES, {})
    releases.promote(registry, first)
    for model in (b"2", b"3"):
        releases.promote(registry, registry.publish(FILES | {"model.onnx": model}, {}))
    forge(tmp_path, first, weights=b"other")
    for read in (*readings(registry, first), lambda: releases.promote(registry, first)):
        with pytest.raises(RegistryError, match=r"the manifest of .* is damaged"):
            read()


def test_a_pointer_without_the_hash_of_the_manifest_is_damaged(registry, tmp_path):
    version = registry.publish(FILES, {})
    releases.promote(registry, version)
    path = tmp_path / NAME / "production.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in content.items() if k != "manifest_sha256"}))
    with pytest.raises(RegistryError, match=r"production\.json is damaged: .*manifest_sha256"):
        registry.production()
    path.write_text(json.dumps(content | {"model_sha256": "123"}))
    with pytest.raises(RegistryError, match=r"model\.onnx of version .* promoted with 123"):
        registry.read_file(version, "report.html")


def test_a_manifest_under_another_name_is_refused(registry, tmp_path):
    one, two = (registry.publish(FILES | {"model.onnx": each}, {}) for each in (b"1", b"2"))
    versions = tmp_path / NAME / "versions"
    for file in ("model.onnx", "manifest.json"):
        (versions / one / file).write_bytes((versions / two / file).read_bytes())
    with pytest.raises(RegistryError, match=f"its files are those of version {two}"):
        registry.read_file(one, "model.onnx")


def test_a_model_replaced_together_with_its_manifest_has_another_name(registry, tmp_path):
    version = registry.publish(FILES, {})
    forge(tmp_path, version, **{"model.onnx": b"another model"})
    with pytest.raises(RegistryError, match="its files are those of version"):
        releases.promote(registry, version)


@pytest.mark.parametrize("name", ["../../production.json", "/etc/hostname", ".lock", ""])
def test_a_manifest_that_names_a_file_elsewhere_is_refused(registry, tmp_path, name):
    version = registry.publish(FILES, {})
    path = tmp_path / NAME / "versions" / version / "manifest.json"
    manifest = read_manifest(path.read_bytes(), version)
    path.write_bytes(write_manifest(version, {**manifest["files"], name: "0"}, {}, {}))
    with pytest.raises(RegistryError, match="is not the name of a file of a version"):
        registry.remove(version)
    assert registry.store.list(f"{NAME}/versions/{version}/model.onnx")


def test_what_changed_between_comparison_and_promotion_is_not_promoted(registry, tmp_path):
    version = registry.publish(FILES, {})
    compared = registry.open(version).sha256
    forge(tmp_path, version, weights=b"other")
    with pytest.raises(RegistryError, match="has been changed since it was compared"):
        registry.promote(version, over=None, kind="promotion", reason="", manifest_sha256=compared)
    assert registry.production() is None


def test_a_damaged_entry_of_the_log_does_not_keep_others_from_being_read(registry, tmp_path):
    first = releases.release(registry, b"1").version
    releases.release(registry, b"2")
    over = releases.release(registry, b"3")
    (tmp_path / NAME / "log" / "00000002.json").write_text("{")
    assert registry.read_file(first, "model.onnx") == b"1"
    assert isinstance(registry.production(), Production)
    assert registry.production().promotion == over
