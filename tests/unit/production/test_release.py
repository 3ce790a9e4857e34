import socket
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest
from colour_model import COLOURS, colour_model, paint
from gate_verdicts import RULES as GATE_RULES
from safetensors.numpy import save

from lradapt.config.paths import read_paths
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.gate.held_out import read_trained_on, write_trained_on
from lradapt.inference.predict import Model
from lradapt.networks.champion import read_champion
from lradapt.production.approval import settle
from lradapt.production.release import (
    bring_champion,
    is_published,
    judge_and_promote,
    judge_now,
    promote_judged,
    publish,
    whoami,
)
from lradapt.production.rollback import roll_back
from lradapt.registry import open_store, versions
from lradapt.registry.store import ChangedError, RegistryError, UnreachableError
from lradapt.runtime.files import write_json

NAME = "colours"
GOOD, POOR = COLOURS, ("red", "blue", "green")
RULES = replace(GATE_RULES, confidence=0.9, min_class_images=5, min_floor_images=5)
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
def store(tmp_path):
    return open_store(str(tmp_path / "registry"))


def release(store, paths, model, **options):
    """Publish and judge as the flow does."""
    version = published(store, paths, model)
    return judge_and_promote(store, NAME, version, paths, RULES, who="test", **options)


def published(store, paths, model):
    paths.onnx.write_bytes(model)
    return publish(store, NAME, paths, report=b"<html>", card=b"# Card", run="run-1")


def in_production(store):
    return versions.read_production(store, NAME).move.version


class Overtaken:
    """A store where somebody else promotes just before each of our first `times` swaps."""

    def __init__(self, store, rivals):
        self._store, self._rivals = store, list(rivals)

    def replace(self, key, content, *, etag):
        if self._rivals:
            rival = self._rivals.pop(0)
            over = versions.read_production(self._store, NAME)
            versions.promote(self._store, NAME, rival, over=over, why="", who="rival", when="")
        self._store.replace(key, content, etag=etag)

    def __getattr__(self, name):
        return getattr(self._store, name)


class DamagedAfterTheSwap:
    """A store in which a version's model is damaged as soon as it is in production."""

    def __init__(self, store, folder):
        self._store, self._folder = store, folder

    def replace(self, key, content, *, etag):
        self._store.replace(key, content, etag=etag)
        live = versions.read_production(self._store, NAME).move.version
        path = self._folder / NAME / "versions" / live / "model.onnx"
        path.write_bytes(path.read_bytes()[:-1] + b"!")

    def __getattr__(self, name):
        return getattr(self._store, name)


class DamagedOnce(DamagedAfterTheSwap):
    """The same, but for the first swap alone."""

    def replace(self, key, content, *, etag):
        super().replace(key, content, etag=etag)
        self.replace = self._store.replace


def test_a_model_that_cannot_be_used_after_the_swap_goes_back_and_both_moves_are_logged(
    store, project, tmp_path
):
    first = release(store, project, colour_model(POOR)).version
    outcome = release(DamagedOnce(store, tmp_path / "registry"), project, colour_model(GOOD))
    assert "model.onnx of version" in outcome.fault
    assert "is damaged" in outcome.fault
    assert in_production(store) == first
    moves = versions.history(store, NAME)
    assert [move.version for move in moves] == [first, outcome.version, first]
    assert [moves[1], moves[2]] == [outcome.move, outcome.restored]
    assert moves[2].why == f"{outcome.version} failed the live check: {outcome.fault}"
    assert moves[2].who == "test"


class SilentAfterTheSwap:
    """A store that does not answer once a model is in production."""

    def __init__(self, store):
        self._store, self.read = store, store.read

    def replace(self, key, content, *, etag):
        self._store.replace(key, content, etag=etag)
        self.read = self._silent

    def _silent(self, key):
        raise UnreachableError("no answer")

    def __getattr__(self, name):
        return getattr(self._store, name)


