"""Fingerprints of the code that a module uses: an edit or an upgrade reruns what it affects.

The code of a module is its own file and every file that it imports, directly or not, from lradapt
or from a package in the project's folder. The import statements are read from the source, also
those inside functions; nothing is imported.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lradapt.errors import LradaptError

_PACKAGE = Path(__file__).parents[1]

_WITHOUT_EFFECT = (
    "lradapt.cli",
    "lradapt.config",
    "lradapt.errors",
    "lradapt.runtime.code_fingerprint",
    "lradapt.runtime.lock",
    "lradapt.runtime.process_rank",
    "lradapt.runtime.progress",
    "lradapt.runtime.progress_file",
    "lradapt.runtime.system",
    "lradapt.runtime.termination",
    "lradapt.runtime.timings",
    "lradapt.stages.__init__",
)
"""Modules and packages that change no output: they check input, and report errors and progress."""


def code_of(modules: Iterable[str], folder: Path) -> dict[str, dict[str, str]]:
    """Return the files that each module uses, each with a hash of its content.

    Args:
        modules: dotted names, such as `lradapt.stages.finetune`.
        folder: of the project; packages other than lradapt are looked for there.

    Returns:
        Module -> path from the package's parent (`lradapt/training/loop.py`) -> 16 hexadecimal
        digits. The paths are the same for an installed package and for a source tree.

    Raises:
        LradaptError: there is no such module.
    """
    modules = list(modules)
    graph = _import_graph(modules, folder)
    missing = [module for module in modules if module not in graph]
    if missing:
        raise LradaptError(
            f"no module {', '.join(missing)} in {folder} or in the package lradapt; expected the "
            "dotted names of modules, such as lradapt.stages.finetune"
        )
    used = {module: sorted(_reachable(graph, module)) for module in modules}
    hash_of = {name: _hash(_file_of(name, folder)) for name in graph}
    return {
        module: {_shown(name): hash_of[name] for name in names} for module, names in used.items()
    }


def fingerprint(module: str, folder: Path) -> str:
    """Return one hash of all the code that `module` uses; see `code_of`."""
    return _digest("\n".join(f"{p} {of}" for p, of in code_of([module], folder)[module].items()))


def as_tree(code: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    """Nest the code of several modules by the parts of their dotted names, as DVC reads params."""
    tree: dict[str, Any] = {}
    for module, files in code.items():
        *packages, last = module.split(".")
        branch = tree
        for package in packages:
            branch = branch.setdefault(package, {})
        branch[last] = dict(files)
    return tree


def _import_graph(modules: Sequence[str], folder: Path) -> dict[str, list[str]]:
    """Return each module that is used, with the modules that it imports itself."""
    graph: dict[str, list[str]] = {}
    names = list(modules)
    while names:
        name = names.pop()
        path = _file_of(name, folder)
        if path is not None and name not in graph:
            graph[name] = _imports(path, folder)
            names += graph[name]
    return {name: [used for used in graph[name] if used in graph] for name in graph}


def _reachable(graph: Mapping[str, Sequence[str]], module: str) -> set[str]:
    found, names = set(), [module]
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            names += graph[name]
    return found


def _imports(path: Path, folder: Path) -> list[str]:
    """Return the modules that a file imports and that can change an output."""
    found = (_module_of(*each, folder) for each in _statements(ast.parse(path.read_bytes())))
    return [name for name in found if not _is_without_effect(name)]


def _statements(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """Yield the module of each import, and the name that is imported from it, if any."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def _module_of(module: str, part: str | None, folder: Path) -> str:
    """Return the module that an import reads: `part` may be a module or a name in one."""
    if part and _file_of(f"{module}.{part}", folder):
        return f"{module}.{part}"
    return module if _file_of(module, folder) else f"{module}.__init__"


def _file_of(module: str, folder: Path) -> Path | None:
    """Return the file of a module of lradapt or of the project; None for any other."""
    package, *parts = module.split(".")
    root = _PACKAGE if package == _PACKAGE.name else folder / package
    path = root.joinpath(*parts).with_suffix(".py")
    return path if path.is_file() else None


def _is_without_effect(module: str) -> bool:
    return any(f"{module}.".startswith(f"{name}.") for name in _WITHOUT_EFFECT)


def _shown(module: str) -> str:
    return module.replace(".", "/") + ".py"


def _hash(path: Path | None) -> str:
    assert path is not None, "a module of the import graph has a file"
    return _digest(path.read_text(encoding="utf-8"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
