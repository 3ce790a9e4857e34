"""The built manual: strict, complete, without anything from outside, and with a search."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from tests.docs.documents import ROOT

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""What a browser fetches by itself: tag -> attribute."""
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
PAGES = ("index", "tutorial", "operations", "benchmarks", "from_fastai", "reference/params")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built manual."""
    folder = tmp_path_factory.mktemp("manual") / "site"
    words = re.search(r"-m (mkdocs build .+)", (ROOT / "Makefile").read_text())[1].split()
    command = [sys.executable, "-m", *words, "-d", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Building documentation" in done.stderr, "--strict does not see what is not shown"
    return folder


class Page(HTMLParser):
    """What a page fetches, where it links to, and the anchors that it has."""

    def __init__(self, text):
        super().__init__()
        self.fetched, self.links, self.anchors = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if values.get(FETCHED.get(tag, "")):
            self.fetched.append(values[FETCHED[tag]])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}


@pytest.fixture(scope="module")
def pages(site):
    """Path -> page, of all HTML files."""
    files = [path for path in site.rglob("*.html") if path.name != "404.html"]
    return {path: Page(path.read_text(encoding="utf-8")) for path in files}


def test_nothing_is_fetched_from_outside(site, pages):
    assert len(pages) > 30
    found = [url for page in pages.values() for url in page.fetched if is_outside(url)]
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert found + re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)]*", styles) == []


def test_each_link_leads_to_a_file_and_an_anchor_of_the_site(site, pages):
    broken = []
    for path, page in pages.items():
        for url in [*page.links, *page.fetched]:
            target, _, anchor = unquote(url).partition("#")
            if is_outside(url) or target.startswith("data:"):
                continue
            file = (path.parent / target.partition("?")[0]).resolve() if target else path
            file = file / "index.html" if file.is_dir() else file
            known = pages[file].anchors if file in pages else set()
            if not file.is_file() or (anchor and file in pages and anchor not in known):
                broken.append(f"{path.relative_to(site)}: {url}")
    assert broken == []


def is_outside(url):
    """Return whether an address is not below this site."""
    return bool(re.match(r"(?:https?:)?//|mailto:|javascript:", url))


def test_the_pages_of_the_code_are_there(site):
    library = (site / "reference/library.html").read_text()
    assert 'id="lradapt.range_test"' in library
    assert "Suggestion" in library
    assert 'id="lradapt-keys-trust"' in (site / "reference/commands.html").read_text()


@pytest.fixture(scope="module", params=SIZES)
def window(request):
    """A window of Chromium without a network, of a desktop and of a phone."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    width, height = SIZES[request.param]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        size = {"width": width, "height": height}
        yield browser.new_context(viewport=size, offline=True).new_page()
        browser.close()


def test_pages_ask_for_no_network_report_no_fault_and_are_no_wider_than_the_window(site, window):
    seen = []
    window.on("request", lambda request: seen.append(request.url))
    window.on("pageerror", lambda error: seen.append(str(error)))
    for name in PAGES:
        window.goto(f"file://{site}/{name}.html")
        window.wait_for_load_state("load")
        width = window.evaluate("document.documentElement.scrollWidth")
        assert width <= window.viewport_size["width"], name
    assert [each for each in seen if not each.startswith(("file:", "data:", "blob:"))] == []


def test_the_search_finds_a_param_by_a_part_of_its_name(site, window):
    window.goto(f"file://{site}/index.html")
    if window.viewport_size["width"] < 960:
        window.locator(".md-header label[for=__search]").first.click()
    window.locator("input.md-search__input").click()
    window.locator("input.md-search__input").press_sequentially("near_correlation")
    first = window.locator(".md-search-result__link").first
    first.wait_for(timeout=60_000)
    assert "Every value of params.yaml" in first.inner_text()
    first.click()
    window.wait_for_url("**/reference/params.html**")
    assert window.get_by_text("check.near_correlation").first.is_visible()
