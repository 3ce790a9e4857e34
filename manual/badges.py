"""The badges of README, made from pyproject.toml: `python -m manual.badges` writes them.

They are files of this repository, so they show without a network and say nothing that is not so.
"""

import tomllib
from html import escape
from pathlib import Path

from lradapt.runtime.files import write_text

ROOT = Path(__file__).parent.parent
_LETTER, _PADDING = 7, 10
_BADGE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img">
<title>{name}: {value}</title>
<rect width="{width}" height="20" rx="3" fill="#444c56"/>
<path d="M{left} 0h{right}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right}z" fill="#3949ab"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{middle_left}" y="14">{name}</text><text x="{middle_right}" y="14">{value}</text>
</g>
</svg>
"""


def badges(pyproject: str) -> dict[str, str]:
    """Return file name -> SVG of each badge, from the text of pyproject.toml."""
    project = tomllib.loads(pyproject)["project"]
    versions = project["requires-python"].removeprefix(">=") + " or newer"
    return {
        "licence.svg": badge("licence", project["license"]),
        "python.svg": badge("Python", versions),
    }


def badge(name: str, value: str) -> str:
    """Return the SVG of a badge with a name and its value."""
    left = _LETTER * len(name) + 2 * _PADDING
    right = _LETTER * len(value) + 2 * _PADDING
    return _BADGE.format(
        name=escape(name),
        value=escape(value),
        width=left + right,
        left=left,
        right=right - 3,
        middle_left=left / 2,
        middle_right=left + right / 2,
    )


def main() -> None:
    """Write the badges into docs/images/."""
    for name, svg in badges((ROOT / "pyproject.toml").read_text(encoding="utf-8")).items():
        write_text(ROOT / "docs/images" / name, svg)


if __name__ == "__main__":
    main()
