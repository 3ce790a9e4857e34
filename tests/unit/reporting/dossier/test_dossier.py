import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from signers import Person, keys, seen_by
from typer.testing import CliRunner
from updated_model import PARAMS, compare, promote, publish, release, stricter

from lradapt.cli.app import app
from lradapt.config.paths import read_paths
from lradapt.registry import open_registry
from lradapt.registry.protocol import read_rules
from lradapt.reporting.dossier.collected import collect
from lradapt.reporting.dossier.dossier import as_json, as_markdown, as_page, missing
from lradapt.reporting.dossier.moves import moves_of
from lradapt.reporting.dossier.rule_history import rule_changes, rules_in_use
from lradapt.reporting.dossier.use_of_test import use_of_test_images

ROOT = Path(__file__).parents[4]
JANUARY, FEBRUARY, MARCH = (f"2026-0{month}-01T00:00:00+00:00" for month in (1, 2, 3))
MOVED = {"a": "test", "b": "train", "c": "test", "d": "validation", "e": "test"}


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path / "registry"), "moles")


@pytest.fixture
def paths(tmp_path, monkeypatch):
    """The tables of a project outside git, of which only the labels are there."""
    monkeypatch.chdir(tmp_path)
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label\n")
    return replace(read_paths(ROOT / "dvc.yaml"), labels=labels, split=tmp_path / "no.csv")


@pytest.fixture
def updated(registry, paths):
    """A first version, and a second one by other rules and params on other test images."""
    first = publish(registry, b"1", at=JANUARY, slices=[])
    release(registry, paths, first, at=JANUARY)
    rules = stricter(margin=0.01)
    second = publish(registry, b"2", MOVED, at=FEBRUARY, params=PARAMS | {"seed": 7}, rules=rules)
    release(registry, paths, second, MOVED, at=FEBRUARY, rules=rules, decision="keep")
    return first, second


def test_the_same_registry_gives_the_same_bytes(registry, updated):
    for form in (as_markdown, as_page, lambda found: json.dumps(as_json(found))):
        assert form(collect(registry)) == form(collect(registry))


def test_a_change_of_the_rules_is_named_with_old_and_new_value(registry, updated):
    [change] = rule_changes(rules_in_use(collect(registry))[1:3])
    [value] = change.changes
    assert (value.key, value.old, value.new) == ("gate.margin", 0.01, 0.02)
    assert (change.before.version, change.after.version) == (updated[1], updated[0])
    assert "gate.margin | 0.02 | 0.01 |" in as_markdown(collect(registry))


def test_a_change_of_the_code_of_the_gate_is_a_change_of_the_rules(
    registry, paths, updated, monkeypatch
):
    before = rule_changes(rules_in_use(collect(registry)))
    monkeypatch.setattr("lradapt.production.comparison_record.gate_code", lambda: "0" * 16)
    compare(registry, paths, updated[1], MOVED, rules=stricter(margin=0.01))
    [new] = rule_changes(rules_in_use(collect(registry)))[len(before) :]
    assert [each.key for each in new.changes] == ["code of the gate"]


def test_a_change_of_params_is_named_and_hashes_of_data_that_is_absent_are_not_guessed(
    registry, updated
):
    page = as_markdown(collect(registry))
    assert f"| {updated[0]} | {updated[1]} | params.yaml.seed | 0 | 7 |" in page
    asked = as_json(collect(registry))["comparisons"][0]["asked"]["data"]
    assert (len(asked["labels"]), asked["split"]) == (64, None)


def test_moves_are_counted_by_pixel_hash(registry, updated):
    [moved] = moves_of(collect(registry).versions)
    assert (moved.stayed, moved.to_training, moved.to_test) == (["a"], ["b"], ["c"])
    assert (moved.new, moved.gone, moved.relabelled) == (["e"], [], [])


def test_an_image_that_no_version_uses_any_more_is_gone_and_a_new_label_is_told(registry):
    publish(registry, b"1", at=JANUARY)
    publish(registry, b"2", {"b": "test", "c": "train"}, at=FEBRUARY, labels={"b": "nevus"})
    [moved] = moves_of(collect(registry).versions)
    assert (moved.gone, moved.relabelled) == (["a"], ["b"])


def test_the_same_question_counts_once_and_each_other_adds_its_error(registry, paths, updated):
    _, second = updated
    compare(registry, paths, second, MOVED, rules=stricter(margin=0.01))  # the same again
    compare(registry, paths, second, MOVED)  # by other rules
    used = use_of_test_images(collect(registry))
    assert (used.distinct, used.error_bound, used.unknown) == (3, 0.15, 0)
    assert used.times == {2: 2, 3: 1}  # only "a" was also in the first comparison
    assert used.confidence_for_target == pytest.approx(1 - 0.05 / 3)
    assert [(each.asked, each.distinct, each.in_latest) for each in used.sets] == [
        (1, 1, pytest.approx(1 / 3)),
        (3, 2, 1.0),
    ]
    assert used.of_other_params == 2


def test_other_labels_are_another_question_on_the_same_images(registry, paths, updated):
    compare(registry, paths, updated[1], MOVED, rules=stricter(margin=0.01), labels={"a": "nevus"})
    used = use_of_test_images(collect(registry))
    assert (used.distinct, [each.asked for each in used.sets]) == (3, [1, 2])


