import asyncio

import prometheus_client
import pytest
from asgi_client import asked
from colour_model import COLOURS, colour_model, paint
from prometheus_client.parser import text_string_to_metric_families
from releases import release

from lradapt.registry import open_registry
from lradapt.serving.access_log import opened_log
from lradapt.serving.additions import NOTHING, Additions
from lradapt.serving.live_model import LiveModel
from lradapt.serving.metrics import reasons_to_abstain
from lradapt.serving.server import create_app
from lradapt.serving.settings import Settings

LINES = ("written", "lost")


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path / "registry"), "colours")


@pytest.fixture
def pictures(tmp_path):
    return {colour: paint(tmp_path / f"{colour}.png", colour).read_bytes() for colour in COLOURS}


def values(text):
    """Return the value of each sample by its name and its labels, in Prometheus' own syntax."""
    families = text_string_to_metric_families(text)
    return {
        f"{each.name}{{{','.join(f'{k}={v}' for k, v in sorted(each.labels.items()))}}}": each.value
        for family in families
        for each in family.samples
    }


def measured(registry, questions=None, until=lambda _: True, additions=NOTHING):
    """Return the values of `/metrics` after some requests, once they fulfil a condition."""
    settings = Settings(max_bytes=20_000, refresh_seconds=0.01, num_threads=1)
    app = create_app(LiveModel(registry, threads=1), settings, additions)

    async def work(client):
        if questions:
            await questions(client)
        while not until(found := values((await client.get("/metrics")).text)):
            await asyncio.sleep(0.01)
        return found

    return asked(app, work)


def test_requests_and_predicted_classes_are_counted(registry, pictures):
    release(registry, colour_model())

    async def questions(client):
        files = [("file", (f"{c}.png", pictures[c])) for c in ("red", "blue", "red")]
        await client.post("/predict", files=files)
        await client.post("/predict", content=pictures["red"])
        await client.post("/predict", content=b"no image")
        await client.get("/secret/7")
        await client.get("/secret/8")

    found = measured(registry, questions)
    assert found["lradapt_requests_total{path=/predict,status=200}"] == 2
    assert found["lradapt_requests_total{path=/predict,status=422}"] == 1
    assert found["lradapt_requests_total{path=other,status=404}"] == 2
    assert found["lradapt_predictions_total{class=red}"] == 3
    assert found["lradapt_predictions_total{class=blue}"] == 1
    assert "lradapt_predictions_total{class=green}" not in found


def test_the_latency_is_a_histogram_by_path(registry):
    async def questions(client):
        for _ in range(3):
            await client.get("/livez")

    found = measured(registry, questions)
    assert found["lradapt_request_seconds_count{path=/livez}"] == 3
    assert found["lradapt_request_seconds_bucket{le=+Inf,path=/livez}"] == 3
    assert 0 < found["lradapt_request_seconds_sum{path=/livez}"] < 60


def test_the_version_and_the_age_of_the_last_look_are_those_of_now(registry):
    first = release(registry, colour_model()).version
    assert measured(registry)[f"lradapt_model_info{{version={first}}}"] == 1

    async def promote_another(_):
        release(registry, colour_model(["a", "b", "c"]))

    found = measured(
        registry, promote_another, lambda f: f"lradapt_model_info{{version={first}}}" not in f
    )
    (version,) = (name for name in found if name.startswith("lradapt_model_info"))
    assert found[version] == 1
    assert 0 <= found["lradapt_registry_checked_age_seconds{}"] < 60
    assert found["lradapt_registry_fault{}"] == 0


def test_a_fault_of_the_registry_is_1(registry, tmp_path):
    release(registry, colour_model())

    async def lose_the_pointer(_):
        (tmp_path / "registry/colours/production.json").unlink()

    found = measured(registry, lose_the_pointer, lambda f: f["lradapt_registry_fault{}"] == 1)
    assert [name for name in found if name.startswith("lradapt_model_info")] != []


def test_without_a_model_there_is_no_version(registry):
    found = measured(registry)
    assert [name for name in found if name.startswith("lradapt_model_info")] == []


def test_the_values_are_in_no_registry_of_the_process(registry):
    measured(registry)
    measured(registry)  # twice: a name may be in a registry once
    written = prometheus_client.generate_latest().decode()
    assert "lradapt" not in written


def test_the_memory_of_the_process_is_there(registry):
    assert measured(registry)["process_resident_memory_bytes{}"] > 1e6


def test_a_class_of_odd_letters_does_not_break_the_format(registry, tmp_path):
    odd = 'a "class"\nwith\\ letters'
    release(registry, colour_model([odd, "b", "c"]))
    image = paint(tmp_path / "red.png", "red").read_bytes()
    found = measured(registry, lambda client: client.post("/predict", content=image))
    assert found[f"lradapt_predictions_total{{class={odd}}}"] == 1


def test_the_lines_of_the_access_log_are_counted(registry, tmp_path):
    written, lost = (f"lradapt_access_log_lines_total{{result={each}}}" for each in LINES)
    with opened_log(str(tmp_path / "log")) as lines:
        additions = Additions(access_log=lines)
        found = measured(registry, None, lambda values: values[written] >= 2, additions)
    assert found[lost] == 0


@pytest.mark.parametrize(
    ("prediction", "reasons"),
    [
        ({"class": "a"}, []),
        ({"unlike_training": None, "unsure": None}, []),
        ({"unlike_training": False, "unsure": ["a"]}, []),
        ({"unlike_training": True, "unsure": ["a"]}, ["unlike_training"]),
        ({"unlike_training": False, "unsure": ["a", "b"]}, ["unsure"]),
        ({"unlike_training": True, "unsure": []}, ["unlike_training", "unsure"]),
    ],
)
def test_an_answer_abstains_where_the_image_is_unlike_or_not_exactly_one_class_fits(
    prediction, reasons
):
    assert reasons_to_abstain(prediction) == reasons
