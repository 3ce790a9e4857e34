"""The command line, run in an empty folder; a real browser."""

import shutil
import sys
from typing import NamedTuple

import pytest

from lradapt.cli.app import run
from lradapt.cli.error_exit import exit_on_error


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def lradapt(tmp_path, monkeypatch, capsys):
    """A function that runs the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(*words):
        monkeypatch.setattr(sys, "argv", ["lradapt", *map(str, words)])
        with pytest.raises(SystemExit) as end, exit_on_error():
            run()
        return Said(end.value.code, *capsys.readouterr())

    return command


@pytest.fixture(scope="module")
def chromium():
    """A real browser; each test has windows of its own."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium):
    """A function that opens an address in a window; requests to other places are faults."""
    contexts, wrong = [], []

    def opened(address, width=1200, height=800):
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        own = (address.partition("/?")[0], "blob:", "data:")
        page.on("request", lambda r: None if r.url.startswith(own) else wrong.append(r.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if "Security" in m.text else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []
