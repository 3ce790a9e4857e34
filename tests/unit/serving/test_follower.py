import asyncio
import threading

import pytest
from colour_model import COLOURS, colour_model
from releases import promote, publish, release

from lradapt.registry import open_store
from lradapt.registry.registry import Registry
from lradapt.registry.store import RegistryError
from lradapt.serving.follower import Follower, pause_seconds
from lradapt.serving.live_model import LiveModel

NAME = "colours"
OTHERS = ["a", "b", "c"]


class Hanging:
    """A store whose next reads of the pointer hang, after they have read it, until they are let."""

    def __init__(self, store):
        self._store, self.let, self.num_hanging = store, [], 0

    def read(self, key):
        stored = self._store.read(key)
        if self.num_hanging and key.endswith("production.json"):
            self.num_hanging -= 1
            self.let.append(threading.Event())
            assert self.let[-1].wait(60)
        return stored

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.fixture
def registry(tmp_path):
    return Registry(Hanging(open_store(str(tmp_path / "registry"))), NAME)


async def until(true):
    for _ in range(6000):  # a minute at most
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


async def hanging_look(follower, registry):
    """A look whose read hangs, and which is given up at its deadline after it has read."""
    registry.store.num_hanging = 1
    num, follower.look_seconds = len(registry.store.let), 0.1
    await follower.look()
    follower.look_seconds = 60
    await until(lambda: len(registry.store.let) > num)


def test_a_pointer_that_vanishes_is_a_fault_and_the_model_stays(registry, tmp_path):
    version = release(registry, colour_model()).version
    live = LiveModel(registry)
    live.refresh()
    (tmp_path / "registry").rename(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(RegistryError, match=r"production.json has vanished.*still there\?"):
            live.refresh()
    assert live.current().promotion.version == version
    (tmp_path / "elsewhere").rename(tmp_path / "registry")
    assert not live.refresh()


def test_a_look_that_hangs_is_a_fault_at_its_deadline_and_the_age_grows(registry):
    release(registry, colour_model())
    follower = Follower(LiveModel(registry), look_seconds=60)

    async def questions():
        await follower.look()
        assert (follower.fault, follower.checked_seconds_ago() < 60) == ("", True)
        await hanging_look(follower, registry)
        assert follower.fault == "the registry has not answered within 0.1 s"
        assert follower.checked_seconds_ago() >= 0.1
        assert follower.live.loaded is not None
        await follower.look()
        assert follower.fault == ""
        registry.store.let[0].set()

    asyncio.run(questions())


def test_a_look_that_comes_back_late_counts_if_no_later_one_has(registry):
    follower = Follower(LiveModel(registry), look_seconds=60)

    async def questions():
        release(registry, colour_model())
        await hanging_look(follower, registry)
        assert follower.fault
        registry.store.let[0].set()
        await until(lambda: follower.fault == "")
        return follower.live.loaded.model.class_names

    assert asyncio.run(questions()) == list(COLOURS)


def test_a_late_answer_is_not_taken_up_after_a_newer_one(registry):
    first, second = publish(registry, colour_model()), publish(registry, colour_model(OTHERS))
    follower = Follower(LiveModel(registry), look_seconds=60)

    async def questions():
        promote(registry, second)
        await hanging_look(follower, registry)  # it has read the second version
        promote(registry, first, kind="rollback")
        await follower.look()
        assert follower.live.loaded.promotion.version == first
        registry.store.let[0].set()
        await until(lambda: not any(thread.is_alive() for thread in follower._looking))
        return follower.live.loaded.promotion.version, follower.fault

    assert asyncio.run(questions()) == (first, "")


def test_a_look_that_hangs_for_ever_does_not_keep_the_next_from_looking(registry):
    first, second = publish(registry, colour_model()), publish(registry, colour_model(OTHERS))
    promote(registry, first)
    follower = Follower(LiveModel(registry), look_seconds=60)

    async def questions():
        await follower.look()
        for _ in range(5):
            await hanging_look(follower, registry)
        promote(registry, second)
        await follower.look()
        return follower.live.loaded.promotion.version, follower.fault

    assert asyncio.run(questions()) == (second, "")
    for let in registry.store.let:
        let.set()


def test_hanging_looks_do_not_pile_up(registry, monkeypatch):
    assert [pause_seconds(5, number) for number in range(6)] == [5, 10, 20, 40, 60, 60]
    assert [pause_seconds(90, number) for number in (0, 9)] == [90, 90]
    monkeypatch.setattr("lradapt.serving.follower._MAX_HANGING", 3)
    release(registry, colour_model())
    follower = Follower(LiveModel(registry), look_seconds=0.01)
    registry.store.num_hanging = 100

    async def questions():
        for _ in range(9):
            await follower.look()
        await until(lambda: len(registry.store.let) >= 3)

    asyncio.run(questions())
    assert len(registry.store.let) == 3
    for let in registry.store.let:
        let.set()


@pytest.mark.parametrize("num_steps", range(6))
def test_to_stop_following_when_a_look_has_just_ended_does_stop_it(num_steps):
    class Live:
        loaded = None

        def start_look(self):
            return 1

        def finish_look(self, _):
            return False

    async def stopped():
        loop = asyncio.get_running_loop()
        following = asyncio.create_task(Follower(Live(), 60).follow(0.001))
        threadsafe = loop.call_soon_threadsafe

        def cancel_after(steps):
            if steps:
                loop.call_soon(cancel_after, steps - 1)
            else:
                following.cancel()

        def also_cancel(callback):
            threadsafe(lambda: (callback(), cancel_after(num_steps)))
            loop.call_soon_threadsafe = threadsafe

        loop.call_soon_threadsafe = also_cancel
        await asyncio.wait([following], timeout=5)
        ended = following.cancelled()
        following.cancel()
        return ended

    assert asyncio.run(stopped())
