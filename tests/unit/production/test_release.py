import itertools
import socket
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copyfile, copytree

import numpy as np
import pytest
from colour_model import COLOURS, colour_model, paint
from gate_verdicts import RULES as GATE_RULES
from releases import damage
from safetensors.numpy import save

from lradapt.config.paths import read_paths
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.errors import UnreadableError
from lradapt.gate.held_out import read_trained_on, write_trained_on
from lradapt.inference.predict import Model
from lradapt.networks.champion import read_champion
from lradapt.production.approval import with_approval
from lradapt.production.challenger import evaluate_challenger
from lradapt.production.comparison_record import FrozenRules, freeze
from lradapt.production.publish import is_published, publish
from lradapt.production.release import (
    complete_interrupted,
    evaluate_and_promote,
    promote_challenger,
)
from lradapt.production.rollback import roll_back
from lradapt.production.warm_start import bring_champion
from lradapt.registry import open_registry
from lradapt.registry.promotions import user_and_host
from lradapt.registry.protocol import read_comparisons
from lradapt.registry.registry import Registry
from lradapt.registry.store import ChangedError, RegistryError, UnreachableError
from lradapt.runtime.files import write_json

NAME = "colours"
GOOD, POOR = COLOURS, ("red", "blue", "green")
RULES = FrozenRules(replace(GATE_RULES, confidence=0.9, min_class_images=5, min_floor_images=5))
ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of 21 pictures, five test images of each colour; its paths."""
    monkeypatch.chdir(tmp_path)
    copyfile(ROOT / "dvc.yaml", "dvc.yaml")
    (tmp_path / "params.yaml").write_text("seed: 7\n")
    paths = read_paths()
    sides = ("train", "validation", *5 * ["test"])
    rows = []
    for seed, (colour, side) in enumerate((c, s) for c in COLOURS for s in sides):
        name = f"{colour}/{seed}.png"
        paint(paths.images / name, colour, seed)
        rows.append(LabelledImage(name, colour, "", side, f"hash{seed}", seed))
    write_split(paths.split, rows)
    for path in paths.as_dict().values():
        path.parent.mkdir(parents=True, exist_ok=True)
    paths.labels.write_text("labels")
    paths.table.write_text("table")
    paths.model.write_bytes(save({"fc.bias": np.zeros(3, np.float32)}))
    write_json(paths.metrics, {"parity": {"passed": True}, "ancestor": ""})
    return paths


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path / "registry"), NAME)


def release(registry, paths, model, **options):
    """Publish and evaluate as the flow does."""
    version = published(registry, paths, model)
    return evaluate_and_promote(registry, version, paths, RULES, by="test", **options)


def begin(registry, paths):
    """Put a poor model into production, by a person: it is no better than guessing."""
    return release(registry, paths, colour_model(POOR), override="to begin with")


def published(registry, paths, model):
    paths.onnx.write_bytes(model)
    return publish(registry, paths, report=b"<html>", card=b"# Card", run="run-1")


def in_production(registry):
    return registry.production().version


class Overtaken:
    """A store where somebody else promotes just before each of our first `times` swaps."""

    def __init__(self, registry, rivals):
        self._registry, self._store, self._rivals = registry, registry.store, list(rivals)

    def replace(self, key, content, *, etag):
        if self._rivals:
            rival = self._rivals.pop(0)
            over = self._registry.production()
            self._registry.promote(rival, over=over, kind="promotion", reason="", by="rival")
        self._store.replace(key, content, etag=etag)

    def __getattr__(self, name):
        return getattr(self._store, name)


class DamagedAfterTheSwap:
    """A store in which a version's model is damaged as soon as it is in production."""

    def __init__(self, registry, folder):
        self._registry, self._store, self._folder = registry, registry.store, folder

    def replace(self, key, content, *, etag):
        self._store.replace(key, content, etag=etag)
        damage(self._folder, NAME, self._registry.production().version)

    def __getattr__(self, name):
        return getattr(self._store, name)


class DamagedOnce(DamagedAfterTheSwap):
    """The same, but for the first swap alone."""

    def replace(self, key, content, *, etag):
        super().replace(key, content, etag=etag)
        self.replace = self._store.replace


