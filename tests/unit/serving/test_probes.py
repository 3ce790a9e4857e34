import asyncio

import pytest
from asgi_client import asked
from colour_model import colour_model
from releases import release

from lradapt.registry import open_registry
from lradapt.serving.live_model import LiveModel
from lradapt.serving.server import create_app
from lradapt.serving.settings import Settings


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path / "registry"), "colours")


def probes(registry, then=None):
    """Return status and answer of `/livez` and `/readyz`; after `then`, once there is a fault."""
    settings = Settings(max_bytes=1000, refresh_seconds=0.01, num_threads=1)
    app = create_app(LiveModel(registry, threads=1), settings)

    async def work(client):
        if then:
            then()
            while not (await client.get("/health")).json()["fault"]:
                await asyncio.sleep(0.01)
        answers = [await client.get(path) for path in ("/livez", "/readyz")]
        return [(each.status_code, each.json()["status"]) for each in answers]

    return asked(app, work)


def test_without_a_model_the_process_is_alive_and_not_ready(registry):
    assert probes(registry) == [(200, "ok"), (503, "no model")]


def test_with_a_model_it_is_ready(registry):
    release(registry, colour_model())
    assert probes(registry) == [(200, "ok"), (200, "ok")]


def test_a_registry_with_a_fault_makes_neither_fail_while_a_model_answers(registry, tmp_path):
    release(registry, colour_model())

    pointer = tmp_path / "registry/colours/production.json"
    assert probes(registry, pointer.unlink) == [(200, "ok"), (200, "ok")]
