import json
from datetime import date
from pathlib import Path

import pytest
from found_drift import FOUND
from releases import promote, publish

from lradapt.production import record_drift
from lradapt.registry import open_registry

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A project with a version in production; what `drift_of_record` was asked."""
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    registry = open_registry(str(tmp_path / "registry"))
    version = publish(registry, b"")
    promote(registry, version)
    calls = []

    def answer(place, opened, paths, **options):
        calls.append((place.location, opened.manifest["version"], options))
        return FOUND

    monkeypatch.setattr(record_drift, "drift_of_record", answer)
    return version, calls


def test_the_version_in_production_is_compared_by_week(lradapt, asked, tmp_path):
    version, calls = asked
    output = lradapt("drift", "record")
    assert (output.code, output.err) == (0, "")
    ((place, compared, options),) = calls
    assert (place, compared) == ("record", version)
    assert (options["period"], options["since"], options["unfinished"]) == ("week", None, False)
    assert "drift: features, brightness" in output.out
    assert "not tested: too few images: 12" in output.out
    assert "note: 2 lines were skipped" in output.out


@pytest.mark.usefixtures("asked")
def test_a_terminal_of_80_columns_has_the_whole_table(lradapt, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = lradapt("drift", "record").out.splitlines()
    header = next(line for line in lines if "result" in line)
    results = " ".join(
        line[header.index("result") :].strip() for line in lines[lines.index(header) :]
    )
    assert "drift: features, brightness" in results
    assert "not tested: too few images: 12" in results
    assert any("0.0001 * 1e-30 *    0.05      74.0% ± 3.9%" in line for line in lines)


def test_the_options_are_passed_on_and_a_page_is_written(lradapt, asked, tmp_path):
    words = ["--period", "day", "--since", "2026-11-01", "--unfinished", "--html", "a/drift.html"]
    output = lradapt("drift", "record", asked[0], *words, "--json")
    assert json.loads(output.out)["version"] == "4baf7865a8d8"
    ((_, _, options),) = asked[1]
    assert (options["period"], options["since"]) == ("day", date(2026, 11, 1))
    assert options["unfinished"]
    assert "<h1>Drift</h1>" in (tmp_path / "a/drift.html").read_text()


def test_outside_a_project_and_without_a_version_it_is_one_message(lradapt):
    output = lradapt("drift", "record")
    assert (output.code, output.out) == (1, "")
    assert output.err.startswith("error: nothing of classifier is in production in registry yet")