def test_a_model_that_cannot_be_used_after_the_swap_goes_back_and_both_promotions_are_logged(
    registry, project, tmp_path
):
    first = begin(registry, project).version
    outcome = release(
        Registry(DamagedOnce(registry, tmp_path / "registry"), NAME), project, colour_model(GOOD)
    )
    assert "model.onnx of version" in outcome.fault
    assert "is damaged" in outcome.fault
    assert in_production(registry) == first
    promotions = registry.promotions()
    assert [promotion.version for promotion in promotions] == [first, outcome.version, first]
    assert [promotions[1], promotions[2]] == [outcome.promotion, outcome.restored]
    assert (promotions[2].kind, promotions[2].reason) == ("smoke_test_failure", outcome.fault)
    assert promotions[2].by == "test"


class SilentAfterTheSwap:
    """A store that does not answer once a model is in production."""

    def __init__(self, registry):
        self._store, self.read = registry.store, registry.store.read

    def replace(self, key, content, *, etag):
        self._store.replace(key, content, etag=etag)
        self.read = self._silent

    def _silent(self, key):
        raise UnreachableError("no answer")

    def __getattr__(self, name):
        return getattr(self._store, name)


def test_a_store_that_is_silent_after_the_swap_withdraws_no_model_and_the_next_run_tests_it(
    registry, project
):
    begin(registry, project)
    with pytest.raises(UnreachableError, match="without a smoke test: no answer"):
        release(Registry(SilentAfterTheSwap(registry), NAME), project, colour_model(GOOD))
    outcome = release(registry, project, colour_model(GOOD))
    assert (in_production(registry), outcome.fault) == (outcome.version, "")
    assert registry.promotions()[1:] == [outcome.promotion]


def fail_with(error):
    def fails(*_, **__):
        raise error

    return fails


def test_a_full_memory_in_the_smoke_test_withdraws_no_model_and_the_promotion_is_recorded(
    registry, project, monkeypatch
):
    begin(registry, project)
    with monkeypatch.context() as patched:
        patched.setattr("lradapt.production.smoke_test.Model", fail_with(MemoryError()))
        with pytest.raises(UnreadableError, match="without a smoke test: the memory is full"):
            release(registry, project, colour_model(GOOD))
    assert [each.kind for each in registry.promotions()] == ["override", "promotion"]
    assert [o["promotion"] for o in read_comparisons(registry.store, NAME)[-1].outcomes] == [2]
    assert release(registry, project, colour_model(GOOD)).promotion == registry.promotions()[-1]


def test_a_record_that_cannot_be_written_leaves_no_model_untested(
    registry, project, tmp_path, monkeypatch
):
    first = begin(registry, project).version
    damaging = Registry(DamagedOnce(registry, tmp_path / "registry"), NAME)
    full = fail_with(RegistryError("the store is full"))
    monkeypatch.setattr("lradapt.production.release.record_outcome", full)
    with pytest.raises(RegistryError, match="the store is full"):
        release(damaging, project, colour_model(GOOD))
    assert in_production(registry) == first
    assert registry.promotions()[-1].kind == "smoke_test_failure"


def test_a_record_that_cannot_be_written_does_not_hide_that_the_test_did_not_run(
    registry, project, monkeypatch
):
    full = fail_with(RegistryError("the store is full"))
    monkeypatch.setattr("lradapt.production.release.record_outcome", full)
    with pytest.raises(UnreachableError, match="without a smoke test: no answer"):
        release(Registry(SilentAfterTheSwap(registry), NAME), project, colour_model(GOOD))


def test_what_failed_the_smoke_test_is_not_tried_again_but_for_a_person(
    registry, project, tmp_path
):
    first = begin(registry, project).version
    path = tmp_path / "registry"
    second = release(
        Registry(DamagedOnce(registry, path), NAME), project, colour_model(GOOD)
    ).version
    whole = path / NAME / "versions" / second / "model.onnx"
    whole.write_bytes(colour_model(GOOD))
    again = release(registry, project, colour_model(GOOD))
    assert (again.verdict.decision, again.promotion, in_production(registry)) == (
        "keep",
        None,
        first,
    )
    assert f"{second} failed the smoke test: model.onnx of version" in again.verdict.reason
    assert "--override REASON" in again.verdict.reason
    release(registry, project, colour_model(GOOD), override="the file is mended")
    assert in_production(registry) == second


