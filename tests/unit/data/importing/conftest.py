"""Exports of labelling tools, made by hand after the documents of each tool."""

import json
from pathlib import Path

import pytest

from lradapt.errors import DataError

EXPORTS = Path(__file__).parent / "exports"


@pytest.fixture
def exported():
    """A function: the value of an export in JSON, to be changed; of another its text."""

    def read(name):
        text = (EXPORTS / name).read_text()
        return json.loads(text) if name.endswith(".json") else text

    return read


@pytest.fixture
def files(tmp_path):
    """A function: files of these names below `img`, each with its name as content."""

    def make(*names):
        for name in names:
            path = tmp_path / "img" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return tmp_path / "img"

    return make


@pytest.fixture
def write(tmp_path):
    """A function: a file of this name with this text, or this value in JSON."""

    def make(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return make


@pytest.fixture
def fault(tmp_path):
    """A function: the message of the error that a call raises, with SRC for the folder."""

    def message(call, *args, **options):
        with pytest.raises(DataError) as caught:
            call(*args, **options)
        return str(caught.value).replace(str(tmp_path), "SRC")

    return message
