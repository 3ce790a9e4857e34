"""The modules that the extras of lradapt bring, and what to type where one is missing."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec

MODULES = {  # pyproject.toml has their packages
    "serve": (
        "anyio",
        "fastapi",
        "h11",
        "prometheus_client",
        "python_multipart",
        "starlette",
        "uvicorn",
    ),
    "data": ("matplotlib", "pandas", "scipy", "sklearn"),
    "train": (
        "huggingface_hub",
        "onnx",
        "onnxscript",
        "safetensors",
        "timm",
        "torch",
        "torchvision",
    ),
    "croissant": ("mlcroissant",),
    "flow": ("dvc", "httpx", "networkx", "prefect", "sqlalchemy"),
    "s3": ("boto3", "botocore"),
}

NEEDED_BY = {  # a command or a flow -> the extras that it needs whatever its options are
    "changes": ("data",),
    "check": ("data",),
    "croissant": ("croissant", "data"),  # of `export`
    "drift": ("data",),
    "head": ("train",),
    "import": ("train",),
    "queue": ("data",),
    "labelstudio": ("data",),  # of `export`
    "review": ("data", "serve"),
    "serve": ("serve",),
    "stage": ("train",),
    "tune-engine": ("train",),
    "flows.benchmark": ("flow", "train"),
    "flows.deploy": ("flow",),
    "flows.monitor": ("flow",),
    "flows.retrain": ("flow", "train"),
    "flows.ui": ("flow",),
    "flows.watch_labels": ("flow", "train"),
    "flows.worker": ("flow",),
}

_IN_WORDS = {"--explain": "train", "s3://": "s3"}
"""A part of a word of the command line -> the extra that it needs besides."""


def extra_of(module: str | None) -> str | None:
    """Return the extra that brings a module; None where none does, as of lradapt itself."""
    top = (module or "").partition(".")[0]
    return next((extra for extra, modules in MODULES.items() if top in modules), None)


def extras_needed(words: Sequence[str]) -> set[str]:
    """Return the extras that a program needs.

    Args:
        words: of its command line; the first one that is a command or a flow counts as such.
    """
    program = next((word for word in words if word in NEEDED_BY), None)
    options = {extra for part, extra in _IN_WORDS.items() if any(part in word for word in words)}
    return {*NEEDED_BY.get(program or "", ()), *options}


def missing_module_message(module: str | None) -> str:
    """Return what to do about a missing module; all that this program lacks is named at once.

    The missing module may be rich itself: so it is plain text.
    """
    extra = extra_of(module)
    what = f"error: the module {module} is not installed for {sys.executable}."
    enter = "enter the project's environment: `. .venv/bin/activate` (made by `make install`)"
    if extra is None:
        return f"{what} First {enter}"
    missing = {each for each in extras_needed(sys.orig_argv[1:]) if _is_missing(each)}
    names = ",".join(sorted({extra, *missing}))
    return f"{what} Install all that is missing: pip install 'lradapt[{names}]'; or {enter}"


def _is_missing(extra: str) -> bool:
    return any(find_spec(module) is None for module in MODULES[extra])