def test_a_store_that_is_silent_after_the_swap_takes_no_model_out_and_the_next_run_looks(
    store, project
):
    release(store, project, colour_model(POOR))
    with pytest.raises(UnreachableError, match="was not looked at there: no answer"):
        release(SilentAfterTheSwap(store), project, colour_model(GOOD))
    outcome = release(store, project, colour_model(GOOD))
    assert (in_production(store), outcome.fault) == (outcome.version, "")
    assert len(versions.history(store, NAME)) == 2


def test_what_failed_the_live_check_is_not_tried_again_but_for_a_person(store, project, tmp_path):
    first = release(store, project, colour_model(POOR)).version
    path = tmp_path / "registry"
    second = release(DamagedOnce(store, path), project, colour_model(GOOD)).version
    whole = path / NAME / "versions" / second / "model.onnx"
    whole.write_bytes(colour_model(GOOD))
    again = release(store, project, colour_model(GOOD))
    assert (again.verdict.decision, again.move, in_production(store)) == ("keep", None, first)
    assert f"{second} failed the live check: model.onnx of version" in again.verdict.why
    assert "--override WHY" in again.verdict.why
    release(store, project, colour_model(GOOD), override="the file is mended")
    assert in_production(store) == second


def test_what_a_person_has_rolled_back_is_not_tried_again_but_for_a_person(store, project):
    first = release(store, project, colour_model(POOR)).version
    second = release(store, project, colour_model(GOOD)).version
    roll_back(store, NAME, None, why="too many owls", who="clerk", when="2026-11-25T00:00:00+00:00")
    again = release(store, project, colour_model(GOOD))
    assert (again.verdict.decision, again.move, in_production(store)) == ("keep", None, first)
    assert f"{second} was rolled back: too many owls; to try again" in again.verdict.why
    release(store, project, colour_model(GOOD), override="they are owls")
    assert in_production(store) == second


def test_a_first_model_that_cannot_be_used_has_nothing_before_it(store, project, tmp_path):
    damaging = DamagedAfterTheSwap(store, tmp_path / "registry")
    outcome = release(damaging, project, colour_model(GOOD))
    assert "is damaged" in outcome.fault
    assert outcome.restored is None
    assert in_production(store) == outcome.version


def test_a_promotion_whose_process_died_after_the_swap_is_looked_at_by_the_next(
    store, project, tmp_path
):
    first = release(store, project, colour_model(POOR)).version
    second = release(store, project, colour_model(GOOD)).version
    path = tmp_path / "registry" / NAME / "versions" / second / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    outcome = judge_and_promote(store, NAME, second, project, RULES, who="test")
    assert (outcome.move, outcome.restored.version) == (None, first)
    assert in_production(store) == first


def test_what_was_judged_against_a_former_champion_is_not_promoted(store, project):
    release(store, project, colour_model(POOR))
    judged = judge_now(store, NAME, published(store, project, colour_model(GOOD)), project, RULES)
    assert judged.verdict.decision == "promote"
    rival = published(store, project, colour_model(("blue", "red", "green")))
    over = versions.read_production(store, NAME)
    versions.promote(store, NAME, rival, over=over, why="", who="rival", when="")
    with pytest.raises(ChangedError):
        promote_judged(store, NAME, judged, project)
    assert in_production(store) == rival


def test_a_refused_version_stays_out_and_an_approved_one_goes_in_with_the_word(store, project):
    judged = judge_now(store, NAME, published(store, project, colour_model(GOOD)), project, RULES)
    for approve in (False, True):
        verdict = settle(judged.verdict, approve=approve, who="Ada", why="seen")
        outcome = promote_judged(store, NAME, replace(judged, verdict=verdict), project)
        assert (outcome.move is not None) == approve
    assert versions.read_production(store, NAME).move.why.endswith("; approved by Ada: seen")