def test_what_a_person_has_rolled_back_is_not_tried_again_but_for_a_person(registry, project):
    first = begin(registry, project).version
    second = release(registry, project, colour_model(GOOD)).version
    roll_back(registry, None, reason="too many owls")
    again = release(registry, project, colour_model(GOOD))
    assert (again.verdict.decision, again.promotion, in_production(registry)) == (
        "keep",
        None,
        first,
    )
    assert f"{second} was rolled back: too many owls; to promote it again" in again.verdict.reason
    release(registry, project, colour_model(GOOD), override="they are owls")
    assert in_production(registry) == second


def test_a_first_model_that_cannot_be_used_has_nothing_before_it(registry, project, tmp_path):
    damaging = Registry(DamagedAfterTheSwap(registry, tmp_path / "registry"), NAME)
    outcome = release(damaging, project, colour_model(GOOD))
    assert "is damaged" in outcome.fault
    assert outcome.restored is None
    assert in_production(registry) == outcome.version


def test_a_promotion_whose_process_died_after_the_swap_is_tested_by_the_next(
    registry, project, tmp_path
):
    first = begin(registry, project).version
    second = release(registry, project, colour_model(GOOD)).version
    damage(tmp_path / "registry", NAME, second)
    outcome = evaluate_and_promote(registry, second, project, RULES, by="test")
    assert (outcome.promotion, outcome.restored.version) == (None, first)
    assert in_production(registry) == first


class KilledError(Exception):
    """The end of a process, for tests."""


def killed_at(monkeypatch, name, registry, project, **options):
    """Release a good model, in a process that dies in a function."""
    with monkeypatch.context() as patched:
        patched.setattr(name, fail_with(KilledError()))
        with pytest.raises(KilledError):
            release(registry, project, colour_model(GOOD), **options)


DEATHS = (
    "lradapt.registry.moving._log",
    "lradapt.production.smoke_test.find_fault",
    "lradapt.production.release.record_outcome",
)


@pytest.mark.parametrize("dies_in", DEATHS)
def test_the_run_after_a_killed_promotion_reports_and_records_the_promotion(
    registry, project, monkeypatch, dies_in
):
    if dies_in != DEATHS[0]:
        begin(registry, project)
    killed_at(monkeypatch, dies_in, registry, project)
    outcome = release(registry, project, colour_model(GOOD))
    assert outcome.promotion == registry.production().promotion == registry.promotions()[-1]
    assert (outcome.verdict.decision, outcome.previous) == ("promote", outcome.promotion.previous)
    assert outcome.verdict.reason.endswith("interrupted run, completed by this one")
    last = read_comparisons(registry.store, NAME)[-1]
    assert (last.faults, last.outcomes[-1]["smoke_test"]) == ((), "passed")
    assert last.outcomes[-1]["promotion"] == outcome.promotion.sequence
    again = release(registry, project, colour_model(GOOD))
    assert (again.promotion, again.verdict.decision) == (None, "keep")


def test_a_killed_override_is_reported_as_one_with_the_reason_of_the_person(
    registry, project, monkeypatch
):
    begin(registry, project)
    with monkeypatch.context() as patched:
        patched.setattr("lradapt.production.release.record_outcome", fail_with(KilledError()))
        with pytest.raises(KilledError):
            release(registry, project, colour_model(("blue", "red", "green")), override="I know")
    outcome = release(registry, project, colour_model(("blue", "red", "green")))
    assert (outcome.promotion.kind, outcome.verdict.decision) == ("override", "keep")
    last = read_comparisons(registry.store, NAME)[-1].outcomes[-1]
    assert last["override"] == outcome.promotion.reason


def test_a_killed_promotion_that_fails_its_test_is_reported_with_the_restored_version(
    registry, project, monkeypatch, tmp_path
):
    first = begin(registry, project).version
    killed_at(monkeypatch, DEATHS[1], registry, project)
    damage(tmp_path / "registry", NAME, second := in_production(registry))
    outcome = evaluate_and_promote(registry, second, project, RULES, by="test")
    assert (outcome.promotion.version, outcome.restored.version) == (second, first)
    [*_, last] = read_comparisons(registry.store, NAME)[-1].outcomes
    assert last["smoke_test"] == outcome.fault


