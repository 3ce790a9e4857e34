import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lradapt.cli import app
from lradapt.cli_params import with_values
from lradapt.errors import ParamsError
from lradapt.params import load_params

SHIPPED = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def params(tmp_path):
    return Path(shutil.copy(SHIPPED, tmp_path / "params.yaml"))


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_paper_s_settings_are_written_and_each_change_is_shown(params):
    done = run("preset", "paper", "--params", params)
    assert done.exit_code == 0
    assert "body_rates.rates: [0.003, 0.01, 0.03] -> [0.0001, 0.001, 0.01]" in done.output
    assert "finetune.batch_size: 64 -> 32" in done.output
    found = load_params(params)
    assert found.body_rates.rates == (1e-4, 1e-3, 1e-2)
    assert found.find_lr.rule == "steepest"


def test_comments_and_everything_else_stay_as_they_are(params):
    before = params.read_text().splitlines()
    run("preset", "paper", "--params", params)
    after = params.read_text().splitlines()
    assert len(after) == len(before)
    comments = [line.partition("#")[2] for line in before]
    assert [line.partition("#")[2] for line in after] == comments
    changed = [
        line.split(":")[0].strip() for line, old in zip(after, before, strict=True) if line != old
    ]
    assert set(changed) == {"rule", "batch_size", "rates"}


def test_a_second_time_changes_nothing(params):
    run("preset", "paper", "--params", params)
    text = params.read_text()
    assert run("preset", "paper", "--params", params).output == f"{params}: as it was\n".replace(
        "\n\n", "\n"
    )
    assert params.read_text() == text


def test_an_unknown_preset_is_answered_with_the_known_ones(params):
    done = run("preset", "turbo", "--params", params)
    assert done.exit_code == 2
    assert "there is paper" in done.output
    assert params.read_text() == SHIPPED.read_text()


def test_a_file_with_faults_is_left_as_it_is(params):
    params.write_text(params.read_text().replace("seed: 0", "seed: -1"))
    text = params.read_text()
    done = run("preset", "paper", "--params", params)
    assert isinstance(done.exception, ParamsError)
    assert params.read_text() == text


def test_a_section_that_is_missing_is_named():
    with pytest.raises(ParamsError, match="no section finetune"):
        with_values("seed: 0\n", {"finetune": {"batch_size": 1}})
