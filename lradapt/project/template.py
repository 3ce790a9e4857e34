"""The files of a project: those of lradapt's own repository, and a few that name the project.

The wheel carries them in `lradapt/template` (pyproject.toml, force-include); in a source tree the
repository itself is the template.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from lradapt import __version__
from lradapt.project import ProjectError

FORMAT = 1
"""Of a project's files, as `[tool.lradapt]` of its pyproject.toml has it. A change that `lradapt
upgrade` cannot make by merging files takes the next number."""

_PACKAGE = Path(__file__).parents[1]
_COPIED = (
    ".dvc/.gitignore",
    ".dvc/config",
    ".dvc/plots/range_test.json",
    ".dvcignore",
    ".gitignore",
    "constraints.txt",
    "dvc.yaml",
    "flows",
    "params.yaml",
    "prefect.yaml",
    "tasks",
)
_LEFT_OUT = {"flows/benchmark.py"}  # it needs benchmarks/, which only the repository has
_WRITTEN = {
    "Makefile": "Makefile.template",
    "README.md": "README.md.template",
    "pyproject.toml": "pyproject.toml.template",
    ".github/workflows/check.yml": "check.yml.template",
}


def render(name: str) -> dict[str, bytes]:
    """Return the files of a project of this name: path in the project -> content.

    Raises:
        ProjectError: this installation of lradapt has no template.
    """
    root = _root()
    values = {"@NAME@": name, "@VERSION@": __version__, "@FORMAT@": str(FORMAT)}
    files = {path: (root / path).read_bytes() for path in _copied(root)}
    files[".gitignore"] = _without_benchmarks(files[".gitignore"])
    files["prefect.yaml"] = _named(files["prefect.yaml"], name)
    for path, source in _WRITTEN.items():
        text = Path(__file__).with_name("files").joinpath(source).read_text(encoding="utf-8")
        for mark, value in values.items():
            text = text.replace(mark, value)
        files[path] = text.encode()
    return dict(sorted(files.items()))


def _root() -> Path:
    """Return the folder of the template: in the package, or the repository around it."""
    for folder in (_PACKAGE / "template", _PACKAGE.parent):
        if all((folder / path).exists() for path in _COPIED):
            return folder
    raise ProjectError(
        f"this installation of lradapt ({_PACKAGE}) has no template of a project: neither "
        f"{_PACKAGE / 'template'} nor {_PACKAGE.parent} holds flows/ and dvc.yaml. Install the "
        "wheel of lradapt again, or run from its source tree"
    )


def _copied(root: Path) -> Iterator[str]:
    for path in _COPIED:
        place = root / path
        found = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        yield from {file.relative_to(root).as_posix(): None for file in found}.keys() - _LEFT_OUT


def _without_benchmarks(gitignore: bytes) -> bytes:
    lines = gitignore.decode().splitlines(keepends=True)
    return "".join(line for line in lines if "bench" not in line).encode()


def _named(prefect_yaml: bytes, name: str) -> bytes:
    """Return prefect.yaml with the project's pools and events, and without the benchmark."""
    text = re.sub(r"  - name: benchmark\n(?:    .*\n)+\n", "", prefect_yaml.decode())
    text = re.sub(r"^    name: (gpu|cpu)$", rf"    name: {name}-\1", text, flags=re.M)
    text = text.replace('name: "lradapt: ', f'name: "{name}: ')
    return text.replace("lradapt.project: lradapt", f"lradapt.project: {name}").encode()
