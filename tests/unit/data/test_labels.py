"""`labels.csv` as people write it: read as meant, or refused with all its faults at once."""

import io
import time
import unicodedata
import zipfile

import pytest

from lradapt.data.label_faults import leads_outside
from lradapt.data.labelled_image import Annotation, class_names
from lradapt.data.labelled_image import LabelledImage as Label
from lradapt.data.labels import class_sizes, picks_of, read_csv, read_labels, write_labels
from lradapt.errors import DataError


@pytest.fixture
def read(tmp_path):
    """A function: the labels in a file of this content."""

    def labels(content):
        path = tmp_path / "labels.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_labels(path)

    return labels


@pytest.fixture
def refusal(read):
    """A function: the message that a file of this content gets."""

    def message(content):
        with pytest.raises(DataError) as caught:
            read(content)
        return str(caught.value)

    return message


CAT, DOG = Label("a.png", "cat"), Label("b.png", "dog")


def test_all_four_columns_are_read(read):
    assert read("image,label,group,split\na.png,cat,p1,train\nb.png,dog,,validation\n") == [
        Label("a.png", "cat", "p1", "train"),
        Label("b.png", "dog", "", "validation"),
    ]


def test_columns_may_stand_in_any_order_and_others_are_left_alone(read):
    assert read("age,label,image\n3,cat,a.png\n4,dog,b.png\n") == [CAT, DOG]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffimage,label\r\na.png,cat\r\nb.png,dog\r\n",
        "image,label\ra.png,cat\rb.png,dog\r",
        'image , label\n a.png , cat\n"b.png",  "dog" ',
        "image,label\n\na.png,cat\n,\n\nb.png,dog\n\n",
        "image,label,,\na.png,cat,,\nb.png,dog,,\n",
        "image,label,group\na.png,cat\nb.png,dog\n",
    ],
    ids=["bom-crlf", "cr", "spaces", "empty-lines", "empty-columns", "short-lines"],
)
def test_what_spreadsheets_and_editors_leave_is_read_as_meant(read, content):
    assert read(content) == [CAT, DOG]


def test_labels_that_look_like_numbers_or_nothing_stay_text(read):
    content = "image,label\na.png,007\nb.png,NA\nc.png,null\nd.png,1e3\ne.png,True\n"
    assert [label.label for label in read(content)] == ["007", "NA", "null", "1e3", "True"]


def test_names_are_brought_to_one_spelling(read):
    decomposed = unicodedata.normalize("NFD", "Müller/é.png,Äpfel,ö")
    assert read("image,label,group\n" + decomposed) == [Label("Müller/é.png", "Äpfel", "ö")]


def test_a_missing_column_is_named_with_those_that_are_there(refusal, tmp_path):
    assert refusal("file,label\na.png,cat\n") == (
        f"{tmp_path / 'labels.csv'} has no column 'image'; its columns are 'file', 'label'"
    )


def test_all_missing_columns_are_named_at_once(refusal):
    assert "has no column 'image', 'label'; its columns are 'a;b'" in refusal("a;b\n1;2\n")


def test_a_column_that_stands_twice_is_refused(refusal):
    text = refusal("image,label,label \na.png,cat,dog\n")
    assert text.endswith("has more than one column 'label'; keep one")


def test_a_cell_too_many_does_not_shift_the_columns(refusal):
    text = refusal("image,label\na.png,cat,x\nb.png,dog,y\n")
    assert "Expected 2 fields in line 2, saw 3" in text
    assert "put a name with a comma in" in text


def test_all_faults_of_the_cells_are_named_at_once_with_their_lines(refusal):
    text = refusal(
        "image,label,split\na.png,cat,train\n\nb.png,,train\n,dog,train\n"
        "../c.png,dog,train\n/d.png,dog,exam\ne.png,dog,\n"
    )
    assert text.splitlines()[1:] == [
        "  - line 4 (b.png): the label is empty; fill it in or remove the line",
        "  - line 5 (no image): the image is empty; fill it in or remove the line",
        "  - line 6 (../c.png): the path leads outside the images folder; name a file in it",
        "  - line 7 (/d.png): the path leads outside the images folder; name a file in it",
        "  - line 7 (/d.png): split 'exam', expected one of train, validation, test",
        "  - line 8 (e.png): split '', expected one of train, validation, test",
    ]
    assert "labels.csv has 6 fault(s):" in text


def test_control_characters_in_a_class_are_refused_with_the_line(refusal):
    text = refusal('image,label\na.png,cat\nb.png,"c\x1b[31mat"\nc.png,"do\ng"\nd.png,x\u202ey\n')
    assert text.splitlines()[1:] == [
        r"  - line 3 (b.png): the class name 'c\x1b[31mat' has control characters (\x1b); "
        "rename the class",
        r"  - line 4 (c.png): the class name 'do\ng' has control characters (\n); rename the class",
        r"  - line 5 (d.png): the class name 'x\u202ey' has control characters (\u202e); "
        "rename the class",
    ]


