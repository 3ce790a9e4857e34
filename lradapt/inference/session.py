"""ONNX Runtime, which loads a model from its bytes and reads no other file."""

import os
from typing import Any

from lradapt.errors import listed
from lradapt.inference.external_data import external_tensors
from lradapt.inference.metadata import ModelError

_NO_OTHER_FILES = {  # where ONNX Runtime would look for tensors: nothing can be below a device
    "session.model_external_initializers_file_folder_path": f"{os.devnull}/none",
    "session.load_model_format": "ONNX",
}


def require_self_contained(content: bytes) -> None:
    """Check that an ONNX file keeps all its tensors itself.

    A model that keeps some in other files could return the content of any file that its reader may
    read, as its probabilities.

    Raises:
        ModelError: it names other files, or it is no ONNX file.
    """
    try:
        names = external_tensors(content)
    except ValueError as error:
        raise ModelError(f"not a model that ONNX Runtime can load: {error}") from error
    if names:
        raise ModelError(
            f"the model keeps {len(names)} tensor(s) in other files, which lradapt does not read: "
            f"export it with external_data=False. They are:\n" + listed(names, limit=6)
        )


def open_session(content: bytes, *, threads: int | None = None) -> Any:
    """Return an `onnxruntime.InferenceSession` of an ONNX file's bytes, on the CPU.

    Args:
        content: of the file.
        threads: CPU threads of ONNX Runtime; None: as many as it chooses.

    Raises:
        ModelError: not an ONNX model, or one with tensors in other files.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # without it, 1.29 and later send data
    import onnxruntime

    require_self_contained(content)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    for key, value in _NO_OTHER_FILES.items():
        options.add_session_config_entry(key, value)
    if threads:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no base class
        raise ModelError(f"not a model that ONNX Runtime can load: {error}") from error