def test_what_a_person_restored_after_a_kill_was_not_promoted_by_the_run(
    registry, project, monkeypatch
):
    first = begin(registry, project).version
    second = release(registry, project, colour_model(GOOD)).version
    roll_back(registry, None, reason="too many owls")
    roll_back(registry, second, reason="they are owls")
    assert in_production(registry) != first
    assert release(registry, project, colour_model(GOOD)).promotion is None


def test_what_a_person_put_into_production_after_the_gate_kept_it_was_not_promoted_by_a_run(
    registry, project
):
    begin(registry, project)
    kept = release(registry, project, colour_model(("blue", "red", "green"))).version
    roll_back(registry, kept, reason="I know")
    again = evaluate_and_promote(registry, kept, project, RULES)
    assert (again.promotion, again.verdict.reason) == (None, f"{kept} is in production already")


class DiesAfter:
    """The store of a process that is killed after so many writes, tried ones included."""

    def __init__(self, registry, num_writes):
        self._store, self._left = registry.store, num_writes

    def __getattr__(self, name):
        if name in ("create", "replace", "delete"):
            if not self._left:
                raise KilledError
            self._left -= 1
        return getattr(self._store, name)


@pytest.fixture
def killed_after_each_write(tmp_path):
    """A function: copies of the registry on which an action was begun, each after a kill.

    On each the kill comes one write later than on the copy before. `store` wraps that of a copy.
    """

    def copies(action, store=lambda registry, _: registry.store):
        for num_writes in itertools.count():
            copied = tmp_path / f"after {num_writes}"
            copytree(tmp_path / "registry", copied)
            found = open_registry(str(copied), NAME)
            within = Registry(store(found, copied), NAME)
            try:
                action(Registry(DiesAfter(within, num_writes), NAME))
            except KilledError:
                yield found
            else:
                return

    return copies


@pytest.fixture
def withdrawn(registry, project):
    """The name of a second version that a person has rolled back."""
    begin(registry, project)
    second = release(registry, project, colour_model(GOOD)).version
    roll_back(registry, None, reason="too many owls")
    return second


def test_a_killed_override_of_a_withdrawn_version_is_whole_or_never_happened(
    killed_after_each_write, withdrawn, project
):
    second, promoted = withdrawn, []
    override = partial(
        evaluate_and_promote,
        version=second,
        paths=project,
        frozen=RULES,
        override="they are owls",
    )
    for registry in killed_after_each_write(override):
        live, log = registry.production().promotion, registry.promotions()
        promoted.append(live.version == second)
        (listed,) = [each for each in registry.list_versions() if each.since]
        assert (listed.version, live, len(log)) == (live.version, log[-1], 3 + promoted[-1])
        outcome = evaluate_and_promote(registry, second, project, RULES)
        assert outcome.promotion == (live if promoted[-1] else None)
        assert f"{second} was rolled back: too many owls; " in outcome.verdict.reason
        last = read_comparisons(registry.store, NAME)[-1]
        found = [(each["promotion"], each["smoke_test"]) for each in last.outcomes]
        assert (last.faults, found) == ((), [(2, "passed"), (4, "passed")][: 1 + promoted[-1]])
        assert registry.promotions() == log
        assert (log[-1].kind, log[-1].version) == (
            ("override", second) if promoted[-1] else ("rollback", log[0].version)
        )
        assert evaluate_and_promote(registry, second, project, RULES).promotion is None
    assert (promoted == sorted(promoted), {*promoted}) == (True, {False, True})


def test_a_killed_rollback_to_a_withdrawn_version_is_whole_or_never_happened(
    killed_after_each_write, withdrawn, project
):
    second, promoted = withdrawn, []
    restore = partial(roll_back, version=second, reason="they are owls")
    for registry in killed_after_each_write(restore):
        live, log = registry.production().promotion, registry.promotions()
        promoted.append(live.version == second)
        assert (live, live.kind, len(log)) == (log[-1], "rollback", 3 + promoted[-1])
        outcome = evaluate_and_promote(registry, second, project, RULES)
        words = "is in production already" if promoted[-1] else "was rolled back: too many owls"
        assert outcome.promotion is None
        assert f"{second} {words}" in outcome.verdict.reason
        assert registry.promotions() == log
    assert (promoted == sorted(promoted), {*promoted}) == (True, {False, True})


