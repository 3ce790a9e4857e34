"""Tables of other programs: columns, files and classes as they are meant, or a stop that asks."""

from functools import partial

import pytest

from lradapt.data.importing.from_table import label_table
from lradapt.data.importing.table_columns import GivenColumns
from lradapt.data.labelled_image import Annotation
from lradapt.data.labelled_image import LabelledImage as Label
from lradapt.data.labels import write_labels
from lradapt.data.slice_columns import read_slices
from lradapt.errors import DataError

KEEP = " (an import keeps one with --keep-column NAME)"
AB, ABC = ["a.png", "b.png"], ["a.png", "b.png", "c.png"]


@pytest.fixture
def labelled(tmp_path):
    """A function: the labels that a table of this text gives files below `img`."""

    def read(text, files=ABC, encoding="utf-8", **options):
        folder = tmp_path / "img"
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
        content = text.replace("DIR", str(tmp_path)) if isinstance(text, str) else text
        (tmp_path / "t.csv").write_bytes(content.encode(encoding))
        return label_table(tmp_path / "t.csv", folder=folder, given=GivenColumns(**options))

    return read


@pytest.fixture
def refusal(labelled, tmp_path):
    def message(text, *args, **options):
        with pytest.raises(DataError) as caught:
            labelled(text, *args, **options)
        return str(caught.value).replace(str(tmp_path), "SRC")

    return message


def test_the_columns_of_the_project_are_found_by_their_names(labelled):
    text = (
        "image,label,group,side,split\n"
        "a.png,cat,p1,left,train\nb.png,dog,p2,right,test\nc.png,dog,p2,left,test\n"
    )
    expected = [
        Label("a.png", "cat", "p1", "train"),
        Label("b.png", "dog", "p2", "test"),
        Label("c.png", "dog", "p2", "test"),
    ]
    named = {"image": "image", "label": "label"}
    for options in ({}, named):
        found = labelled(text, **options)
        assert found.labels == expected
        assert found.notes == (
            "columns: image 'image', class 'label', group 'group', split 'split'; "
            "'test' is test, 'train' is train",
            f"columns left out: side{KEEP}",
        )


@pytest.mark.parametrize(
    "header",
    ["file,dx", "Image,Label", "IMAGE_ID,Class", "filename,Category", "image path,diagnosis"],
)
def test_image_and_class_are_found_by_their_names(labelled, header):
    found = labelled(f"{header}\na.png,cat\nb.png,dog\n")
    assert found.labels == [Label("a.png", "cat"), Label("b.png", "dog")]


def test_of_several_names_the_column_that_names_files_is_the_image(labelled):
    found = labelled("name,file,label\nBob,a.png,cat\nAnn,b.png,dog\n")
    assert [label.image for label in found.labels] == ["a.png", "b.png"]


def test_a_column_of_an_option_may_be_written_in_other_letters(labelled):
    found = labelled("Image,Class Name\na.png,cat\n", image="image", label="class_name")
    assert found.labels == [Label("a.png", "cat")]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("foo,label", "which column has the file names? Give --image-column; its columns are"),
        ("image,foo", "which column has the class? Give --label-column"),
        ("image,class,category", "'class', 'category' can be the column of the class; choose one"),
    ],
)
def test_a_column_that_no_name_tells_is_asked_for(refusal, header, message):
    cells = ",".join(["x"] * (header.count(",") - 1) + ["y"])
    assert message in refusal(f"{header}\na.png,{cells}\n")


@pytest.mark.parametrize(
    "column",
    [
        *("patient", "patient_id", "PatientID", "Patient ID", "patientid", "subject", "lesion_id"),
        *("LesionID", "participant_no", "anon_patient_id", "case_id", "animal_id", "group", "pid"),
    ],
)
def test_a_patient_is_known_by_the_name_of_its_column(labelled, column):
    found = labelled(f"image,label,{column}\na.png,cat,7\nb.png,dog,07\nc.png,dog,7\n")
    assert [label.group for label in found.labels] == ["7", "07", "7"]


@pytest.mark.parametrize(
    "column",
    ["age_group", "patient_age", "lesion_type", "num_lesions", "subject_sex", "person_count"],
)
def test_a_property_of_a_patient_is_no_patient(labelled, column):
    found = labelled(f"image,label,{column}\na.png,cat,1\nb.png,dog,2\nc.png,dog,1\n")
    assert {label.group for label in found.labels} == {""}
    assert f"columns left out: {column}{KEEP}" in found.notes


