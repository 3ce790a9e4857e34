"""The examples of docs/library.md run, one after the other, and do what the page says."""

import re
from pathlib import Path

import pytest
from colour_model import colour_model, paint
from releases import release

from lradapt import open_registry

PAGE = Path(__file__).parent.parent / "docs" / "library.md"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A photo, and a registry with a model in production."""
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "photo.png", "green")
    release(open_registry("registry", "classifier"), colour_model())


@pytest.mark.slow
def test_the_examples_of_the_page_run_in_order(folder, capsys):
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) == 11
    names = {}
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), names)
    assert names["accuracy"] > 0.9
    assert names["found"].suggestion.rate == names["found"].suggestion.rate > 0
    assert len(names["snapshots"]) == 3
    assert [round(factor, 2) for factor in names["factors"]] == [1, 0.5, 1, 0.85, 0.5, 0.15]
    assert len(names["known"]) == 1200
    assert max(tried.accuracy for tried in names["solved"].tried) > 0.9
    assert 0.05 < names["temperature"] < 20
    output = capsys.readouterr().out
    assert "photo.png green" in output
    assert "the range test is flat" in output