def test_control_characters_in_a_group_are_refused_with_the_line(refusal):
    text = refusal('image,label,group\na.png,cat,p1\nb.png,cat,"p\r1"\nc.png,cat,"p\x1b1"\n')
    assert text.splitlines()[1:] == [
        r"  - line 3 (b.png): the group 'p\r1' has control characters (\r); rename the group",
        r"  - line 4 (c.png): the group 'p\x1b1' has control characters (\x1b); rename the group",
    ]


def test_control_characters_in_the_name_of_a_file_are_refused_with_the_line(refusal):
    text = refusal('image,label\na.png,cat\n"b\r.png",cat\n"c\x1b.png",\n')
    assert text.splitlines()[1:] == [
        r"  - line 3 (b\r.png): the file name 'b\r.png' has control characters (\r); "
        "rename the file",
        r"  - line 4 (c\x1b.png): the file name 'c\x1b.png' has control characters (\x1b); "
        "rename the file",
        r"  - line 4 (c\x1b.png): the label is empty; fill it in or remove the line",
    ]


def test_classes_are_counted_as_they_are_read(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("\ufeffimage,label\na.png, cat\nb.png,cat \nc.png,007\nd.png\n")
    assert class_sizes(path) == {"cat": 2, "007": 1}


def test_spaces_beside_the_commas_change_nothing(tmp_path):
    close, spaced, name = tmp_path / "close.csv", tmp_path / "spaced.csv", f"{'a' * 64}.png"
    close.write_text(f'image,label,queue\n"{name}",cat,chosen\nb.png,"dog, small",\n')
    spaced.write_text(f'image , label, queue\n "{name}" , cat, chosen \nb.png , "dog, small" ,\n')
    for read in (class_sizes, picks_of, read_labels):
        assert read(spaced) == read(close)
    assert class_sizes(spaced) == {"cat": 1, "dog, small": 1}
    assert picks_of(spaced) == {name: "chosen"}


def test_a_repeated_line_is_read_once_with_a_warning(read, caplog, tmp_path):
    text = 'image,label,group\nb.png,dog,\na.png,cat,p\nb.png,dog,\n"a.png", cat,p\nb.png,dog\n'
    assert sorted(read(text), key=str) == [Label("a.png", "cat", "p"), Label("b.png", "dog")]
    assert caplog.messages == [f"{tmp_path / 'labels.csv'} repeats 3 line(s); each is read once"]


def test_lines_that_disagree_are_all_named_with_their_values(refusal):
    text = refusal(
        "image,label,group,split\na.png,cat,p,train\na.png,cat,p,train\nb.png,dog,p,train\n"
        "b.png,cat,p,validation\nb.png,dog,p,train\nb.png,ant,p,train\nc.png,ant,p,train\n"
        "d.png,ant,q,train\nd.png,ant,,train\n"
    )
    assert text.splitlines()[1:] == [
        "  - b.png is in lines that disagree: line 4 label 'dog' split 'train', "
        "line 5 label 'cat' split 'validation', line 7 label 'ant' split 'train'; keep one",
        "  - d.png is in lines that disagree: line 9 group 'q', line 10 group ''; keep one",
    ]


def test_two_spellings_of_one_name_are_one_name(refusal):
    text = refusal("image,label\né.png,cat\n" + unicodedata.normalize("NFD", "é.png,dog"))
    assert "é.png is in lines that disagree: line 2 label 'cat', line 3 label 'dog'" in text


ANNOTATED = (
    "image,label,group,annotator\n"
    "a.png,cat,p,eva\na.png,dog,p,bob\na.png,dog,p,jo\na.png,dog,p,jo\n"
    "b.png,cat,,eva\nb.png,dog,,bob\n"
    "c.png,dog,,\n"
)


def annotations(**labels):
    return tuple(Annotation(name, label) for name, label in labels.items())


def test_several_annotators_give_the_label_of_most_and_a_tie_gives_none(read, tmp_path):
    found = read(ANNOTATED)
    assert found == [
        Label("a.png", "dog", "p", annotations=annotations(bob="dog", eva="cat", jo="dog")),
        Label("b.png", "", annotations=annotations(bob="dog", eva="cat")),
        Label("c.png", "dog", annotations=(Annotation("", "dog"),)),
    ]
    assert class_names(found) == ["dog"]
    write_labels(tmp_path / "again.csv", found)
    assert read_labels(tmp_path / "again.csv") == found


def test_one_annotator_with_everything_reads_as_without(read):
    found = read("annotator,image,label\neva,a.png,cat\neva,b.png,dog\n")
    assert [(each.image, each.label) for each in found] == [("a.png", "cat"), ("b.png", "dog")]


def test_an_annotator_who_gives_two_labels_and_groups_that_differ_are_faults(refusal):
    text = refusal(
        "image,label,group,annotator\na.png,cat,,eva\na.png,dog,,eva\na.png,dog,,bob\n"
        "b.png,cat,p,eva\nb.png,dog,q,bob\nc.png,,,eva\nd.png,cat,,\nd.png,dog,,\n"
    )
    assert text.splitlines()[1:] == [
        "  - line 7 (c.png): the label is empty; fill it in or remove the line",
        "  - a.png is in lines that disagree: line 2 annotator 'eva' label 'cat', line 3 annotator "
        "'eva' label 'dog'; keep one",
        "  - b.png is in lines that disagree: line 5 annotator 'eva' group 'p', line 6 annotator "
        "'bob' group 'q'; keep one",
        "  - d.png is in lines that disagree: line 8 annotator '' label 'cat', line 9 annotator "
        "'' label 'dog'; keep one",
    ]


def test_many_lines_without_an_image_are_no_contradiction(refusal):
    assert "disagree" not in refusal("image,label\n,cat\n,dog\n")


@pytest.mark.slow
def test_200_000_lines_are_read_in_seconds(read):
    """With a search through the lines before each line this would take hours."""
    content = "image,label,group\n" + "".join(
        f"folder/image_{n:06d}.jpg,class {n % 7},lesion {n // 3}\n" for n in range(200_000)
    )
    read("image,label\na.png,cat\n")  # pandas is imported
    start = time.process_time()
    labels = read(content)
    assert time.process_time() - start < 30  # 1.3 were measured
    assert labels[199_999] == Label("folder/image_199999.jpg", "class 2", "lesion 66666")


def test_many_faults_are_counted_after_the_twentieth(refusal):
    text = refusal("image,label\n" + "".join(f"{n}.png,\n" for n in range(25)))
    assert "has 25 fault(s)" in text
    assert text.splitlines()[-1] == "  ... and 5 more"


def workbook():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>" * 50)
        archive.writestr("xl/workbook.xml", "<workbook/>" * 50)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        "image,label\na.png,cat\n".encode("utf-16"),
        "image,label\né.png,cat\n".encode("latin-1"),
        b"",
        b'image,label\n"a.png,cat\n',
        workbook(),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
    ],
    ids=["utf-16", "latin-1", "empty", "open quote", "xlsx", "xls"],
)
def test_what_is_no_csv_is_refused_with_the_remedy(refusal, content):
    text = refusal(content)
    assert "labels.csv is not a table of comma-separated UTF-8 text (" in text
    assert "save a spreadsheet (Excel, OpenDocument) as CSV first" in text


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"^no file .*absent\.csv; expected a CSV table"):
        read_csv(tmp_path / "absent.csv")


