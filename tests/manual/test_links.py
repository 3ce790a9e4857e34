"""Links of the documents as they are in the manual."""

from manual.links import in_manual, nested_by_four, page_of, source_page
from tests.docs.documents import ROOT


def changed(text, document):
    """Return the text as it is in the manual."""
    return in_manual(text, document, ROOT).text


def test_readme_is_the_first_page_and_its_links_lead_to_the_others():
    text = "[a](docs/data.md#bring-it) ![b](docs/images/report.png) [c](CONTRIBUTING.md)"
    expected = "[a](data.md#bring-it) ![b](images/report.png) [c](repository/CONTRIBUTING.md)"
    assert changed(text, "README.md") == expected


def test_links_out_of_docs_lead_to_pages_and_are_told():
    linked = in_manual("[a](../README.md) [b](../tests/projects.py)", "docs/data.md", ROOT)
    assert linked.text == "[a](index.md) [b](repository/tests/projects.py.md)"
    assert linked.outside == {"tests/projects.py"}


def test_links_from_files_outside_lead_back():
    assert changed("[a](docs/log.md)", "CONTRIBUTING.md") == "[a](../log.md)"
    assert page_of("README.md") == "index.md"


def test_anchors_addresses_and_code_stay():
    text = "[a](#x) [b](https://a.de/README.md) `[c](README.md)`\n```\n[d](../README.md)\n```\n"
    assert changed(text, "docs/data.md") == text


def test_a_link_to_nothing_stays_so_that_mkdocs_reports_it():
    assert changed("[a](nothing.md)", "docs/data.md") == "[a](nothing.md)"


def test_a_source_file_becomes_code():
    assert source_page("a/b.py", "x = 1") == "# a/b.py\n\n````py\nx = 1\n````\n"


def test_blocks_within_list_items_are_indented_by_four():
    text = "- item\n  goes on\n\n  ```yaml\n  a:\n    b: 1\n  ```\n\n  end\n\nother\n\n    code\n"
    expected = (
        "- item\n  goes on\n\n    ```yaml\n    a:\n      b: 1\n    ```\n\n    end\n\nother\n\n"
        "    code\n"
    )
    assert nested_by_four(text) == expected
