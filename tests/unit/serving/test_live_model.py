import json
import subprocess
import sys
import threading

import pytest
from colour_model import COLOURS, colour_model, paint

from lradapt.inference.predict import ModelError
from lradapt.registry import open_store, versions
from lradapt.registry.store import RegistryError
from lradapt.serving.live_model import LiveModel

NAME = "colours"
OTHERS = ["a", "b", "c"]


class Counting:
    """A store that notes the keys that are read."""

    def __init__(self, store):
        self._store, self.read_keys = store, []

    def read(self, key):
        self.read_keys.append(key)
        return self._store.read(key)

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.fixture
def store(tmp_path):
    return Counting(open_store(str(tmp_path / "registry")))


def promote(store, model):
    files = {"model.onnx": model, "trained_on.csv": b""}
    version = versions.publish(store, NAME, files, {})
    over = versions.read_production(store, NAME)
    return versions.promote(store, NAME, version, over=over, why="", who="", when="")


def damage(tmp_path, version):
    path = tmp_path / "registry" / NAME / "versions" / version / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def test_what_is_in_production_is_loaded_with_its_move(store):
    move = promote(store, colour_model())
    loaded = LiveModel(store, NAME).current()
    assert (loaded.move, loaded.model.class_names) == (move, list(COLOURS))


def test_a_refresh_reads_the_pointer_alone_until_it_moves(store):
    promote(store, colour_model())
    live = LiveModel(store, NAME)
    former = live.current()
    store.read_keys.clear()
    assert not live.refresh()
    assert store.read_keys == [f"{NAME}/production.json"]
    assert live.current() is former
    move = promote(store, colour_model(OTHERS))
    assert live.current() is former
    assert live.refresh()
    assert (live.current().move, live.current().model.class_names) == (move, OTHERS)
    assert former.model.class_names == list(COLOURS)
    assert not live.refresh()


def test_nothing_in_production_says_what_to_do_and_the_first_model_is_found(store):
    live = LiveModel(store, NAME)
    assert not live.refresh()
    with pytest.raises(RegistryError, match=r"nothing of colours is in production .* make"):
        live.current()
    move = promote(store, colour_model())
    assert live.current().move == move


def test_a_new_model_that_is_damaged_leaves_the_present_one_until_it_is_mended(store, tmp_path):
    first = promote(store, colour_model())
    live = LiveModel(store, NAME)
    live.refresh()
    second = promote(store, colour_model(OTHERS))
    damage(tmp_path, second.version)
    for _ in range(2):
        with pytest.raises(RegistryError, match="is damaged"):
            live.refresh()
        assert live.current().move == first
    path = tmp_path / "registry" / NAME / "versions" / second.version / "model.onnx"
    path.write_bytes(colour_model(OTHERS))
    assert live.refresh()
    assert live.current().move == second


def test_what_is_no_model_is_refused(store):
    promote(store, b"no model")
    with pytest.raises(ModelError):
        LiveModel(store, NAME).current()


def test_readers_in_threads_see_whole_models_of_both_versions(store):
    moves = [promote(store, colour_model()), promote(store, colour_model(OTHERS))]
    names = {
        move.version: classes for move, classes in zip(moves, (list(COLOURS), OTHERS), strict=True)
    }
    live, seen, done = LiveModel(store, NAME), set(), threading.Event()
    live.refresh()

    def read():
        while not done.is_set():
            loaded = live.current()
            seen.add((loaded.move.version, loaded.model.class_names == names[loaded.move.version]))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for number in range(10):
            promote(store, colour_model() if number % 2 else colour_model(OTHERS))
            assert live.refresh()
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert seen == {(move.version, True) for move in moves}


def test_threads_that_refresh_at_once_load_the_model_once(store):
    promote(store, colour_model())
    live, started, loaded = LiveModel(store, NAME), threading.Barrier(4), []

    def refresh():
        started.wait()
        loaded.append(live.refresh())

    threads = [threading.Thread(target=refresh) for _ in range(4)]
    store.read_keys.clear()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(loaded) == [False, False, False, True]
    assert sum(key.endswith("model.onnx") for key in store.read_keys) == 1


def test_the_live_model_is_loaded_and_used_without_what_training_needs(store, tmp_path):
    promote(store, colour_model())
    paint(tmp_path / "a.png", "green")
    program = f"""
import json, sys
from pathlib import Path
from lradapt.serving.live_model import LiveModel
from lradapt.registry import open_store
model = LiveModel(open_store("registry"), "{NAME}", threads=1).current().model
(said,) = model.classify([Path("a.png")])
loaded = sorted({{name.split(".")[0] for name in sys.modules}})
print(json.dumps([said.label, loaded]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    label, loaded = json.loads(done.stdout)
    assert label == "green"
    heavy = {"torch", "torchvision", "sklearn", "scipy", "pandas", "matplotlib", "onnx", "fastapi"}
    assert not heavy & set(loaded)