@pytest.mark.parametrize("store", [lambda registry, _: registry.store, DamagedOnce])
def test_how_a_release_ended_is_told_after_a_kill_at_any_write(
    killed_after_each_write, registry, project, store
):
    begin(registry, project)
    second, told = published(registry, project, colour_model(GOOD)), []
    run = partial(
        evaluate_and_promote, version=second, paths=project, frozen=RULES, tell=told.append
    )
    for found in killed_after_each_write(run, store):
        run(found)
        _, promotion, *restored = found.promotions()
        ends = {(each.promotion, each.restored) for each in told if each.promotion}
        assert ends == {(promotion, *(restored or [None]))}
        last = read_comparisons(found.store, NAME)[-1].outcomes[-1]
        assert last["promotion"] == promotion.sequence
        assert last["smoke_test"] == (restored[0].reason if restored else "passed")
        told.clear()
        run(found)
        assert [each.promotion for each in told] == [None]
        told.clear()
    assert len(told) == 1


def test_a_run_that_is_killed_before_it_tells_is_told_by_the_next(registry, project):
    begin(registry, project)
    second, told = published(registry, project, colour_model(GOOD)), []
    run = partial(evaluate_and_promote, registry, second, project, RULES)
    with pytest.raises(KilledError):
        run(tell=fail_with(KilledError()))
    outcome = run(tell=told.append)
    assert (told, outcome.promotion) == ([outcome], registry.promotions()[-1])
    assert run(tell=told.append).promotion is None


@pytest.mark.parametrize("store", [lambda registry, _: registry.store, DamagedOnce])
def test_the_next_run_completes_a_killed_one_also_with_another_version(
    killed_after_each_write, registry, project, store
):
    first = begin(registry, project).version
    second = published(registry, project, colour_model(GOOD))
    third = published(registry, project, colour_model(("blue", "red", "green")))
    told = []
    run = partial(
        evaluate_and_promote, version=second, paths=project, frozen=RULES, tell=told.append
    )
    for found in killed_after_each_write(run, store):
        complete_interrupted(found, third, project, tell=told.append)
        promotion, restored = (*found.promotions()[1:], None, None)[:2]
        ends = {(each.promotion, each.restored) for each in told if each.promotion}
        assert ends == ({(promotion, restored)} if promotion else set())
        if promotion:
            last = read_comparisons(found.store, NAME)[-1].outcomes[-1]
            assert last["promotion"] == promotion.sequence
            assert last["smoke_test"] == (restored.reason if restored else "passed")
            assert in_production(found) == (first if restored else second)
        assert complete_interrupted(found, third, project, tell=told.append) is None
        told.clear()


def test_a_later_test_that_undoes_a_promotion_is_told_after_a_kill(
    killed_after_each_write, registry, project, tmp_path
):
    begin(registry, project)
    second, told, undone = release(registry, project, colour_model(GOOD)).version, [], []
    damage(tmp_path / "registry", NAME, second)
    run = partial(
        evaluate_and_promote, version=second, paths=project, frozen=RULES, tell=told.append
    )
    for found in killed_after_each_write(run):
        complete_interrupted(found, "another", project, tell=told.append)
        last = found.promotions()[-1]
        undone.append(last.kind == "smoke_test_failure")
        assert {each.restored for each in told} == ({last} if undone[-1] else set())
        told.clear()
        assert complete_interrupted(found, "another", project, tell=told.append) is None
    assert {*undone} == {False, True}


def test_an_outcome_that_is_kept_is_told_too(registry, project):
    release(registry, project, colour_model(GOOD))
    told = []
    outcome = release(registry, project, colour_model(POOR), tell=told.append)
    assert (told, outcome.promotion) == ([outcome], None)


def test_what_was_compared_with_a_previous_champion_is_not_promoted(registry, project):
    begin(registry, project)
    version = published(registry, project, colour_model(GOOD))
    challenger = evaluate_challenger(registry, version, project, RULES)
    assert challenger.verdict.decision == "promote"
    rival = published(registry, project, colour_model(("blue", "red", "green")))
    over = registry.production()
    registry.promote(rival, over=over, kind="promotion", reason="", by="rival")
    with pytest.raises(ChangedError):
        promote_challenger(registry, challenger, project)
    assert in_production(registry) == rival


