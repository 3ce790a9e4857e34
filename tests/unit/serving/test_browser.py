"""The page of `lradapt serve` in a real Chromium, beside a server with a token."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from colour_model import paint
from explained_project import write_explained_project

from lradapt.serving.tokens import hashed
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
TOKEN = "a-token"
DROP = """([name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  const event = name === "paste"
    ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
    : new DragEvent("drop", { dataTransfer: data, bubbles: true });
  document.body.dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of a running `lradapt serve` with a token, in a project with training images."""
    folder, before = tmp_path_factory.mktemp("project"), Path.cwd()
    os.chdir(folder)
    try:
        write_explained_project()
        for colour in ("green", "blue"):
            paint(folder / f"{colour}.png", colour, seed=5, size=40)
        (folder / "text.txt").write_text("no image")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "lradapt", "serve", "--nearest", "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"LRADAPT_TOKENS": hashed("anna", TOKEN)},
        )
        address = f"http://127.0.0.1:{port}"
        wait_for(lambda: is_ready(address, process))
        yield address
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in process.communicate(timeout=60)[1]
    finally:
        os.chdir(before)


def is_ready(address, process):
    assert process.poll() is None, process.stderr.read()
    try:
        return httpx.get(f"{address}/readyz").is_success
    except httpx.ConnectError:
        return False


@pytest.fixture
def window(new_page, address):
    """A function that opens the page."""

    def opened(width=1200, height=800, token=TOKEN):
        page = new_page(address, width, height)
        page.wait_for_selector("#token-dialog[open]")
        if token:
            page.keyboard.type(token)
            page.keyboard.press("Enter")
            page.wait_for_selector("#served:has-text('3 classes')")
        return page

    return opened


def answers(page, colour):
    page.wait_for_selector(f"#class:has-text('{colour}')", timeout=10_000)
    page.wait_for_selector("#nearest img", timeout=30_000)


def give(page, how, file):
    page.evaluate(DROP, [how, list(Path(file).read_bytes())])


def test_a_chosen_image_is_answered_with_bars_and_nearest_training_images(window):
    page = window()
    page.set_input_files("#file", "green.png")
    answers(page, "green")
    assert page.locator("#bars .name").all_inner_texts()[0] == "green"
    assert page.locator("#bars li").count() == 3
    widths = page.eval_on_selector_all("#bars .bar", "all => all.map((e) => e.clientWidth)")
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 2 * widths[2] > 0
    first = page.locator("#nearest li").first
    assert first.inner_text().split("\n")[0] == "green"
    assert "green.png" in first.inner_text()
    assert page.eval_on_selector("#nearest img", "e => e.naturalWidth") == 8
    assert page.eval_on_selector("#picture", "e => e.naturalWidth") == 40
    assert not page.is_visible("#doubt")


def test_an_image_is_dropped_and_another_pasted(window):
    page = window()
    give(page, "drop", "green.png")
    answers(page, "green")
    give(page, "paste", "blue.png")
    answers(page, "blue")
    assert page.locator("#nearest li").first.inner_text().startswith("blue")


def tab_to(page, name):
    """Press the Tab key until an element has the focus; the page has few."""
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        if reached[-1] == name:
            return
    raise AssertionError(f"{name} is not among {reached}")


def test_the_keyboard_alone_reaches_the_file_dialog_and_the_token(window):
    page = window()
    tab_to(page, "choose")
    page.evaluate(  # the event of Chromium's own dialog comes late, or never, on a busy machine
        "() => { window.asked = new Promise((done) => file.addEventListener('click', "
        "(event) => { event.preventDefault(); done(true); })); }"
    )
    page.keyboard.press("Enter")
    assert page.evaluate("window.asked")  # wait_for_function needs an eval, which the page forbids
    page.set_input_files("#file", "blue.png")
    answers(page, "blue")
    tab_to(page, "token-button")
    page.keyboard.press("Enter")
    assert page.is_visible("#token-dialog")
    page.keyboard.press("Escape")
    assert not page.is_visible("#token-dialog")


def test_a_wrong_token_is_asked_for_again_and_the_image_is_answered_then(window):
    page = window(token="")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#token-fault:has-text('is not known here')")
    page.keyboard.press("Escape")
    page.set_input_files("#file", "green.png")
    page.wait_for_selector("#token-dialog[open]")
    page.keyboard.type(TOKEN)
    page.click("#token-ok")
    answers(page, "green")
    page.reload()  # the tab keeps the token
    page.wait_for_selector("#served:has-text('3 classes')")
    assert not page.is_visible("#token-dialog")


def test_a_token_stays_in_its_tab_and_out_of_the_address(window, address):
    page = window()
    assert page.url == f"{address}/"
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length") == 0


def test_what_is_no_image_is_a_message(window):
    page = window()
    page.set_input_files("#file", "text.txt")
    page.wait_for_selector("#message.fault:has-text('not an image')")
    assert not page.is_visible("#found")
    assert page.is_visible("#no-picture")


def test_a_phone_shows_everything_within_its_width(window):
    page = window(375, 740)
    page.set_input_files("#file", "green.png")
    answers(page, "green")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    assert page.locator("#choose").bounding_box()["height"] >= 44
    assert page.locator("#served").bounding_box()["width"] > 300
    assert page.locator("#bars .share").last.bounding_box()["x"] < 375
