"""A release is refused while the places that state a version differ."""

import pytest

from lradapt.errors import LradaptError
from releasing import versions

CHANGELOG = (
    "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n- A change.\n\n## [0.1.0]\n"
)


@pytest.fixture
def stated(tmp_path, monkeypatch):
    """A function: a source tree of lradapt 0.2.0 with these texts."""
    monkeypatch.setattr(versions, "__version__", "0.2.0")

    def write(changelog=CHANGELOG, citation="0.2.0"):
        (tmp_path / "CHANGELOG.md").write_text(changelog)
        (tmp_path / "CITATION.cff").write_text(f"version: {citation}\n")
        return tmp_path

    return write


def test_the_same_version_everywhere_may_be_released(stated):
    versions.require_agreement(stated())


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"citation": "0.1.0"}, ["CITATION.cff: 0.1.0"]),
        (
            {"changelog": CHANGELOG.replace("## [0.2.0]", "## [0.3.0]")},
            ["CHANGELOG.md: 0.3.0"],
        ),
        (
            {"changelog": CHANGELOG.replace(" - 2026-12-01", "")},
            ["CHANGELOG.md: no section of a version"],
        ),
        (
            {"changelog": CHANGELOG.replace("[Unreleased]\n", "[Unreleased]\n\n- Another.\n")},
            ["CHANGELOG.md: changes below [Unreleased]"],
        ),
        (
            {"changelog": "# Changelog\n", "citation": "1.0.0"},
            ["CHANGELOG.md: no section of a version", "CITATION.cff: 1.0.0"],
        ),
    ],
    ids=["citation", "changelog", "no date", "unreleased", "both"],
)
def test_each_place_that_differs_is_named(stated, changes, faults):
    with pytest.raises(LradaptError) as raised:
        versions.require_agreement(stated(**changes))
    message, *found = str(raised.value).split("\n  - ")
    assert found == faults
    assert "has the version 0.2.0; expected the same" in message
