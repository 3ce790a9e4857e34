import io
import re
from functools import partial

from PIL import Image

from lradapt.plots.canvas import Plot


def line(figure, label="a < b"):
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1])
    axes.set_xlabel(label)


def test_an_svg_has_the_colour_of_the_text_and_no_background():
    picture = Plot(line, (4, 3)).svg(alt="a line")
    assert "currentColor" in picture
    assert "#010203" not in picture
    assert "#ffffff" not in picture
    assert "a &lt; b" in picture, "text stays text"


def test_an_svg_is_one_element_with_a_description():
    picture = Plot(line, (4, 3)).svg(alt='1 < 2 & "3"')
    assert picture.startswith('<svg role="img" aria-label="1 &lt; 2 &amp; &quot;3&quot;"')
    assert picture.rstrip().endswith("</svg>")
    assert 'viewBox="0 0 288 216"' in picture


def test_two_svgs_share_no_id():
    one, other = (
        set(re.findall(r' id="([^"]*)"', Plot(partial(line, label=text), (4, 3)).svg(alt=text)))
        for text in ("one", "other")
    )
    assert one
    assert other
    assert not one & other


def test_the_same_values_give_the_same_bytes():
    assert Plot(line, (4, 3)).svg(alt="x") == Plot(line, (4, 3)).svg(alt="x")
    assert Plot(line, (4, 3)).png() == Plot(line, (4, 3)).png()


def test_a_png_is_black_on_white_at_110_pixels_per_inch():
    with Image.open(io.BytesIO(Plot(line, (4, 3)).png())) as picture:
        assert (picture.format, picture.size) == ("PNG", (440, 330))
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
