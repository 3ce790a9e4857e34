import json
from dataclasses import replace

import pytest

from lradapt.registry import open_store, versions
from lradapt.registry.store import ChangedError, RegistryError

NAME = "digits"
CLERK = {"why": "better", "who": "me@here", "when": "2026-01-01T00:00:00+00:00"}


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
def store(tmp_path):
    return open_store(str(tmp_path))


def files(model=b"model", learnt=b"pixel_sha256,group\n", report=b"<html>"):
    return {"model.onnx": model, "trained_on.csv": learnt, "report.html": report}


def publish(store, *args, **kwargs):
    return versions.publish(store, NAME, files(*args, **kwargs), {"created": "then"})


def promote(store, version):
    production = versions.read_production(store, NAME)
    return versions.promote(store, NAME, version, over=production, **CLERK)


def rollback(store, version=None):
    production, target = versions.find_former(store, NAME, version)
    return versions.promote(store, NAME, target, over=production, **CLERK)


def in_production(store):
    return versions.read_production(store, NAME).move.version


def damage(tmp_path, version, file="model.onnx"):
    """Flip one bit of the file."""
    path = tmp_path / NAME / "versions" / version / file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_published_version_holds_its_files_and_says_what_is_known(store):
    version = publish(store)
    assert versions.read_file(store, NAME, version, "report.html") == b"<html>"
    manifest = versions.read_manifest(store, NAME, version)
    assert (manifest["format"], manifest["version"]) == (1, version)
    assert (sorted(manifest["files"]), manifest["created"]) == (sorted(files()), "then")


def test_publishing_the_same_model_twice_is_the_same_version_and_changes_nothing(store):
    version = publish(store)
    keys = store.list("")
    assert publish(store, report=b"another page") == version
    assert store.list("") == keys
    assert versions.read_file(store, NAME, version, "report.html") == b"<html>"


def test_another_model_or_other_learnt_images_is_another_version(store):
    assert len({publish(store), publish(store, model=b"x"), publish(store, learnt=b"x")}) == 3


def test_a_version_without_a_manifest_does_not_exist(store):
    with pytest.raises(KilledError):
        publish(DiesAt(store, "manifest"))
    (version,) = {key.split("/")[2] for key in store.list(f"{NAME}/versions/")}
    assert not versions.exists(store, NAME, version)
    with pytest.raises(RegistryError, match=f"version {version} of digits .* is incomplete"):
        promote(store, version)


def test_a_manifest_holds_the_sizes_of_the_files_that_are_there(store):
    with pytest.raises(KilledError):
        publish(DiesAt(store, "manifest"), report=b"first page")
    manifest = versions.read_manifest(store, NAME, publish(store, report=b"2nd"))
    assert manifest["sizes"] == {"model.onnx": 5, "trained_on.csv": 19, "report.html": 10}


def test_the_live_model_is_read_only_where_it_is_the_one_that_was_promoted(store):
    move = promote(store, publish(store))
    assert versions.read_live(store, NAME, move) == b"model"
    with pytest.raises(RegistryError, match=r"sha256 .*, promoted was 123\. It was not loaded"):
        versions.read_live(store, NAME, replace(move, model_sha256="123"))


def test_an_interrupted_publish_is_completed_by_the_next(store):
    with pytest.raises(KilledError):
        publish(DiesAt(store, "report"), report=b"first")
    version = publish(store, report=b"second")
    assert versions.exists(store, NAME, version)
    assert versions.read_file(store, NAME, version, "report.html") == b"second"


def test_a_file_that_an_interrupted_publish_left_is_kept_with_its_own_hash(store):
    with pytest.raises(KilledError):
        publish(DiesAt(store, "manifest"), report=b"first")
    version = publish(store, report=b"second")
    assert versions.read_file(store, NAME, version, "report.html") == b"first"