def test_a_refused_version_stays_out_and_an_approved_one_goes_in_with_the_word(registry, project):
    version = published(registry, project, colour_model(GOOD))
    challenger = evaluate_challenger(registry, version, project, RULES)
    for approve in (False, True):
        verdict = with_approval(challenger.verdict, approve=approve, by="Ada", reason="seen")
        outcome = promote_challenger(registry, replace(challenger, verdict=verdict), project)
        assert (outcome.promotion is not None) == approve
    assert registry.production().promotion.reason.endswith("; approved by Ada: seen")
    [record] = read_comparisons(registry.store, NAME)
    assert [(each["promotion"], each["reason"][-19:]) for each in record.outcomes] == [
        (None, "refused by Ada: seen"[-19:]),
        (1, "approved by Ada: seen"[-19:]),
    ]


def test_the_first_model_goes_into_production(registry, project):
    outcome = release(registry, project, colour_model(GOOD))
    assert outcome.verdict.decision == "promote"
    assert outcome.promotion == registry.production().promotion
    assert (outcome.promotion.version, outcome.promotion.by) == (outcome.version, "test")
    assert outcome.promotion.reason == outcome.verdict.reason


def test_a_first_model_that_is_no_better_than_guessing_needs_a_person(registry, project):
    outcome = release(registry, project, colour_model(POOR))
    assert (outcome.verdict.decision, outcome.promotion) == ("keep", None)
    assert registry.production() is None
    outcome = release(registry, project, colour_model(POOR), override="to have a start")
    assert (outcome.promotion.kind, outcome.promotion.reason) == (
        "override",
        f"to have a start (the gate would promote nothing: {outcome.verdict.reason})",
    )
    assert in_production(registry) == outcome.version


def test_a_better_model_takes_the_place(registry, project):
    begin(registry, project)
    outcome = release(registry, project, colour_model(GOOD))
    assert outcome.verdict.decision == "promote"
    assert in_production(registry) == outcome.version


def test_a_worse_model_is_published_but_stays_out(registry, project):
    champion = release(registry, project, colour_model(GOOD)).version
    outcome = release(registry, project, colour_model(POOR))
    assert (outcome.verdict.decision, outcome.promotion) == ("keep", None)
    assert registry.has(outcome.version)
    assert in_production(registry) == champion


@pytest.mark.parametrize("override", ["", "again"])
def test_the_same_model_again_changes_nothing(registry, project, override):
    release(registry, project, colour_model(GOOD))
    outcome = release(registry, project, colour_model(GOOD), override=override)
    assert (outcome.verdict.decision, outcome.promotion) == ("keep", None)
    assert outcome.verdict.reason == f"{outcome.version} is in production already"


def test_a_person_may_override_the_gate_and_the_log_has_both_reasons(registry, project):
    champion = release(registry, project, colour_model(GOOD)).version
    outcome = release(registry, project, colour_model(POOR), override=" the ward asks for it ")
    assert outcome.verdict.decision == "keep"
    assert (outcome.promotion.version, outcome.promotion.previous) == (outcome.version, champion)
    assert outcome.previous == champion
    assert (outcome.promotion.kind, outcome.promotion.reason) == (
        "override",
        f"the ward asks for it (the gate would keep the champion: {outcome.verdict.reason})",
    )
    assert registry.promotions()[-1] == outcome.promotion


def test_each_comparison_is_recorded_with_what_followed(registry, project):
    begin(registry, project)
    release(registry, project, colour_model(("blue", "red", "green")))
    release(registry, project, colour_model(GOOD))
    release(registry, project, colour_model(GOOD))  # it is in production: nothing is asked
    records = read_comparisons(registry.store, NAME)
    assert [each.verdict["decision"] for each in records] == ["keep", "keep", "promote"]
    outcomes = [outcome for each in records for outcome in each.outcomes]
    assert [(each["promotion"], each["override"]) for each in outcomes] == [
        (1, "to begin with"),
        (None, None),
        (2, None),
    ]
    assert [each.faults for each in records] == [(), (), ()]


