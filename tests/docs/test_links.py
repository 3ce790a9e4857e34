"""Links, anchors and paths in the documents exist; lines are short enough to read."""

import re

import pytest

from tests.docs.documents import DATED, ROOT, anchors, documents, inline, links, prose, read, slug

_PATH = re.compile(
    r"(?:lradapt|flows|tasks|benchmarks|manual|tests|docs)/[a-z0-9_/.]*\.\w+(?::\w+)?"
)
_MENTION = re.compile(r"\bdocs/[\w/]+\.(?:md|png|svg)\b")


@pytest.mark.parametrize("name", documents())
def test_each_relative_link_and_anchor_exists(name):
    broken = []
    for link in links(name):
        target, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        path = (ROOT / name).parent / target if target else ROOT / name
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", sorted(set(documents()) - set(DATED)))
def test_each_file_that_a_document_names_exists_and_contains_the_name_after_its_colon(name):
    missing = []
    for path, _, word in (code.partition(":") for code in inline(name) if _PATH.fullmatch(code)):
        file = ROOT / path
        if not file.is_file() or word not in file.read_text(encoding="utf-8"):
            missing.append(f"{path}:{word}")
    assert missing == []


def _sources():
    """Return the project's own texts; other folders, such as an environment, are not read."""
    folders = ("lradapt", "tasks", "flows", "benchmarks", "manual", "docs", "tests")
    files = [*ROOT.glob("*"), *(path for each in folders for path in (ROOT / each).rglob("*"))]
    suffixes = {".py", ".md", ".yaml", ".toml", ".jinja"}
    return [file for file in files if file.suffix in suffixes or file.name == "Makefile"]


def test_each_document_that_code_or_a_document_names_exists():
    named = {
        (str(file.relative_to(ROOT)), mention)
        for file in _sources()
        for mention in _MENTION.findall(file.read_text(encoding="utf-8"))
    }
    assert named, "nothing was found: the test would pass without checking anything"
    assert [each for each in sorted(named) if not (ROOT / each[1]).exists()] == []


def test_each_section_that_code_or_a_document_names_is_a_heading():
    """For example `docs/method.md, "The gate"`."""
    named = []
    for file in _sources():
        if "tests/docs" in str(file):
            continue
        text = re.sub(r"\s+#?\s*", " ", file.read_text(encoding="utf-8"))
        named += re.findall(r'((?:docs/)?\w+\.md|README), "([^"]+)"', text)
    assert named, "nothing was found: the test would pass without checking anything"
    assert [each for each in named if each[1] not in _headings(each[0])] == []


def _headings(name):
    path = ROOT / ("README.md" if name == "README" else name)
    return re.findall(r"^#+ (.+)$", prose(path), re.M) if path.exists() else []


@pytest.mark.parametrize("name", sorted(set(documents()) - set(DATED)))
def test_a_document_of_over_200_lines_begins_with_links_to_all_its_sections(name):
    beginning, *sections = re.split(r"^## (.+)\n", prose(name), flags=re.M)
    if len(read(name).splitlines()) > 200:
        linked = [link.removeprefix("#") for link in re.findall(r"\]\((#[^)]+)\)", beginning)]
        assert linked == [slug(section) for section in sections[::2]]


def test_every_picture_is_shown_in_a_document():
    shown = "".join(map(read, documents()))
    pictures = sorted(path.name for path in (ROOT / "docs/images").iterdir())
    assert [name for name in pictures if f"images/{name}" not in shown] == []


@pytest.mark.parametrize("name", sorted(set(documents()) - {"docs/log.md"}))
def test_no_line_of_prose_is_longer_than_120_characters(name):
    """Table rows, pictures and code may be longer."""
    lines = [line for line in prose(name).splitlines() if not line.startswith(("|", "![", "    "))]
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.parametrize("name", documents())
def test_each_heading_has_a_blank_line_before_and_after_it(name):
    """Two entries of the log that a merge has put together are one entry to a reader."""
    lines = ["", *prose(name).splitlines(), ""]
    places = [place for place, line in enumerate(lines) if re.match(r"#+ ", line)]
    assert places, "nothing was found: the test would pass without checking anything"
    crowded = [place for place in places if lines[place - 1] or lines[place + 1]]
    assert [lines[place] for place in crowded] == []


@pytest.mark.parametrize("name", DATED)
def test_no_two_entries_have_the_same_heading_and_no_two_parts_of_an_entry(name):
    entries = re.split(r"^## ", prose(name), flags=re.M)[1:]
    for headings in (
        [entry.partition("\n")[0] for entry in entries],
        *(re.findall(r"^### (.+)$", entry, re.M) for entry in entries),
    ):
        assert sorted(headings) == sorted(set(headings))


def test_the_readme_is_short():
    lines = read("README.md").splitlines()
    assert len(lines) < 120
    assert [line for line in lines if len(line) > 120] == []