def test_a_comparison_whose_version_was_removed_counts_for_every_image(registry, updated, tmp_path):
    shutil.rmtree(tmp_path / "registry" / "moles" / "versions" / updated[0])
    used = use_of_test_images(collect(registry))
    assert (used.unknown, used.times) == (1, {2: 3})
    assert (
        f"that were removed since, with their manifests: {updated[0]}"
        in missing(collect(registry))[-1]
    )


def test_a_promotion_without_a_record_is_named_and_an_interrupted_comparison_counts(
    registry, paths, updated
):
    first, second = updated
    compare(registry, paths, second, MOVED)
    promote(registry, first, at=MARCH, kind="rollback", reason="takes moles for melanomas")
    promote(registry, second, at=MARCH, kind="override", reason="as agreed")
    used = use_of_test_images(collect(registry))
    assert (used.unrecorded, used.distinct) == ((3,), 3)
    page = as_markdown(collect(registry))
    assert "withdrawn by a person (rollback) | ann@lab | not signed | takes moles" in page
    assert "Of the promotion(s) 3 the comparison is not recorded" in page


def test_a_version_of_earlier_times_is_shown_as_not_recorded(registry):
    old = registry.publish({"model.onnx": b"0", "trained_on.csv": b""}, {})
    promote(registry, old, at=JANUARY)
    found = as_json(collect(registry))
    [version] = found["versions"]
    assert [version[key] for key in ("created", "params", "data", "gate_rules", "slices")] == [
        None
    ] * 5
    assert found["test_images"]["unrecorded"] == (1,)
    page = as_markdown(collect(registry))
    assert f"| {old} | not recorded | not checked | not recorded |" in page
    assert f"Slices are not recorded for {old}." in page


def test_the_dossier_says_whose_keys_vouch_for_the_record_and_what_is_not_trusted(
    registry, paths, tmp_path
):
    anna = Person(tmp_path, "anna")
    signed = seen_by(registry, anna, [anna])
    release(signed, paths, publish(signed, b"1", at=JANUARY, slices=[]), at=JANUARY)
    assert not any("trusted" in each or "faults" in each for each in missing(collect(signed)))
    assert as_markdown(collect(signed)).count("| anna |") == 3  # rules, version, comparison
    assert as_json(collect(signed))["rules"]["frozen"][0]["signed_by"] == "anna"
    [path] = (tmp_path / "registry/moles/protocol/comparisons").glob("*/outcome-1.json")
    path.write_text(path.read_text().replace("as measured", "as agreed"))
    assert f"Comparisons whose record has faults: {path.parent.name}." in missing(collect(signed))
    page = as_markdown(collect(signed))
    assert "| see its faults |" in page
    assert "outcome-1.json is not trusted: its signature by anna is of another record" in page
    assert "No signature was checked: no keys are trusted" in missing(collect(registry))[1]


def test_rules_that_nobody_trusted_has_frozen_are_named(registry, updated, tmp_path):
    anna = Person(tmp_path, "anna")
    read = read_rules(registry.store, registry.name, keys(trusted=[anna]).trusted)
    found = replace(collect(registry), frozen_rules=tuple(read), are_signatures_checked=True)
    assert sum(each.startswith("Rules are not trusted. rules/") for each in missing(found)) == 2


def test_rules_that_do_not_match_their_hash_are_damaged(registry, updated, tmp_path):
    for path in (tmp_path / "registry" / "moles" / "protocol" / "rules").iterdir():
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"rules": record["rules"] | {"margin": 0.2}}))
    assert as_markdown(collect(registry)).count("DAMAGED") == 2


def test_a_damaged_version_is_listed_with_its_fault(registry, updated, tmp_path):
    manifest = tmp_path / "registry" / "moles" / "versions" / updated[1] / "manifest.json"
    manifest.write_text("{")
    page = as_markdown(collect(registry))
    assert "cannot be used: the manifest of" in page
    assert as_json(collect(registry))["versions"][0]["fault"].startswith("the manifest of")


def test_what_people_wrote_is_no_markup(registry, updated):
    promote(registry, updated[1], at=MARCH, kind="override", reason="<b>|x")
    assert r"\<b>\|x" in as_markdown(collect(registry))
    assert "&lt;b&gt;|x" in as_page(collect(registry))


def test_since_leaves_out_what_is_older_but_not_the_use_of_the_test_images(registry, updated):
    found = as_json(collect(registry), FEBRUARY)
    assert [each["version"] for each in found["versions"]] == [updated[1]]
    assert (found["promotions"], found["test_images"]["distinct"]) == ([], 2)


def lradapt(registry, *words):
    where = ("--registry", registry.location, "--name", "moles")
    return CliRunner().invoke(app, ["dossier", *where, *words])


def test_the_command_prints_markdown_or_json_or_writes_a_page(registry, updated, tmp_path):
    assert lradapt(registry).stdout == as_markdown(collect(registry))
    assert json.loads(lradapt(registry, "--json").stdout)["name"] == "moles"
    page = tmp_path / "dossier.html"
    assert lradapt(registry, "--out", str(page)).stdout == f"wrote {page}\n"
    assert page.read_text() == as_page(collect(registry))
    since = lradapt(registry, "--json", "--since", "2026-02-01T01:00+01:00")
    assert [each["version"] for each in json.loads(since.stdout)["versions"]] == [updated[1]]


def test_another_suffix_is_wrong_usage(registry, updated):
    done = lradapt(registry, "--out", "dossier.pdf")
    assert (done.exit_code, ".md or .html" in done.stderr) == (2, True)