TWELVE = [f"{number:02d}.png" for number in range(12)]


def with_column(column, values):
    """A table of twelve images with one more column."""
    lines = (f"{name},{'cd'[n % 2]},{value}\n" for n, (name, value) in enumerate(values))
    return f"image,label,{column}\n" + "".join(lines)


def in_pairs(column, form="M{}"):
    return with_column(column, [(name, form.format(n // 2)) for n, name in enumerate(TWELVE)])


@pytest.mark.parametrize(
    "column",
    [
        *("case", "Slide", "video", "mouse_id", "plot_no", "hospital number"),
        *("Study Instance UID", "Patientennummer", "identity", "subjectnumber"),
    ],
)
def test_numbers_that_repeat_in_few_images_are_a_group(labelled, column):
    found = labelled(in_pairs(column), TWELVE)
    assert [label.group for label in found.labels] == [f"M{n // 2}" for n in range(12)]
    assert any(f"group {column!r}" in note for note in found.notes)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("case", [["control", "treated"][n % 2] for n in range(12)]),
        ("tumor", [f"grade {n % 4}" for n in range(12)]),
        ("wound", [["burn", "cut", "graze", "bite", "bruise", "stab"][n % 6] for n in range(12)]),
        ("mouse_id", [f"M{n}" for n in range(12)]),
        ("camera_id", [f"C{n % 2}" for n in range(12)]),
        ("frame_no", [n // 2 for n in range(12)]),
        ("class_id", [n // 2 for n in range(12)]),
        ("weight", [n // 2 for n in range(12)]),
    ],
)
def test_other_columns_are_no_group(labelled, column, values):
    found = labelled(with_column(column, list(zip(TWELVE, values, strict=True))), TWELVE)
    assert {label.group for label in found.labels} == {""}
    assert f"columns left out: {column}{KEEP}" in found.notes


def test_a_camera_of_many_images_is_no_group(labelled):
    many = [f"{number:03d}.png" for number in range(120)]
    text = with_column("camera_id", [(name, f"C{n % 5}") for n, name in enumerate(many)])
    assert {label.group for label in labelled(text, many).labels} == {""}


@pytest.mark.parametrize(
    ("column", "values"),
    [("for_training", ("yes", "no")), ("use_for_test", ("0", "1")), ("set", ("train.v2", "test"))],
)
def test_a_split_is_known_by_further_names(labelled, column, values):
    found = labelled(f"image,label,{column}\na.png,cat,{values[0]}\nb.png,dog,{values[1]}\n", AB)
    assert [label.split for label in found.labels] == ["train", "test"]


@pytest.mark.parametrize(
    ("column", "values"), [("set", ("dev", "eval")), ("cv", ("0", "1")), ("kfold", ("1", "2"))]
)
def test_splits_without_train_stop(refusal, column, values):
    text = refusal(f"image,label,{column}\na.png,cat,{values[0]}\nb.png,dog,{values[1]}\n")
    assert f"the column {column!r} looks like a split, but its values {values[0]!r}" in text


PATIENTS = (
    "image,label,patient_id,lesion_id\na.png,cat,1,x\nb.png,dog,1,y\nc.png,dog,2,z\nd.png,dog,2,z\n"
)
ABCD = [*ABC, "d.png"]


def test_of_nested_groups_the_one_that_keeps_all_together_is_taken(labelled):
    found = labelled(PATIENTS, ABCD)
    assert [label.group for label in found.labels] == ["1", "1", "2", "2"]


def test_a_patient_that_would_be_in_two_splits_stops(refusal, labelled):
    text = refusal(PATIENTS, ABCD, group="lesion_id")
    assert "images of one patient or lesion must be in one split" in text
    assert (
        "- 'patient_id' joins images of different 'lesion_id': --group-column patient_id, or "
        "--ignore-column patient_id" in text
    )
    found = labelled(PATIENTS, ABCD, group="lesion_id", ignored=["patient_id"])
    assert [label.group for label in found.labels] == ["x", "y", "z", "z"]
    assert labelled(PATIENTS, ABCD, group="patient_id").labels[0].group == "1"


def test_groups_that_cross_are_asked_for(refusal):
    text = refusal("image,label,patient,donor\na.png,x,1,p\nb.png,x,1,q\nc.png,y,2,q\n")
    assert text.splitlines()[1:] == ["  - --group-column patient", "  - --group-column donor"]


SPLIT_COLUMNS = {
    "split": "train test train",
    "set": "Training Testing Training",
    "Usage": "Training PublicTest PrivateTest",
    "dataset": "train_set test_set train_set",
    "phase": "train dev dev",
    "is_test": "0 1 0",
    "is_train": "True False True",
    "partition": "trn tst trn",
}


@pytest.mark.parametrize("column", SPLIT_COLUMNS)
def test_a_split_is_known_by_name_or_values_and_kept(labelled, column):
    cells = SPLIT_COLUMNS[column].split()
    lines = [f"{image},cat,{cell}" for image, cell in zip(ABC, cells, strict=True)]
    found = labelled(f"image,label,{column}\n" + "\n".join(lines))
    third = "test" if column in ("Usage", "phase") else "train"
    assert [label.split for label in found.labels] == ["train", "test", third]


def test_with_a_test_set_val_and_dev_are_the_validation_split(labelled):
    text = "image,label,split\na.png,x,train\nb.png,x,val\nc.png,y,test\n"
    splits = ["train", "validation", "test"]
    assert [label.split for label in labelled(text).labels] == splits
    assert [label.split for label in labelled(text.replace("val", "dev")).labels] == splits


FOLDS = "image,label,fold\na.png,x,0\nb.png,x,1\nc.png,y,2\n"


@pytest.mark.parametrize("column", ["split", "Splits", "subset", "partition_no"])
def test_a_column_with_the_name_of_a_split_stops_whatever_its_values(refusal, column):
    text = refusal(FOLDS.replace("fold", column))
    assert f"the column {column!r} looks like a split, but its values '0', '1', '2'" in text


def test_a_split_whose_values_say_nothing_stops_with_the_options(refusal, labelled):
    text = refusal(FOLDS)
    assert "the column 'fold' looks like a split, but its values '0', '1', '2'" in text
    assert "--split-column fold --split 0=SPLIT --split 1=SPLIT --split 2=SPLIT" in text
    assert "(--ignore-column fold)" in text
    found = labelled(FOLDS, splits={"0": "train", "1": "train", "2": "test"})
    assert [label.split for label in found.labels] == ["train", "train", "test"]
    found = labelled(FOLDS, ignored=["fold"])
    assert [label.split for label in found.labels] == ["", "", ""]


def test_two_splits_that_disagree_are_asked_for(refusal, labelled):
    text = "image,label,split,set\na.png,x,train,test\nb.png,x,test,train\n"
    assert "'split', 'set' look like splits; choose one with --split-column" in refusal(text)
    found = labelled(text, split="set")
    assert [label.split for label in found.labels] == ["test", "train"]


def test_a_line_without_its_split_is_a_fault(refusal):
    text = refusal("image,label,split\na.png,x,train\nb.png,x,\nc.png,y,test\n")
    assert "- line 3 (b.png): the split '' is none of test, train" in text


def test_a_class_that_looks_like_a_split_stays_a_class(labelled):
    found = labelled("image,label\na.png,train\nb.png,test\n")
    assert found.labels == [Label("a.png", "train"), Label("b.png", "test")]


def test_class_names_stay_text(labelled):
    found = labelled("image,label\na.png,yes\nb.png,007\nc.png,12:30\n")
    assert [label.label for label in found.labels] == ["yes", "007", "12:30"]


DIFFERENCES = {
    "dot": ("./a.png ./b.png", AB),
    "back-slashes": ("x\\a.png x\\b.png", ["x/a.png", "x/b.png"]),
    "own folder": ("img/a.png img/b.png", AB),
    "own folder with back-slashes": ("img\\a.png .\\img\\b.png", AB),
    "own folder at times": ("img/a.png b.png", AB),
    "from the folder of the table": ("x/../img/a.png ./img/b.png", AB),
    "absolute": ("DIR/img/a.png DIR/img/b.png", AB),
    "absolute at times": ("DIR/img/a.png b.png", AB),
    "absolute of another machine": ("/home/bob/data/a.png /home/bob/data/b.png", AB),
    "absolute of Windows": ("C:\\data\\a.png C:\\data\\b.png", AB),
    "own folder in capitals": ("IMG\\A.PNG IMG\\B.PNG", AB),
    "capitals on another machine": ("D:\\X\\A.PNG D:\\X\\B.PNG", AB),
    "file address": ("file://DIR/img/a.png a.png", ["a.png", "b.png"]),
    "capitals": ("a.PNG B.png", AB),
    "another ending": ("a.jpg b.jpeg", AB),
    "without an ending": ("a b", AB),
    "in a folder": ("a.png b", ["x/a.png", "y/b.png"]),
    "numbers": ("1 2.0", ["0001.png", "0002.png"]),
}


@pytest.mark.parametrize("case", DIFFERENCES)
def test_a_file_is_found_where_exactly_one_can_be_meant(labelled, case):
    cells, files = DIFFERENCES[case]
    one, two = cells.split(" ")
    second = "cat" if case == "file address" else "dog"
    found = labelled(f"image,label\n{one},cat\n{two},{second}\n", files)
    expected = files[:1] if case == "file address" else files
    assert [label.image for label in found.labels] == expected


def test_what_was_found_is_reported_once_with_the_count(labelled):
    found = labelled("image,label\na.PNG,cat\nB.png,dog\nC.PNG,dog\n")
    (note,) = found.notes[1:]
    assert note == (
        "3 image(s) found although their names differ (upper and lower case differ), such as "
        "a.PNG -> a.png"
    )


def test_the_folders_of_another_machine_are_left_only_where_all_lines_have_them(refusal):
    text = refusal("image,label\n/home/bob/a.png,cat\n/home/eve/b.png,dog\n")
    assert text.count("the path leads outside the images folder") == 2


def test_names_of_another_split_are_not_those_of_this_folder(refusal):
    text = refusal("image,label\ntrain/a.png,cat\ntrain/b.png,dog\n")
    assert "- line 2 (train/a.png): no such file in SRC/img; the nearest is a.png" in text


@pytest.mark.parametrize(("one", "two"), [("a.1", "a.2"), ("a.1", "a.1.5")])
def test_a_dot_within_a_name_begins_no_ending(refusal, labelled, one, two):
    text = f"image,label\n{one},cat\n{two},dog\n"
    assert refusal(text, ["a.png", "b.png"]).count("no such file") == 2
    found = labelled(text, [f"{one}.png", f"{two}.jpg"])
    assert [label.image for label in found.labels] == [f"{one}.png", f"{two}.jpg"]


@pytest.mark.parametrize("cell", [".", "./"])
def test_a_dot_alone_is_no_such_file(refusal, cell):
    text = refusal(f"image,label\na.png,cat\n{cell},dog\n")
    assert f"- line 3 ({cell}): no such file in SRC/img" in text


@pytest.mark.parametrize(("one", "two"), [("a.jpg", "a.tif"), ("a.jpg", "a.png")])
def test_two_names_that_differ_are_not_one_file(refusal, one, two):
    text = refusal(f"image,label\n{one},cat\n{two},cat\n")
    assert text.splitlines()[1:] == [
        f"  - a.png is the only file that fits {one}, {two}; name each image as its file is named"
    ]


@pytest.mark.parametrize("cell", ["A.png", "a"])
def test_two_files_that_can_be_meant_are_both_named(refusal, cell):
    text = refusal(f"image,label\n{cell},cat\n", ["x/a.png", "y/a.png"])
    assert f"- line 2 ({cell}): several files fit: x/a.png, y/a.png" in text


def test_a_missing_file_is_named_with_the_nearest_and_the_options(refusal):
    text = refusal("image,label\ncat_17.png,cat\nb.png,dog\n", ["cat_71.png", "b.png"])
    assert text.splitlines() == [
        "SRC/t.csv has 1 fault(s) in 2 lines; correct or remove them (or is --images another "
        "folder, or --image-column another than 'image'?):",
        "  - line 2 (cat_17.png): no such file in SRC/img; the nearest is cat_71.png",
    ]


def test_many_missing_files_are_reported_without_a_search_for_each(refusal):
    lines = "".join(f"missing_{n}.jpg,cat\n" for n in range(3000))
    text = refusal("image,label\n" + lines, [f"there_{n}.png" for n in range(500)])
    assert text.splitlines()[-1] == "  ... and 2980 more"
    assert text.count("the nearest is") <= 5


@pytest.mark.parametrize(
    ("separator", "words"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")]
)
def test_the_separator_is_found(labelled, separator, words):
    text = "image,label,note\na.png,cat,x\nb.png,dog,\n".replace(",", separator)
    found = labelled(text)
    assert found.labels == [Label("a.png", "cat"), Label("b.png", "dog")]
    assert f"t.csv has {words} between its columns" in found.notes


@pytest.mark.parametrize("first", ["sep=;\n", "sep=;\r\n", '"sep=;"\n', "SEP=; \n"])
def test_a_line_with_the_separator_before_the_header_is_read(labelled, refusal, first):
    found = labelled(first + "image;label\na.png;cat\nb.png;dog\n")
    assert found.labels == [Label("a.png", "cat"), Label("b.png", "dog")]
    assert "t.csv has semicolons between its columns" in found.notes
    assert "line 4 (gone.png): no such file" in refusal(
        first + "image;label\na.png;cat\ngone.png;dog\n"
    )


def test_a_separator_of_its_own_is_read(labelled):
    found = labelled("sep=^\nimage^label\na.png^cat\nb.png^dog\n")
    assert found.labels == [Label("a.png", "cat"), Label("b.png", "dog")]
    assert "t.csv has '^' between its columns" in found.notes


@pytest.mark.parametrize(
    "text", ["a.png,cat\nb.png,dog\n", "cat;./a.png\ndog;./b.png\n", "a,cat\nb,dog\n"]
)
def test_a_table_without_a_header_is_refused_as_one(refusal, text):
    assert "SRC/t.csv has no header: its first line names the image" in refusal(text)


def test_a_header_may_be_the_name_of_a_file(labelled):
    files = ["image.png", "label.png"]
    found = labelled("image,label\nimage.png,cat\nlabel.png,dog\n", files)
    assert found.labels == [Label("image.png", "cat"), Label("label.png", "dog")]


def test_a_decimal_comma_is_no_separator(labelled):
    found = labelled("image;label;size\na.png;cat;1,5\nb.png;dog;2,5\n")
    assert found.labels == [Label("a.png", "cat"), Label("b.png", "dog")]


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16-LE"),
        ("utf-16-be", "UTF-16-BE"),
        ("latin-1", "Windows-1252 (Latin-1): check its accents"),
    ],
)
def test_the_encoding_is_found(labelled, encoding, words):
    found = labelled("image,label\na.png,Käse\nb.png,Brot\n", encoding=encoding)
    assert found.labels == [Label("a.png", "Käse"), Label("b.png", "Brot")]
    assert f"t.csv is not UTF-8; read as {words}" in found.notes


ONE_HOT = "image,MEL,NV,BCC\na,1.0,0.0,0.0\nb,0.0,1.0,0.0\n"


def test_one_column_for_each_class_is_read(labelled):
    assert labelled(ONE_HOT).labels == [Label("a.png", "MEL"), Label("b.png", "NV")]


def test_one_column_for_each_class_can_be_named(labelled):
    text = ONE_HOT.replace("BCC", "augmented")
    found = labelled(text, label="MEL,NV")
    assert [label.label for label in found.labels] == ["MEL", "NV"]


def test_a_line_of_two_classes_or_none_is_a_fault(refusal):
    text = "image,MEL,NV\na,1,1\nb,0,1\nc,0,0\n"
    assert "which column has the class?" in refusal(text)
    assert refusal(text, label="MEL,NV").splitlines()[1:] == [
        "  - line 2 (a): has 2 classes: MEL, NV",
        "  - line 4 (c): has no label",
    ]


def test_a_repeated_line_is_read_once_with_the_count(labelled):
    found = labelled("image,label,x\na.png,cat,1\n./a.png,cat,2\nb.png,dog,3\nb.png,dog,3\n")
    assert found.labels == [Label("a.png", "cat"), Label("b.png", "dog")]
    assert "2 line(s) are repeated; each is read once" in found.notes


def test_lines_of_one_file_that_disagree_are_a_fault(refusal):
    text = refusal("image,label\na.png,cat\n./a.png,dog\n")
    assert "- a.png is in lines that disagree: line 2 label 'cat', line 3 label 'dog'" in text


def test_a_control_character_in_a_class_is_refused_with_its_line(refusal):
    text = refusal('image,label\na.png,"c\x1b[31mat"\nb.png,"do\ng"\n')
    assert text.splitlines()[1:] == [
        r"  - line 2 (a.png): the class name 'c\x1b[31mat' has control characters (\x1b); "
        "rename the class",
        r"  - line 3 (b.png): the class name 'do\ng' has control characters (\n); rename the class",
    ]


def test_a_control_character_in_a_group_is_refused_with_its_line(refusal):
    text = refusal('image,label,group\na.png,cat,"p\r1"\nb.png,dog,p2\n')
    assert text.splitlines()[1:] == [
        r"  - line 2 (a.png): the group 'p\r1' has control characters (\r); rename the group"
    ]


def test_a_workbook_is_no_table(refusal):
    text = refusal("PK\x03\x04\x00\x00\xff", encoding="latin-1")
    assert "save a spreadsheet (Excel, OpenDocument) as CSV first" in text


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match=r"^no file .*absent\.csv; expected a table"):
        partial(label_table, folder=tmp_path)(tmp_path / "absent.csv")


ANNOTATED = "image,label,Rater_ID\na.png,cat,1\na.png,dog,2\na.png,dog,3\nb.png,cat,1\n"


def test_a_column_of_annotators_allows_a_line_of_each(labelled, refusal):
    found = labelled(ANNOTATED)
    said = (Annotation("1", "cat"), Annotation("2", "dog"), Annotation("3", "dog"))
    assert found.labels == [
        Label("a.png", "dog", annotations=said),
        Label("b.png", "cat", annotations=(Annotation("1", "cat"),)),
    ]
    assert found.notes == (
        "columns: image 'image', class 'label', annotator 'Rater_ID'",
        "3 annotators; 1 image(s) have several of them",
    )
    assert labelled(ANNOTATED.replace("Rater_ID", "who"), annotator="who").labels == found.labels
    assert "in lines that disagree" in refusal(ANNOTATED, ignored=["Rater_ID"])
    assert "in lines that disagree" in refusal(ANNOTATED.replace(",2", ",1"))


def test_annotators_of_whom_each_image_has_one_are_left_out(labelled):
    text = "image,label,annotator\na.png,cat,1\nb.png,dog,2\n"
    assert labelled(text).labels == [Label("a.png", "cat"), Label("b.png", "dog")]


def test_two_columns_of_annotators_ask_for_an_option(refusal):
    text = "image,label,annotator,rater\na.png,cat,1,2\n"
    assert refusal(text).endswith(
        "'annotator', 'rater' can be the column of the annotator; choose one with "
        "--annotator-column"
    )


def test_kept_columns_become_slices_in_labels_csv(labelled, tmp_path):
    text = "image,label,Site Name,camera,age\na.png,cat,A,x,3\nb.png,dog,B,,4\n"
    found = labelled(text, files=AB, kept=["site_name", "camera"])
    assert "columns left out: age (an import keeps one with --keep-column NAME)" in found.notes
    write_labels(tmp_path / "labels.csv", found.labels)
    written = (tmp_path / "labels.csv").read_text()
    assert written == "image,label,Site Name,camera\na.png,cat,A,x\nb.png,dog,B,\n"
    slices = read_slices(tmp_path / "labels.csv", ["camera"], ["b.png", "a.png"])
    assert slices == {"camera": ["", "x"]}


def test_values_of_a_kept_column_in_two_spellings_are_told(labelled):
    lines = ["a.png,cat,M,1", "b.png,dog,m,1.0", "c.png,dog,M ,2", "d.png,cat,f,2"]
    found = labelled("\n".join(["image,label,sex,site", *lines]), files=ABCD, kept=["sex", "site"])
    assert found.notes[-2:] == (
        "1 value(s) of 'sex' may be other spellings of a value, and are slices of their own: "
        "'m' (1) may be 'M' (2). If they are one value, write it in one way",
        "1 value(s) of 'site' may be other spellings of a value, and are slices of their own: "
        "'1.0' (1) may be '1' (1). If they are one value, write it in one way",
    )


def test_lines_of_one_image_with_different_slices_are_a_fault(refusal):
    text = "image,label,site\na.png,cat,A\na.png,cat,B\nb.png,dog,A\n"
    assert "line 2 site 'A', line 3 site 'B'" in refusal(text, kept=["site"])


def test_annotators_of_one_image_keep_its_slice(labelled, tmp_path):
    text = "image,label,annotator,site\na.png,cat,x,A\na.png,dog,y,A\nb.png,dog,x,B\n"
    write_labels(tmp_path / "labels.csv", labelled(text, AB, kept=["site"]).labels)
    lines = (tmp_path / "labels.csv").read_text().splitlines()
    assert lines[1:3] == ["a.png,cat,x,A", "a.png,dog,y,A"]


@pytest.mark.parametrize(("column", "word"), [("sex", "no column 'sex'"), ("group", "rename")])
def test_a_column_that_cannot_be_kept_is_refused(refusal, column, word):
    text = "image,label,group\na.png,cat,1\nb.png,dog,2\n"
    assert word in refusal(text, files=AB, kept=[column])
