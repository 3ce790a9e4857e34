"""What mkdocs calls to build the manual: adds the generated pages, and puts the links right."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from manual import short_pages
from manual.commands_page import commands_page
from manual.links import HOME, in_manual, nested_by_four, page_of, source_page
from manual.params_page import params_page

ROOT = Path(__file__).parent.parent
_DATED = ("log.md", "benchmarks.md", "comparison.md", "repository/CHANGELOG.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are no files below docs/."""
    with _quiet():
        pages = _reference() | _repository()
    for name, text in sorted(pages.items()):
        files.append(File.generated(config, name, content=text))
    for asset in sorted((ROOT / "manual/assets").iterdir()):
        files.append(File.generated(config, f"assets/{asset.name}", abs_src_path=str(asset)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page of docs/ as the manual needs it; the generated ones are so already.

    In a search, the reference comes first and dated pages come last.
    """
    page.meta["search"] = {"boost": _boost(page.file.src_uri)}
    if page.file.generated_by:
        return markdown
    return nested_by_four(in_manual(markdown, f"docs/{page.file.src_uri}", ROOT).text)


def _boost(name: str) -> float:
    return 4 if name.startswith("reference/") else 0.001 if name in _DATED else 1


@contextmanager
def _quiet() -> Iterator[None]:
    """Log nothing: Prefect reads docstrings of flows with griffe, whose warnings end the build."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _reference() -> dict[str, str]:
    given = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return {
        "reference/params.md": params_page(given),
        "reference/commands.md": commands_page(),
        "reference/library.md": short_pages.api_page(),
        "reference/events.md": short_pages.events_page(),
        "reference/exit_codes.md": short_pages.exit_codes_page(),
    }


def _repository() -> dict[str, str]:
    """Return README and, page by page, every file outside docs/ that a page links to."""
    pages: dict[str, str] = {}
    open_files = {HOME, "CHANGELOG.md"}
    for document in (ROOT / "docs").rglob("*.md"):
        name = document.relative_to(ROOT).as_posix()
        open_files |= in_manual(document.read_text(encoding="utf-8"), name, ROOT).outside
    while open_files:
        name = open_files.pop()
        text = (ROOT / name).read_text(encoding="utf-8")
        if name.endswith(".md"):
            linked = in_manual(text, name, ROOT)
            text = nested_by_four(linked.text)
            open_files |= {each for each in linked.outside if page_of(each) not in pages}
        else:
            text = source_page(name, text)
        pages[page_of(name)] = text
        open_files -= {each for each in open_files if page_of(each) in pages}
    return pages
