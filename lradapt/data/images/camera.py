"""The name of the camera that took an image, from what the file says of maker and model."""

from lradapt.text import printable, shortened

_MOST_LETTERS = 60


def camera_name(make: object, model: object) -> str:
    """Return maker and model as one line of at most 60 letters; "" where the file has neither.

    Args:
        make: the maker; what is not text does not count.
        model: the model; the maker is left out where the model begins with it.
    """
    maker, name = _one_line(make), _one_line(model)
    if not name.casefold().startswith(maker.casefold()):
        name = f"{maker} {name}".strip()
    return shortened(name, _MOST_LETTERS)


def _one_line(value: object) -> str:
    """Return a text with single spaces for white space and for NUL, which ends or pads a tag."""
    return printable(" ".join(value.replace("\0", " ").split())) if isinstance(value, str) else ""
