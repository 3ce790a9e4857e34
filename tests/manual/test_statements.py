"""CITATION.cff, badges and the pages for people who know other programs say what is so."""

import re
import tomllib

import pytest
import yaml

import lradapt
from manual.badges import badges
from tests.docs.documents import documents, read

PROJECT = tomllib.loads(read("pyproject.toml"))["project"]
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
OTHERS = [name for name in documents() if name.startswith("docs/from_")]


def test_the_citation_is_of_this_version_and_licence():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == lradapt.__version__
    assert citation["license"] == PROJECT["license"]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["references"][0]["title"] in " ".join(read("README.md").split())


def test_the_badges_are_those_of_pyproject_and_need_no_network():
    made = badges(read("pyproject.toml"))
    assert sorted(made) == ["licence.svg", "python.svg"]
    for name, svg in made.items():
        assert read(f"docs/images/{name}") == svg
        assert f"](docs/images/{name})" in read("README.md")
    assert re.findall(r"!\[[^\]]*\]\(https?:", read("README.md")) == []


@pytest.mark.parametrize("name", OTHERS)
def test_a_page_about_another_program_has_its_four_parts(name):
    headings = re.findall(r"^## (.+)$", read(name), re.M)
    parts = ["What it is called here", "What lradapt adds", "What lradapt does not do", "Measured"]
    assert headings == parts


@pytest.mark.parametrize("name", OTHERS)
def test_each_figure_under_measured_is_in_the_measurements(name):
    measured = read(name).partition("## Measured")[2]
    prose = re.sub(r"\]\([^)]*\)|`[^`]*`|ResNet-\d+|Lite\d|CIFAR-10", "", measured)
    figures = {figure for figure in _NUMBER.findall(prose) if len(figure) > 1}
    known = set(_NUMBER.findall(read("docs/benchmarks.md")))
    assert figures, "nothing was found: the test would pass without checking anything"
    assert sorted(figures - known) == []