def test_an_override_that_was_not_needed_leaves_the_gates_reason(registry, project):
    begin(registry, project)
    outcome = release(registry, project, colour_model(GOOD), override="just in case")
    assert outcome.promotion.reason == outcome.verdict.reason


def test_a_blank_reason_overrides_nothing(registry, project):
    release(registry, project, colour_model(GOOD))
    assert release(registry, project, colour_model(POOR), override=" ").promotion is None


@pytest.mark.parametrize("champion", [None, POOR])
def test_an_invalid_model_is_never_promoted_not_even_by_a_person(registry, project, champion):
    if champion:
        release(registry, project, colour_model(champion))
    write_json(project.metrics, {"parity": {"passed": False}, "ancestor": ""})
    outcome = release(registry, project, colour_model(GOOD), override="hurry")
    assert (outcome.verdict.decision, outcome.promotion) == ("invalid", None)


@pytest.mark.parametrize("passed", [False, True])
def test_a_version_published_again_is_judged_by_the_parity_of_this_run(registry, project, passed):
    write_json(project.metrics, {"parity": {"passed": not passed}, "ancestor": ""})
    version = published(registry, project, colour_model(GOOD))
    write_json(project.metrics, {"parity": {"passed": passed}, "ancestor": ""})
    outcome = release(registry, project, colour_model(GOOD))
    assert outcome.version == version
    assert outcome.verdict.decision == ("promote" if passed else "invalid")


def test_the_parity_of_another_model_says_nothing_of_a_version(registry, project):
    version = published(registry, project, colour_model(GOOD))
    write_json(project.metrics, {"parity": {"passed": False}, "ancestor": ""})
    project.onnx.write_bytes(colour_model(POOR))
    assert evaluate_challenger(registry, version, project, RULES).verdict.decision == "promote"


def test_a_damaged_champion_is_not_loaded(registry, project, tmp_path):
    champion = begin(registry, project).version
    damage(tmp_path / "registry", NAME, champion)
    with pytest.raises(RegistryError, match="was not loaded"):
        release(registry, project, colour_model(GOOD))


def test_after_a_lost_race_the_model_is_compared_with_the_new_champion(registry, project):
    begin(registry, project)
    rival = published(registry, project, colour_model(GOOD, size=12))
    outcome = release(
        Registry(Overtaken(registry, [rival]), NAME), project, colour_model(GOOD, size=8)
    )
    assert outcome.verdict.decision == "keep"
    assert outcome.verdict.comparison.champion == 1.0
    assert in_production(registry) == rival


def test_a_race_lost_to_a_worse_model_is_won_the_second_time(registry, project):
    first = begin(registry, project).version
    rival = published(registry, project, colour_model(("blue", "red", "green")))
    outcome = release(Registry(Overtaken(registry, [rival]), NAME), project, colour_model(GOOD))
    assert [(promotion.version, promotion.previous) for promotion in registry.promotions()] == [
        (first, ""),
        (rival, first),
        (outcome.version, rival),
    ]


def test_five_lost_races_in_a_row_end_with_an_error(registry, project):
    pair = [
        published(registry, project, colour_model(names))
        for names in (POOR, ("blue", "red", "green"))
    ]
    registry.promote(pair[1], over=None, kind="promotion", reason="")
    with pytest.raises(ChangedError, match="5 times in a row"):
        release(Registry(Overtaken(registry, pair * 5), NAME), project, colour_model(GOOD))


@pytest.mark.slow
def test_a_bucket_serves_as_a_folder_does(bucket, project):
    registry = open_registry(bucket.url, NAME)
    first = begin(registry, project)
    second = release(registry, project, colour_model(GOOD))
    assert [o.verdict.decision for o in (first, second)] == ["keep", "promote"]
    live = open_registry(bucket.url, NAME).production().promotion
    assert (live.version, live.previous) == (second.version, first.version)
    model = Model(registry.read_file(live.version, "model.onnx"))
    (output,) = model.classify([next((project.images / "green").iterdir())])
    assert output.label == "green"