def test_a_model_damaged_since_an_interrupted_publish_is_not_published(store, tmp_path):
    with pytest.raises(KilledError):
        publish(DiesAt(store, "manifest"))
    (version,) = (path.name for path in (tmp_path / NAME / "versions").iterdir())
    damage(tmp_path, version)
    with pytest.raises(RegistryError, match="left by an interrupted publish, is damaged"):
        publish(store)
    assert not versions.exists(store, NAME, version)


def test_a_model_changed_by_one_bit_is_refused(store, tmp_path):
    version = publish(store)
    damage(tmp_path, version)
    with pytest.raises(RegistryError, match=r"model\.onnx of version .* is damaged"):
        versions.read_file(store, NAME, version, "model.onnx")


def test_a_damaged_model_is_not_promoted(store, tmp_path):
    version = publish(store)
    damage(tmp_path, version)
    with pytest.raises(RegistryError, match="damaged"):
        promote(store, version)
    assert versions.read_production(store, NAME) is None


def test_a_manifest_of_a_newer_format_is_refused(store, tmp_path):
    version = publish(store)
    path = tmp_path / NAME / "versions" / version / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(RegistryError, match="format 2, expected 1"):
        versions.read_manifest(store, NAME, version)


def test_a_manifest_of_which_any_bit_is_changed_is_refused_before_its_model_is_read(
    store, tmp_path
):
    version = publish(store)
    path = tmp_path / NAME / "versions" / version / "manifest.json"
    whole = path.read_bytes()
    (path.parent / "model.onnx").unlink()  # to read it would raise another error
    for bit in range(0, 8 * len(whole), 11):  # every place in a byte, in about every byte
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(RegistryError, match=r"the manifest of .* (is damaged|has format)"):
            versions.read_file(store, NAME, version, "model.onnx")


def test_a_manifest_may_be_laid_out_anew(store, tmp_path):
    version = publish(store)
    path = tmp_path / NAME / "versions" / version / "manifest.json"
    before = versions.read_manifest(store, NAME, version)
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    assert versions.read_manifest(store, NAME, version) == before
    assert "seal" not in before


def test_the_order_of_the_moves_is_not_the_clocks(store):
    pair = publish(store, model=b"1"), publish(store, model=b"2")
    days = ["2026-01-03", "2026-01-02", "2026-01-04", "2026-01-01"]
    for number, day in enumerate(days):
        over = versions.read_production(store, NAME)
        clerk = CLERK | {"when": f"{day}T00:00:00+00:00"}
        versions.promote(store, NAME, pair[number % 2], over=over, **clerk)
    moves = versions.history(store, NAME)
    assert [(move.seq, move.when[:10]) for move in moves] == list(enumerate(days, start=1))
    assert versions.read_production(store, NAME).move == moves[-1]


def test_a_file_that_a_version_does_not_have_is_an_error(store):
    version = publish(store)
    with pytest.raises(RegistryError, match=r"weights\.h5"):
        versions.read_file(store, NAME, version, "weights.h5")


def test_nothing_is_in_production_before_the_first_promotion(store):
    publish(store)
    assert versions.read_production(store, NAME) is None
    assert versions.history(store, NAME) == []


def test_moves_are_counted_from_one_and_name_what_was_before(store):
    one, two = publish(store, model=b"1"), publish(store, model=b"2")
    for version in (one, two, one):
        promote(store, version)
    moves = versions.history(store, NAME)
    assert [(move.seq, move.version, move.former) for move in moves] == [
        (1, one, ""),
        (2, two, one),
        (3, one, two),
    ]
    assert moves[-1] == versions.read_production(store, NAME).move


def test_a_move_carries_the_hash_of_its_model_and_the_reason(store):
    version = publish(store)
    move = promote(store, version)
    expected = versions.read_manifest(store, NAME, version)["files"]["model.onnx"]
    assert (move.model_sha256, move.why, move.who, move.when) == (expected, *CLERK.values())


def test_promotion_over_a_stale_pointer_raises_and_changes_nothing(store):
    one, two, three = (publish(store, model=model) for model in (b"1", b"2", b"3"))
    promote(store, one)
    stale = versions.read_production(store, NAME)
    promote(store, two)
    before = versions.history(store, NAME)
    with pytest.raises(ChangedError):
        versions.promote(store, NAME, three, over=stale, **CLERK)
    assert versions.history(store, NAME) == before


