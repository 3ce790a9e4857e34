import threading

import pytest
from colour_model import COLOURS, colour_model
from releases import damage, release

from lradapt.registry import open_store
from lradapt.registry.registry import Registry
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
def registry(tmp_path):
    return Registry(Counting(open_store(str(tmp_path / "registry"))), NAME)


def test_what_is_in_production_is_loaded_with_its_move(registry):
    promotion = release(registry, colour_model())
    loaded = LiveModel(registry).current()
    assert (loaded.promotion, loaded.model.class_names) == (promotion, list(COLOURS))


def test_a_refresh_reads_the_pointer_alone_until_it_moves(registry):
    release(registry, colour_model())
    live = LiveModel(registry)
    previous = live.current()
    registry.store.read_keys.clear()
    assert not live.refresh()
    assert registry.store.read_keys == [f"{NAME}/production.json"]
    assert live.current() is previous
    promotion = release(registry, colour_model(OTHERS))
    assert live.current() is previous
    assert live.refresh()
    assert (live.current().promotion, live.current().model.class_names) == (promotion, OTHERS)
    assert previous.model.class_names == list(COLOURS)
    assert not live.refresh()


def test_nothing_in_production_says_what_to_do_and_the_first_model_is_found(registry):
    live = LiveModel(registry)
    assert not live.refresh()
    with pytest.raises(RegistryError, match=r"nothing of colours is in production .* `make"):
        live.current()
    promotion = release(registry, colour_model())
    assert live.current().promotion == promotion


def test_a_new_model_that_is_damaged_leaves_the_present_one_until_it_is_mended(registry, tmp_path):
    first = release(registry, colour_model())
    live = LiveModel(registry)
    live.refresh()
    second = release(registry, colour_model(OTHERS))
    path = damage(tmp_path / "registry", NAME, second.version)
    for _ in range(2):
        with pytest.raises(RegistryError, match="is damaged"):
            live.refresh()
        assert live.current().promotion == first
    path.write_bytes(colour_model(OTHERS))
    assert live.refresh()
    assert live.current().promotion == second


@pytest.mark.slow
@pytest.mark.long
def test_readers_in_threads_see_whole_models_of_both_versions(registry):
    promotions = [release(registry, colour_model()), release(registry, colour_model(OTHERS))]
    names = {
        promotion.version: classes
        for promotion, classes in zip(promotions, (list(COLOURS), OTHERS), strict=True)
    }
    live, seen, done = LiveModel(registry), set(), threading.Event()
    live.refresh()

    def read():
        while not done.is_set():
            loaded = live.current()
            seen.add(
                (
                    loaded.promotion.version,
                    loaded.model.class_names == names[loaded.promotion.version],
                )
            )

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for number in range(10):
            release(registry, colour_model() if number % 2 else colour_model(OTHERS))
            assert live.refresh()
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert seen == {(promotion.version, True) for promotion in promotions}


def test_threads_that_refresh_at_once_load_the_model_once(registry):
    release(registry, colour_model())
    live, started, loaded = LiveModel(registry), threading.Barrier(4), []

    def refresh():
        started.wait()
        loaded.append(live.refresh())

    threads = [threading.Thread(target=refresh) for _ in range(4)]
    registry.store.read_keys.clear()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(loaded) == [False, False, False, True]
    assert sum(key.endswith("model.onnx") for key in registry.store.read_keys) == 1
