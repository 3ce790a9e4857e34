import numpy as np
from PIL import Image

from lradapt.plots.confusion import confusion_png


def test_class_names_with_dollars_are_drawn_and_not_taken_for_formulas(tmp_path):
    path = tmp_path / "confusion.png"
    path.write_bytes(confusion_png(np.eye(2, dtype=int), [r"$\price$", "$"], "two classes"))
    with Image.open(path) as picture:
        assert picture.format == "PNG"