def test_a_first_promotion_is_refused_where_somebody_was_faster(store):
    one, two = publish(store, model=b"1"), publish(store, model=b"2")
    promote(store, one)
    with pytest.raises(ChangedError):
        versions.promote(store, NAME, two, over=None, **CLERK)
    assert in_production(store) == one


def test_the_log_has_no_gap_and_its_order_is_that_of_the_moves_past_ten(store):
    pair = publish(store, model=b"1"), publish(store, model=b"2")
    for number in range(12):
        promote(store, pair[number % 2])
    names = [key.rsplit("/", 1)[1] for key in store.list(f"{NAME}/log/")]
    assert names == [f"{seq:08d}.json" for seq in range(1, 13)]
    assert [move.seq for move in versions.history(store, NAME)] == list(range(1, 13))


def test_a_move_whose_process_died_before_the_log_is_shown_and_then_logged(store):
    one, two = publish(store, model=b"1"), publish(store, model=b"2")
    promote(store, one)
    with pytest.raises(KilledError):
        promote(DiesAt(store, "log/00000002"), two)
    assert [move.seq for move in versions.history(store, NAME)] == [1, 2]
    assert len(store.list(f"{NAME}/log/")) == 1
    rollback(store)
    assert [move.version for move in versions.history(store, NAME)] == [one, two, one]
    assert len(store.list(f"{NAME}/log/")) == 3


def test_rollback_puts_the_former_version_back_as_a_move_of_its_own(store):
    one, two = publish(store, model=b"1"), publish(store, model=b"2")
    promote(store, one)
    promote(store, two)
    move = rollback(store)
    assert (move.seq, move.version, move.former) == (3, one, two)
    assert in_production(store) == one


def test_rollback_to_a_named_version(store):
    one, two, three = (publish(store, model=model) for model in (b"1", b"2", b"3"))
    for version in (one, two, three):
        promote(store, version)
    rollback(store, one)
    assert in_production(store) == one


def test_rollback_leaves_a_damaged_version_behind(store, tmp_path):
    one, two = publish(store, model=b"1"), publish(store, model=b"2")
    promote(store, one)
    promote(store, two)
    damage(tmp_path, two)
    rollback(store)
    assert in_production(store) == one


def test_rollback_to_a_version_that_is_not_there_changes_nothing(store):
    one = publish(store)
    promote(store, one)
    with pytest.raises(RegistryError, match="no version abc of digits"):
        rollback(store, "abc")
    assert in_production(store) == one


def test_rollback_to_an_incomplete_version_is_refused_and_changes_nothing(store):
    one = publish(store)
    promote(store, one)
    with pytest.raises(KilledError):
        publish(DiesAt(store, "manifest"), model=b"2")
    (two,) = {key.split("/")[2] for key in store.list(f"{NAME}/versions/")} - {one}
    with pytest.raises(RegistryError, match=f"version {two} of digits .* is incomplete: .* again"):
        rollback(store, two)
    assert [move.version for move in versions.history(store, NAME)] == [one]


def test_rollback_to_what_is_in_production_is_refused(store):
    version = publish(store)
    promote(store, version)
    with pytest.raises(RegistryError, match="in production already"):
        rollback(store, version)


def test_rollback_of_the_first_version_has_nothing_to_go_back_to(store):
    version = publish(store)
    promote(store, version)
    with pytest.raises(RegistryError, match=f"{version} is the first version"):
        rollback(store)


def test_rollback_with_nothing_in_production_says_so(store):
    with pytest.raises(RegistryError, match="nothing of digits is in production"):
        rollback(store)


def test_two_models_of_one_registry_do_not_meet(store):
    version = publish(store)
    promote(store, version)
    assert versions.read_production(store, "moles") is None
    assert versions.history(store, "moles") == []