def test_the_first_model_goes_into_production(store, project):
    outcome = release(store, project, colour_model(POOR))
    assert outcome.verdict.decision == "promote"
    assert outcome.move == versions.read_production(store, NAME).move
    assert (outcome.move.version, outcome.move.who) == (outcome.version, "test")
    assert outcome.move.why == outcome.verdict.why


def test_a_better_model_takes_the_place(store, project):
    release(store, project, colour_model(POOR))
    outcome = release(store, project, colour_model(GOOD))
    assert outcome.verdict.decision == "promote"
    assert in_production(store) == outcome.version


def test_a_worse_model_is_published_but_stays_out(store, project):
    champion = release(store, project, colour_model(GOOD)).version
    outcome = release(store, project, colour_model(POOR))
    assert (outcome.verdict.decision, outcome.move) == ("keep", None)
    assert versions.exists(store, NAME, outcome.version)
    assert in_production(store) == champion


def test_the_same_model_again_changes_nothing(store, project):
    release(store, project, colour_model(GOOD))
    outcome = release(store, project, colour_model(GOOD))
    assert (outcome.verdict.decision, outcome.move) == ("keep", None)
    assert outcome.verdict.why == f"{outcome.version} is in production already"


def test_a_person_may_override_the_gate_and_the_log_has_both_reasons(store, project):
    champion = release(store, project, colour_model(GOOD)).version
    outcome = release(store, project, colour_model(POOR), override=" the ward asks for it ")
    assert outcome.verdict.decision == "keep"
    assert (outcome.move.version, outcome.move.former) == (outcome.version, champion)
    assert outcome.former == champion
    assert outcome.move.why == (
        f"override: the ward asks for it (the gate would keep: {outcome.verdict.why})"
    )
    assert versions.history(store, NAME)[-1] == outcome.move


def test_an_override_that_was_not_needed_leaves_the_gates_reason(store, project):
    release(store, project, colour_model(POOR))
    outcome = release(store, project, colour_model(GOOD), override="just in case")
    assert outcome.move.why == outcome.verdict.why


def test_a_blank_reason_overrides_nothing(store, project):
    release(store, project, colour_model(GOOD))
    assert release(store, project, colour_model(POOR), override=" ").move is None


@pytest.mark.parametrize("champion", [None, POOR])
def test_an_invalid_model_is_never_promoted_not_even_by_a_person(store, project, champion):
    if champion:
        release(store, project, colour_model(champion))
    write_json(project.metrics, {"parity": {"passed": False}, "ancestor": ""})
    outcome = release(store, project, colour_model(GOOD), override="hurry")
    assert (outcome.verdict.decision, outcome.move) == ("invalid", None)


def test_the_version_in_production_is_not_promoted_over_itself(store, project):
    release(store, project, colour_model(GOOD))
    assert release(store, project, colour_model(GOOD), override="again").move is None
    assert len(versions.history(store, NAME)) == 1


def test_a_damaged_champion_is_not_loaded(store, project, tmp_path):
    champion = release(store, project, colour_model(POOR)).version
    path = tmp_path / "registry" / NAME / "versions" / champion / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(RegistryError, match="was not loaded"):
        release(store, project, colour_model(GOOD))


def test_after_a_lost_race_the_model_is_judged_against_the_new_champion(store, project):
    release(store, project, colour_model(POOR))
    rival = published(store, project, colour_model(GOOD, size=12))
    outcome = release(Overtaken(store, [rival]), project, colour_model(GOOD, size=8))
    assert outcome.verdict.decision == "keep"
    assert outcome.verdict.comparison.champion == 1.0
    assert in_production(store) == rival


def test_a_race_lost_to_a_worse_model_is_won_the_second_time(store, project):
    first = release(store, project, colour_model(POOR)).version
    rival = published(store, project, colour_model(("blue", "red", "green")))
    outcome = release(Overtaken(store, [rival]), project, colour_model(GOOD))
    assert [(move.version, move.former) for move in versions.history(store, NAME)] == [
        (first, ""),
        (rival, first),
        (outcome.version, rival),
    ]


