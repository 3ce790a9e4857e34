"""The modules that the extras of lradapt bring, and what to type where one is missing."""

import sys

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
}


def extra_of(module: str | None) -> str | None:
    """Return the extra that brings a module; None where none does, as of lradapt itself."""
    top = (module or "").partition(".")[0]
    return next((extra for extra, modules in MODULES.items() if top in modules), None)


def missing_module_message(module: str | None) -> str:
    """Return what to do about a missing module, which may be rich itself: so it is plain text."""
    extra = extra_of(module)
    what = f"error: the module {module} is not installed for {sys.executable}."
    enter = "enter the project's environment: `. .venv/bin/activate` (made by `make install`)"
    if extra is None:
        return f"{what} First {enter}"
    return f"{what} Install it: pip install 'lradapt[{extra}]'; or {enter}"