def test_a_version_says_how_it_came_about(registry, project):
    write_json(project.timings, {"split": {"seconds": 1.0, "cpu_seconds": 1.0}})
    manifest = registry.manifest(published(registry, project, colour_model()))
    assert manifest["params"] == {"seed": 7}
    assert manifest["run"] == "run-1"
    assert manifest["metrics"] == {"parity": {"passed": True}, "ancestor": ""}
    assert manifest["timings"]["split"]["seconds"] == 1.0
    assert manifest["dvc_lock"] is None
    assert manifest["code"] == {}, "the project of this test is in no git repository"
    assert set(manifest["data"]) == {"labels", "split", "table"}
    assert {"python", "lradapt", "torch", "onnxruntime"} <= set(manifest["libraries"])
    assert sorted(manifest["files"]) == [
        "model.onnx",
        "model.safetensors",
        "model_card.md",
        "report.html",
        "test_images.csv",
        "trained_on.csv",
    ]


def test_a_version_names_the_frozen_rules_and_has_its_slices(registry, project):
    project.slices.write_text(
        "column,value,class,images,share,low,high,expected,p\nsite,Wien,,9,0.8,0.5,0.9,0.7,\n"
    )
    project.onnx.write_bytes(colour_model(GOOD))
    frozen = freeze(registry, RULES.rules)
    version = publish(registry, project, report=b"", card=b"", run="", rules=frozen)
    manifest = registry.manifest(version)
    assert manifest["gate_rules"] == {"sha256": RULES.sha256, "frozen_at": frozen.at}
    assert [(each["column"], each["value"], each["images"]) for each in manifest["slices"]] == [
        ("site", "Wien", 9)
    ]


def test_a_version_without_rules_or_slices_says_so_and_has_the_same_name(registry, project):
    version = published(registry, project, colour_model(GOOD))
    manifest = registry.manifest(version)
    assert (manifest["gate_rules"], manifest["slices"]) == (None, None)
    assert publish(registry, project, report=b"", card=b"", run="", rules=RULES) == version


def test_a_model_is_published_once_its_version_is_there(registry, project):
    project.onnx.write_bytes(colour_model(GOOD))
    assert not is_published(registry, project)
    published(registry, project, colour_model(GOOD))
    assert is_published(registry, project)
    project.onnx.write_bytes(colour_model(POOR))
    assert not is_published(registry, project)


def test_a_user_without_a_name_is_logged_by_number(monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.setattr("os.getuid", lambda: 12345)
    assert user_and_host() == f"uid12345@{socket.gethostname()}"


def test_a_version_started_from_another_names_it_and_lists_its_training_images(registry, project):
    first = begin(registry, project).version
    rows = [LabelledImage("red/new.png", "red", "g", "train", "hash99", 0)]
    write_split(project.split, rows)
    write_json(project.metrics, {"parity": {"passed": True}, "ancestor": first})
    second = published(registry, project, colour_model(GOOD))
    assert registry.manifest(second)["ancestor"] == first
    trained_on = read_trained_on(registry.read_file(second, "trained_on.csv"))
    assert trained_on.pixel_sha256s == {"hash99", *(f"hash{n}" for n in (0, 1, 7, 8, 14, 15))}
    assert trained_on.groups == {"", "g"}


def test_the_weights_in_production_are_brought_with_their_version_and_classes(
    registry, project, tmp_path
):
    version = begin(registry, project).version
    into = tmp_path / "champion.safetensors"
    champion = bring_champion(registry, into)
    found, weights = read_champion(into, champion.architecture)
    assert found == champion
    assert (champion.version, champion.class_names) == (version, POOR)
    assert weights["fc.bias"].tolist() == [0, 0, 0]


def test_without_a_model_in_production_nothing_is_brought(registry, project, tmp_path):
    with pytest.raises(
        RegistryError, match=r"nothing of colours .* set finetune.start to backbone"
    ):
        bring_champion(registry, tmp_path / "champion.safetensors")
    assert not (tmp_path / "champion.safetensors").exists()


def test_a_version_without_weights_is_named(registry, project, tmp_path):
    files = {"model.onnx": colour_model(POOR), "trained_on.csv": write_trained_on([])}
    version = registry.publish(files, {})
    registry.promote(version, over=None, kind="promotion", reason="")
    with pytest.raises(RegistryError, match=f"version {version} .* has no model.safetensors"):
        bring_champion(registry, tmp_path / "champion.safetensors")
