import json
from dataclasses import replace

import pytest
from releases import promote

from lradapt.registry import open_registry
from lradapt.registry.registry import Registry
from lradapt.registry.store import ChangedError, RegistryError

NAME = "digits"
RECORD = {
    "kind": "promotion",
    "reason": "better",
    "by": "me@here",
    "at": "2026-01-01T00:00:00+00:00",
}


class KilledError(Exception):
    """Stands for the death of the process."""


class DiesAt:
    """A store that dies when it is to create a key with `part` in its name."""

    def __init__(self, store, part):
        self._store, self._part = store, part

    def create(self, key, content):
        if self._part in key:
            raise KilledError
        self._store.create(key, content)

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path), NAME)


def dying_at(part, registry):
    return Registry(DiesAt(registry.store, part), NAME)


def files(model=b"model", learnt=b"pixel_sha256,group\n", report=b"<html>"):
    return {"model.onnx": model, "trained_on.csv": learnt, "report.html": report}


def publish(registry, *args, **kwargs):
    return registry.publish(files(*args, **kwargs), {"created": "then"})


def in_production(registry):
    return registry.production().version


def damage(tmp_path, version, file="model.onnx"):
    """Flip one bit of the file."""
    path = tmp_path / NAME / "versions" / version / file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_published_version_holds_its_files_and_says_what_is_known(registry):
    version = publish(registry)
    assert registry.read_file(version, "report.html") == b"<html>"
    manifest = registry.manifest(version)
    assert (manifest["format"], manifest["version"]) == (1, version)
    assert (sorted(manifest["files"]), manifest["created"]) == (sorted(files()), "then")


def test_publishing_the_same_model_twice_is_the_same_version_and_changes_nothing(registry):
    version = publish(registry)
    keys = registry.store.list("")
    assert publish(registry, report=b"another page") == version
    assert registry.store.list("") == keys
    assert registry.read_file(version, "report.html") == b"<html>"


def test_another_model_or_other_learnt_images_is_another_version(registry):
    assert (
        len({publish(registry), publish(registry, model=b"x"), publish(registry, learnt=b"x")}) == 3
    )


def test_a_version_without_a_manifest_does_not_exist(registry):
    with pytest.raises(KilledError):
        publish(dying_at("manifest", registry))
    (version,) = {key.split("/")[2] for key in registry.store.list(f"{NAME}/versions/")}
    assert not registry.has(version)
    with pytest.raises(RegistryError, match=f"version {version} of digits .* is incomplete"):
        promote(registry, version)


def test_a_manifest_holds_the_sizes_of_the_files_that_are_there(registry):
    with pytest.raises(KilledError):
        publish(dying_at("manifest", registry), report=b"first page")
    manifest = registry.manifest(publish(registry, report=b"2nd"))
    assert manifest["sizes"] == {"model.onnx": 5, "trained_on.csv": 19, "report.html": 10}


def test_the_live_model_is_read_only_where_it_is_the_one_that_was_promoted(registry):
    promotion = promote(registry, publish(registry))
    assert registry.read_promoted_model(promotion) == b"model"
    with pytest.raises(RegistryError, match=r"sha256 .*, promoted with 123\. It was not loaded"):
        registry.read_promoted_model(replace(promotion, model_sha256="123"))


def test_an_interrupted_publish_is_completed_by_the_next(registry):
    with pytest.raises(KilledError):
        publish(dying_at("report", registry), report=b"first")
    version = publish(registry, report=b"second")
    assert registry.has(version)
    assert registry.read_file(version, "report.html") == b"second"


def test_a_file_that_an_interrupted_publish_left_is_kept_with_its_own_hash(registry):
    with pytest.raises(KilledError):
        publish(dying_at("manifest", registry), report=b"first")
    version = publish(registry, report=b"second")
    assert registry.read_file(version, "report.html") == b"first"