def test_a_header_without_lines_holds_no_labels(read):
    assert read("image,label\n") == []


@pytest.mark.parametrize(
    "image",
    [
        "../a.png",
        "a/../../b.png",
        "/etc/a.png",
        "..\\a.png",
        "C:\\a.png",
        "C:/a.png",
        "..",
        "a/..",
        "a\n/../b",
    ],
)
def test_a_path_that_leaves_the_folder_is_seen(image):
    assert leads_outside(image)


@pytest.mark.parametrize(
    "image",
    [
        "a.png",
        "a/b.png",
        "..a.png",
        "a..b/c.png",
        ".",
        "12:30.png",
        "a:b/c.png",
        "~/a.png",
        "a/..b",
        "...",
        "C:a.png",
    ],
)
def test_a_path_that_stays_in_the_folder_is_seen(image):
    assert not leads_outside(image)


def test_written_labels_are_sorted_and_bear_only_the_columns_in_use(tmp_path):
    path = tmp_path / "labels.csv"
    write_labels(path, [DOG, CAT])
    assert path.read_bytes() == b"image,label\na.png,cat\nb.png,dog\n"
    write_labels(
        path, [Label("b.png", "dog", split="train"), Label("a.png", "cat", split="validation")]
    )
    assert path.read_bytes() == b"image,label,split\na.png,cat,validation\nb.png,dog,train\n"


def test_what_is_written_is_read_back(tmp_path):
    labels = [Label('a,"b" .png', "Äpfel, rot", "p, 1"), Label("猫.png", "NA", "")]
    write_labels(tmp_path / "labels.csv", labels)
    assert read_labels(tmp_path / "labels.csv") == labels


def test_how_the_queue_has_picked_an_image_is_read_and_written(read, tmp_path):
    labels = read("image,label,queue\na.png,cat,chosen\nb.png,dog,random\nc.png,dog,\n")
    assert [label.queue for label in labels] == ["chosen", "random", ""]
    write_labels(tmp_path / "written.csv", labels)
    assert read_labels(tmp_path / "written.csv") == labels


def test_another_value_of_the_queue_is_a_fault(refusal):
    fault = "line 2 (a.png): queue 'best', expected chosen or random, or nothing"
    assert fault in refusal("image,label,queue\na.png,cat,best\n")


@pytest.mark.parametrize("split", ["test", "validation"])
def test_a_chosen_image_in_a_split_that_is_measured_on_is_a_fault(refusal, split):
    text = f"image,label,split,queue\na.png,cat,{split},chosen\nb.png,dog,{split},random\n"
    assert f"line 2 (a.png): a chosen image in the split '{split}'" in refusal(text)
    assert "line 3" not in refusal(text)


def test_lines_of_an_image_that_disagree_on_the_queue_are_a_fault(refusal):
    assert "disagree" in refusal("image,label,queue\na.png,cat,chosen\na.png,cat,random\n")