def test_five_lost_races_in_a_row_end_with_an_error(store, project):
    pair = [
        published(store, project, colour_model(names)) for names in (POOR, ("blue", "red", "green"))
    ]
    versions.promote(store, NAME, pair[1], over=None, why="", who="", when="")
    with pytest.raises(ChangedError, match="5 times in a row"):
        release(Overtaken(store, pair * 5), project, colour_model(GOOD))


@pytest.mark.slow
def test_a_bucket_serves_as_a_folder_does(bucket, project):
    store = open_store(bucket.url)
    first = release(store, project, colour_model(POOR))
    second = release(store, project, colour_model(GOOD))
    assert [o.verdict.decision for o in (first, second)] == ["promote", "promote"]
    live = versions.read_production(open_store(bucket.url), NAME).move
    assert (live.version, live.former) == (second.version, first.version)
    model = Model(versions.read_file(store, NAME, live.version, versions.MODEL))
    (said,) = model.classify([next((project.images / "green").iterdir())])
    assert said.label == "green"


def test_a_version_says_how_it_came_about(store, project):
    write_json(project.timings, {"split": {"seconds": 1.0, "cpu_seconds": 1.0}})
    manifest = versions.read_manifest(store, NAME, published(store, project, colour_model()))
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


def test_a_model_is_published_once_its_version_is_there(store, project):
    project.onnx.write_bytes(colour_model(GOOD))
    assert not is_published(store, NAME, project)
    published(store, project, colour_model(GOOD))
    assert is_published(store, NAME, project)
    project.onnx.write_bytes(colour_model(POOR))
    assert not is_published(store, NAME, project)


def test_a_user_without_a_name_is_logged_by_number(monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.setattr("os.getuid", lambda: 12345)
    assert whoami() == f"uid 12345@{socket.gethostname()}"


def test_a_version_started_from_another_names_it_and_lists_its_training_images(store, project):
    first = release(store, project, colour_model(POOR)).version
    rows = [LabelledImage("red/new.png", "red", "g", "train", "hash99", 0)]
    write_split(project.split, rows)
    write_json(project.metrics, {"parity": {"passed": True}, "ancestor": first})
    second = published(store, project, colour_model(GOOD))
    assert versions.read_manifest(store, NAME, second)["ancestor"] == first
    trained_on = read_trained_on(versions.read_file(store, NAME, second, "trained_on.csv"))
    assert trained_on.pixel_sha256s == {"hash99", *(f"hash{n}" for n in (0, 1, 7, 8, 14, 15))}
    assert trained_on.groups == {"", "g"}


def test_the_weights_in_production_are_brought_with_their_version_and_classes(
    store, project, tmp_path
):
    version = release(store, project, colour_model(POOR)).version
    into = tmp_path / "champion.safetensors"
    champion = bring_champion(store, NAME, into)
    found, weights = read_champion(into, champion.architecture)
    assert found == champion
    assert (champion.version, champion.class_names) == (version, POOR)
    assert weights["fc.bias"].tolist() == [0, 0, 0]


def test_without_a_model_in_production_nothing_is_brought(store, project, tmp_path):
    with pytest.raises(
        RegistryError, match=r"nothing of colours .* set finetune.start to backbone"
    ):
        bring_champion(store, NAME, tmp_path / "champion.safetensors")
    assert not (tmp_path / "champion.safetensors").exists()


def test_a_version_without_weights_is_named(store, project, tmp_path):
    files = {"model.onnx": colour_model(POOR), "trained_on.csv": write_trained_on([])}
    version = versions.publish(store, NAME, files, {})
    versions.promote(store, NAME, version, over=None, why="", who="", when="")
    with pytest.raises(RegistryError, match=f"version {version} .* without model.safetensors"):
        bring_champion(store, NAME, tmp_path / "champion.safetensors")
