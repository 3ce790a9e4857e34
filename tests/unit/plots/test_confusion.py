import io

import numpy as np
from PIL import Image

from lradapt.plots.confusion import confusion_plot


def test_class_names_with_dollars_are_not_formulas(tmp_path):
    path = tmp_path / "confusion.png"
    path.write_bytes(confusion_plot(np.eye(2, dtype=int), [r"$\price$", "$"], "two classes").png())
    with Image.open(path) as picture:
        assert picture.format == "PNG"


def test_the_plot_of_a_thousand_classes_has_a_bounded_size():
    names = [f"class {number}" for number in range(1000)]
    content = confusion_plot(np.eye(1000, dtype=int), names, "many classes").png()
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (2200, 2200)