def test_a_model_damaged_since_an_interrupted_publish_is_not_published(registry, tmp_path):
    with pytest.raises(KilledError):
        publish(dying_at("manifest", registry))
    (version,) = (path.name for path in (tmp_path / NAME / "versions").iterdir())
    damage(tmp_path, version)
    with pytest.raises(RegistryError, match="left by an interrupted publish, is damaged"):
        publish(registry)
    assert not registry.has(version)


def test_a_damaged_model_is_not_promoted(registry, tmp_path):
    version = publish(registry)
    damage(tmp_path, version)
    with pytest.raises(RegistryError, match=r"model\.onnx of version .* is damaged"):
        promote(registry, version)
    assert registry.production() is None


def test_a_manifest_of_which_any_bit_is_changed_is_refused_before_its_model_is_read(
    registry, tmp_path
):
    version = publish(registry)
    path = tmp_path / NAME / "versions" / version / "manifest.json"
    whole = path.read_bytes()
    (path.parent / "model.onnx").unlink()  # to read it would raise another error
    for bit in range(0, 8 * len(whole), 11):  # every place in a byte, in about every byte
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(RegistryError, match=r"the manifest of .* (is damaged|has format)"):
            registry.read_file(version, "model.onnx")


def test_a_manifest_may_be_laid_out_anew(registry, tmp_path):
    version = publish(registry)
    path = tmp_path / NAME / "versions" / version / "manifest.json"
    before = registry.manifest(version)
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    assert registry.manifest(version) == before
    assert "seal" not in before


def test_the_order_of_the_moves_is_not_the_clocks(registry):
    pair = publish(registry, model=b"1"), publish(registry, model=b"2")
    days = ["2026-01-03", "2026-01-02", "2026-01-04", "2026-01-01"]
    for number, day in enumerate(days):
        over = registry.production()
        record = RECORD | {"at": f"{day}T00:00:00+00:00"}
        registry.promote(pair[number % 2], over=over, **record)
    promotions = registry.promotions()
    assert [(promotion.sequence, promotion.at[:10]) for promotion in promotions] == list(
        enumerate(days, start=1)
    )
    assert registry.production().promotion == promotions[-1]


def test_a_file_that_a_version_does_not_have_is_an_error(registry):
    version = publish(registry)
    with pytest.raises(RegistryError, match=r"weights\.h5"):
        registry.read_file(version, "weights.h5")


def test_moves_are_counted_from_one_and_name_what_was_before(registry):
    one, two = publish(registry, model=b"1"), publish(registry, model=b"2")
    for version in (one, two, one):
        promote(registry, version)
    promotions = registry.promotions()
    assert [
        (promotion.sequence, promotion.version, promotion.previous) for promotion in promotions
    ] == [
        (1, one, ""),
        (2, two, one),
        (3, one, two),
    ]
    assert promotions[-1] == registry.production().promotion


def test_a_promotion_carries_the_hash_of_its_model_and_the_reason(registry):
    version = publish(registry)
    promotion = promote(registry, version)
    expected = registry.manifest(version)["files"]["model.onnx"]
    assert promotion.model_sha256 == expected
    assert (promotion.kind, promotion.reason) == ("promotion", "it is better")
    assert (promotion.by, promotion.at) == (RECORD["by"], RECORD["at"])


def test_promotion_over_a_stale_pointer_raises_and_changes_nothing(registry):
    one, two, three = (publish(registry, model=model) for model in (b"1", b"2", b"3"))
    promote(registry, one)
    stale = registry.production()
    promote(registry, two)
    before = registry.promotions()
    with pytest.raises(ChangedError):
        registry.promote(three, over=stale, **RECORD)
    assert registry.promotions() == before


def test_a_first_promotion_is_refused_where_somebody_was_faster(registry):
    one, two = publish(registry, model=b"1"), publish(registry, model=b"2")
    promote(registry, one)
    with pytest.raises(ChangedError):
        registry.promote(two, over=None, **RECORD)
    assert in_production(registry) == one


def test_the_log_has_no_gap_and_its_order_is_that_of_the_moves_past_ten(registry):
    pair = publish(registry, model=b"1"), publish(registry, model=b"2")
    for number in range(12):
        promote(registry, pair[number % 2])
    names = [key.rsplit("/", 1)[1] for key in registry.store.list(f"{NAME}/log/")]
    assert names == [f"{seq:08d}.json" for seq in range(1, 13)]
    assert [promotion.sequence for promotion in registry.promotions()] == list(range(1, 13))


