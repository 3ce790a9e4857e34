"""The page in a real Chromium, driven by keys and clicks, beside the server of the command."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from queued_images import write_queue

pytestmark = pytest.mark.slow
LABELS, JOURNAL = Path("data/labels.csv"), Path("data/label_journal.jsonl")


@pytest.fixture
def address(project):
    """The address that a running `lradapt review` has printed."""
    command = [sys.executable, "-m", "lradapt", "review", "--no-browser", "--as", "Anna"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "stopped by Ctrl-C\n")


@pytest.fixture
def window(new_page, address):
    """A function that opens the page."""

    def opened(width=1200, height=800):
        page = new_page(address, width, height)
        page.wait_for_selector("#near img")
        return page

    return opened


def shows(page, name):
    page.wait_for_selector(f"#origin:has-text('{name}')", timeout=5000)


def actions():
    return [
        (e["image"], e["action"], e["to"])
        for e in map(json.loads, JOURNAL.read_text().splitlines())
    ]


def test_a_queue_is_decided_by_the_keyboard_alone(window):
    page = window()
    assert page.url.endswith("/")  # without the token
    before = LABELS.read_text()
    shows(page, "case 03.png")
    assert page.inner_text("#label").split("\n")[0] == "malignant"
    assert "93.0 %" in page.inner_text("#proposed")
    page.keyboard.press("c")
    shows(page, "case 01.png")
    page.keyboard.press("u")
    shows(page, "case 03.png")
    assert LABELS.read_text() == before
    page.keyboard.press("Enter")
    shows(page, "case 01.png")
    page.keyboard.press("3")
    shows(page, "case 02.png")
    page.keyboard.press("s")
    shows(page, "case 00.png")
    assert "looks better" not in page.inner_text("#why")
    assert page.is_visible("#warning")
    page.keyboard.press("x")
    page.get_by_text("Show the 1 that you have skipped").click()
    shows(page, "case 02.png")
    page.keyboard.press("k")
    page.wait_for_selector("#done:has-text('All are decided')")
    assert actions() == [
        ("case 03.png", "change", "benign"),
        ("case 03.png", "undo", "malignant"),
        ("case 03.png", "change", "benign"),
        ("case 01.png", "change", "nevus, common"),
        ("case 02.png", "skip", "nevus, common"),
        ("case 00.png", "exclude", ""),
        ("case 02.png", "keep", "nevus, common"),
    ]
    changed = before.replace('03.png,"malignant"', '03.png,"benign"')
    changed = changed.replace('01.png,"malignant"', '01.png,"nevus, common"')
    assert LABELS.read_text() == re.sub("case 00.*\n", "", changed)


def test_help_list_and_name_work_by_keys_and_keys_in_them_decide_nothing(window):
    page = window()
    page.keyboard.press("?")
    assert page.is_visible("#help")
    page.keyboard.press("k")
    page.keyboard.press("Escape")
    page.click("#person")
    page.fill("#name", "Ben k")
    page.keyboard.press("Enter")
    page.wait_for_selector("#person:has-text('as Ben k')")
    page.keyboard.press("l")
    page.keyboard.type("nev")
    page.keyboard.press("Enter")
    shows(page, "case 01.png")
    (line,) = JOURNAL.read_text().splitlines()
    assert (json.loads(line)["who"], json.loads(line)["to"]) == ("Ben k", "nevus, common")


def test_a_class_that_is_a_digit_has_its_own_name_as_its_key(window):
    text = LABELS.read_text()
    LABELS.write_text(text.replace("nevus, common", "1").replace("benign", "2"))
    page = window()
    shows(page, "case 03.png")
    assert page.locator("#classes kbd").all_inner_texts() == ["1", "2"]
    page.keyboard.press("1")
    shows(page, "case 01.png")
    assert actions() == [("case 03.png", "change", "1")]


def test_a_phone_shows_everything_within_its_width_and_works_by_touch(window):
    page = window(375, 740)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    for button in ("keep", "change", "exclude", "skip", "undo", "list"):
        box = page.locator(f"#{button}").bounding_box()
        assert box["height"] >= 40
        assert box["y"] + box["height"] <= 740
    page.click("#change")
    shows(page, "case 01.png")
    page.click("#classes button:has-text('nevus')")
    shows(page, "case 02.png")
    page.click("#undo")
    shows(page, "case 01.png")
    assert [action for _, action, _ in actions()] == ["change", "change", "undo"]


def test_two_browsers_at_once_lose_nothing(window):
    one, other = window(), window()
    shows(one, "case 03.png")
    shows(other, "case 02.png")  # the first window has two images
    for _ in range(2):
        one.keyboard.press("c")
        other.keyboard.press("k")
        one.wait_for_selector("body:not([aria-busy])")
        other.wait_for_selector("body:not([aria-busy])")
    for page in (one, other):
        page.reload()
        page.wait_for_selector("#done:has-text('All are decided')")
    assert sorted(actions()) == [
        ("case 00.png", "keep", "malignant"),
        ("case 01.png", "change", "benign"),
        ("case 02.png", "keep", "nevus, common"),
        ("case 03.png", "change", "benign"),
    ]


def test_a_label_that_was_edited_meanwhile_is_said_and_both_edits_stay(window):
    page = window()
    shows(page, "case 03.png")
    edited = LABELS.read_text().replace('03.png,"malignant"', '03.png,"nevus, common"')
    LABELS.write_text(edited)
    page.keyboard.press("c")
    page.wait_for_selector("#message.fault:has-text(\"is 'nevus, common' now\")")
    shows(page, "case 01.png")
    page.keyboard.press("c")
    shows(page, "case 02.png")
    assert LABELS.read_text() == edited.replace('01.png,"malignant"', '01.png,"benign"')


def test_the_other_queues_show_what_to_compare_with(window):
    page = window()
    page.select_option("#queue", "duplicates")
    shows(page, "case 02.png")
    assert "copy.png" in page.inner_text("#near")
    page.select_option("#queue", "near_duplicates")
    shows(page, "near.png")
    page.keyboard.press("x")
    page.wait_for_selector("#done:has-text('All are decided')")
    assert actions() == [("near.png", "exclude", "")]


def test_the_next_image_is_loaded_while_this_one_is_shown(window):
    page = window()
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
    assert {"/image/3", "/image/1"} <= {name[name.index("/", 8) :] for name in loaded}


def test_recorded_images_are_labelled_by_keys(project, window):
    files = [line.file for line in write_queue(project)]
    page = window()
    page.select_option("#queue", "recorded")
    shows(page, f"recorded/{files[0]}")
    page.locator("#picture img").evaluate("(image) => image.decode()")  # an image, and a whole one
    assert page.inner_text("#change") == "c\nlabel as nevus, common"
    page.keyboard.press("k")  # there is no label to keep
    page.keyboard.press("c")
    shows(page, f"recorded/{files[1]}")
    page.keyboard.press("1")
    page.wait_for_selector("#done:has-text('All are decided')")
    assert actions() == [
        (f"recorded/{files[0]}", "label", "nevus, common"),
        (f"recorded/{files[1]}", "label", "benign"),
    ]
    lines = LABELS.read_text().splitlines()
    assert lines[0].endswith(",queue")
    assert [line.rpartition(",")[2] for line in lines[-2:]] == ["random", "chosen"]
