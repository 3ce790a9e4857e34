"""`doubtful_labels.csv` comes back as it was written."""

from lradapt.data.doubtful_table import DoubtfulLabel, read_doubtful, write_doubtful

ROWS = [
    DoubtfulLabel("猫/é.png", "Äpfel, rot", '"dog"', "validation", 0.1, 1 / 3, "patient\r\n1"),
    DoubtfulLabel("NA", "007", "7", "train", 1e-9, 1.0, ""),
    DoubtfulLabel("b.png", "dog", "NA", "test", 0.0, 0.5, "NA"),
]


def test_what_is_written_is_read_back_in_its_order(tmp_path):
    write_doubtful(tmp_path / "deep" / "doubtful_labels.csv", ROWS)
    assert read_doubtful(tmp_path / "deep" / "doubtful_labels.csv") == ROWS


def test_the_columns_are_the_ones_that_other_programs_read(tmp_path):
    write_doubtful(tmp_path / "doubtful_labels.csv", ROWS[2:])
    assert (tmp_path / "doubtful_labels.csv").read_bytes() == (
        b"image,label,proposed,split,label_probability,proposed_probability,group\n"
        b"b.png,dog,NA,test,0.0,0.5,NA\n"
    )


def test_a_table_without_rows_is_read(tmp_path):
    write_doubtful(tmp_path / "doubtful_labels.csv", [])
    assert read_doubtful(tmp_path / "doubtful_labels.csv") == []