def test_a_move_whose_process_died_before_the_log_is_shown_and_then_logged(registry):
    one, two = publish(registry, model=b"1"), publish(registry, model=b"2")
    promote(registry, one)
    with pytest.raises(KilledError):
        promote(dying_at("log/00000002", registry), two)
    assert [promotion.sequence for promotion in registry.promotions()] == [1, 2]
    assert len(registry.store.list(f"{NAME}/log/")) == 1
    promote(registry, one)
    assert [promotion.version for promotion in registry.promotions()] == [one, two, one]
    assert len(registry.store.list(f"{NAME}/log/")) == 3


def test_two_models_of_one_registry_do_not_meet(registry):
    promote(registry, publish(registry))
    other = replace(registry, name="moles")
    assert (other.production(), other.promotions(), other.list_versions()) == (None, [], [])


def test_a_promotion_of_an_unknown_kind_is_refused(registry, tmp_path):
    promote(registry, publish(registry))
    path = tmp_path / NAME / "production.json"
    path.write_text(path.read_text().replace('"promotion"', '"coup"'))
    with pytest.raises(RegistryError, match=r"production\.json is damaged: unknown kind 'coup'"):
        registry.production()


def test_what_mends_a_damaged_pointer_is_another_thing_than_what_mends_an_entry(registry, tmp_path):
    promote(registry, publish(registry))
    pointer, entry = (tmp_path / NAME / file for file in ("production.json", "log/00000001.json"))
    for damaged, whole, remedy in (
        (pointer, entry, r"copy its last entry that is not damaged to production\.json"),
        (entry, pointer, r"in production stays as it is\. To go on, copy production\.json to this"),
    ):
        damaged.write_text("{")
        with pytest.raises(RegistryError, match=rf"{damaged.name} is damaged: .*{remedy}"):
            registry.promotions()
        damaged.write_bytes(whole.read_bytes())
        assert [promotion.sequence for promotion in registry.promotions()] == [1]


@pytest.mark.parametrize(
    ("content", "fault"),
    [(None, "is the entry of another promotion: number 1, .*expected number 2"), (b"{", "damaged")],
)
def test_a_promotion_does_not_pass_over_an_entry_of_the_log_that_is_not_its_own(
    registry, content, fault
):
    one, two = publish(registry, model=b"1"), publish(registry, model=b"2")
    promote(registry, one)
    with pytest.raises(KilledError):
        promote(dying_at("log/00000002", registry), two)
    first = registry.store.read(f"{NAME}/log/00000001.json").content
    registry.store.create(f"{NAME}/log/00000002.json", content or first)
    with pytest.raises(RegistryError, match=rf"log/00000002\.json.* {fault}"):
        promote(registry, one)
    assert in_production(registry) == two


@pytest.mark.parametrize("kind", ["rollback", "smoke_test_failure"])
def test_a_damaged_entry_of_the_log_stops_no_withdrawal(registry, caplog, kind):
    one, two = publish(registry, model=b"1"), publish(registry, model=b"2")
    promote(registry, one)
    with pytest.raises(KilledError):
        promote(dying_at("log/00000002", registry), two)
    registry.store.create(f"{NAME}/log/00000002.json", b"{")
    registry.promote(one, over=registry.production(), kind=kind, reason="it is worse")
    assert in_production(registry) == one
    assert "log/00000002.json is damaged" in caplog.text


def test_an_entry_of_the_log_may_be_laid_out_anew(registry, tmp_path):
    pair = [publish(registry, model=model) for model in (b"1", b"2")]
    promote(registry, pair[0])
    entry = tmp_path / NAME / "log" / "00000001.json"
    entry.write_text(json.dumps(json.loads(entry.read_text())))
    promote(registry, pair[1])
    assert [promotion.version for promotion in registry.promotions()] == pair
