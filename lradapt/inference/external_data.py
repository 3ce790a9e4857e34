"""Find the tensors that an ONNX file keeps in other files.

ONNX Runtime would read the files that a model names, and a model could return what is in them as
its probabilities. The ONNX file is read as protobuf messages here, with the numbers of the fields
in onnx.proto, so that nothing needs the package onnx, which is slow to import.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

_FIELDS: Mapping[str, Mapping[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
}
"""The messages that can hold a tensor: message -> field -> message."""
_NAME, _EXTERNAL_DATA, _DATA_LOCATION = 8, 13, 14  # fields of TensorProto
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5  # wire types of protobuf

_Part: TypeAlias = "memoryview | int"


def external_tensors(content: bytes) -> list[str]:
    """Return the names of the tensors that an ONNX file keeps in other files.

    Raises:
        ValueError: it is no ONNX file.
    """
    try:
        return list(_external_tensors(content))
    except IndexError as error:
        raise ValueError("it is cut off") from error


def _external_tensors(content: bytes) -> Iterator[str]:
    messages = [("ModelProto", memoryview(content))]
    while messages:
        kind, message = messages.pop()
        for field, part in _parts(message):
            inner = _FIELDS[kind].get(field)
            if isinstance(part, int) or not inner:
                continue
            if inner != "TensorProto":
                messages.append((inner, part))
            elif _is_external(part):
                yield _name(part)


def _is_external(tensor: memoryview) -> bool:
    return any(
        field == _EXTERNAL_DATA or (field == _DATA_LOCATION and part != 0)
        for field, part in _parts(tensor)
    )


def _name(tensor: memoryview) -> str:
    names = [bytes(part) for field, part in _parts(tensor) if field == _NAME and part]
    return repr(names[-1].decode("utf-8", "replace")) if names else "one without a name"


def _parts(message: memoryview) -> Iterator[tuple[int, _Part]]:
    """Return number and content of each field of a message.

    Raises:
        ValueError, IndexError: it is no message of protobuf.
    """
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        wire_type, value = tag & 7, 0
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield tag >> 3, value
            continue
        if wire_type == _BYTES:
            length, position = _varint(message, position)
        elif wire_type in (_FIXED_32, _FIXED_64):
            length = 4 if wire_type == _FIXED_32 else 8
        else:
            raise ValueError(f"a field of the unknown type {wire_type} at byte {position}")
        if position + length > len(message):
            raise ValueError("it is cut off")
        yield tag >> 3, message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return a number, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError(f"a number of more than 10 bytes at byte {position}")
