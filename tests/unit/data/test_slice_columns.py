import re

import pytest

from lradapt.data.slice_columns import read_slices
from lradapt.errors import DataError

TABLE = "image,label,site,camera,group\na,x,Wien,,1\nb,y,Graz,Canon,2\nc,x,Wien,Nikon,1\n"


@pytest.fixture
def table(tmp_path):
    """A function: the path of a table with some text."""

    def written(text=TABLE):
        path = tmp_path / "labels.csv"
        path.write_text(text)
        return path

    return written


def test_the_values_are_in_the_order_of_the_images_and_empty_where_unknown(table):
    found = read_slices(table(), ["camera", "site"], ["c", "a", "gone", "b"])
    assert found == {"camera": ["Nikon", "", "", "Canon"], "site": ["Wien", "Wien", "", "Graz"]}


def test_without_a_column_no_table_is_read(tmp_path):
    assert read_slices(tmp_path / "absent.csv", [], ["a"]) == {}


def test_missing_columns_are_named_together_with_the_further_columns_of_the_table(table):
    expected = (
        "has no column 'skin', 'age', which evaluate.slices or gate.min_recall_in of params.yaml "
        "names; its further columns are 'site', 'camera'. Add the column, or remove the name"
    )
    with pytest.raises(DataError, match=re.escape(expected)):
        read_slices(table(), ["skin", "site", "age"], ["a"])
    with pytest.raises(DataError, match="its further columns are none"):
        read_slices(table("image,label\na,x\n"), ["skin"], ["a"])


def test_lines_of_one_image_with_two_values_are_refused_and_all_named(table):
    text = "image,label,site\na,x,Wien\na,x,Graz\nb,x,Wien\nb,x,\nc,x,2\nc,x,1\n"
    with pytest.raises(DataError) as caught:
        read_slices(table(text), ["site"], ["b"])
    faults = [line.strip(" -") for line in str(caught.value).splitlines()[1:]]
    assert faults == ["a: site 'Graz', 'Wien'", "c: site '1', '2'"]


def test_a_repeated_line_and_one_without_a_value_are_no_fault(table):
    text = "image,label,site\na,x,Wien\na,x,Wien\na,x,\n"
    assert read_slices(table(text), ["site"], ["a"]) == {"site": ["Wien"]}
