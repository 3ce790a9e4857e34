"""`lradapt check` finds what the stages would find; its page shows the images."""

import io
import json
import re
import tarfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from odd_files import photo, with_alpha
from PIL import Image
from typer.testing import CliRunner

from lradapt.cli import app, exit_codes
from lradapt.config.params import load_params
from lradapt.data.checks.findings import by_kind
from lradapt.data.folder_check import check_folder
from lradapt.data.images.decode import Preprocessing
from lradapt.data.importing.from_folder import label_folder
from lradapt.data.importing.from_table import label_table
from lradapt.data.importing.table_columns import GivenColumns
from lradapt.data.labelled_image import LabelledImage as Label
from lradapt.data.labels import read_labels
from lradapt.errors import DataError
from lradapt.reporting.check_page import render
from lradapt.stages import ingest as ingest_stage
from lradapt.stages import split as split_stage

ROOT = Path(__file__).parents[4]
RULES = load_params(ROOT / "params.yaml").check.rules
HOW = Preprocessing(input_size=16, max_megapixels=1)
SHARES = {"train_per_test": 5, "validation_share": 0.1}
ORIENTATION = 0x0112  # of EXIF
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"


@pytest.fixture
def project(tmp_path, monkeypatch, random_image):
    """A project of eight good pictures; commands run in it."""
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.chdir(tmp_path)
    images = tmp_path / "data/images"
    for seed in range(8):
        path = images / f"{'cat' if seed < 4 else 'dog'}/{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        random_image(seed).save(path)
    label(*(f"{path.parent.name}/{path.name},{path.parent.name}" for path in images.rglob("*.png")))
    return tmp_path


def label(*lines):
    Path("data/labels.csv").write_text("\n".join(["image,label", *sorted(lines)]) + "\n")


def make_dirty(random_image):
    """Add eight faults."""
    images = Path("data/images")
    (images / "cat/a<b>.jpg").write_text("no picture")
    (images / "cat/[b]lfs.jpg").write_text(LFS)
    random_image(1).save(images / "cat/name.jpg", "PNG")  # also a duplicate of cat/1.png
    random_image(5).save(images / "cat/wrong.png")  # a duplicate of dog/5.png
    random_image(20, (3, 3)).save(images / "dog/tiny.png")
    random_image(21).save(images / "dog/unlabelled.png")
    label(
        *Path("data/labels.csv").read_text().splitlines()[1:],
        *("cat/a<b>.jpg,cat", "cat/[b]lfs.jpg,cat", "cat/name.jpg,cat", "cat/wrong.png,cat"),
        *("dog/tiny.png,dog", "gone.png,emu"),
    )


def lradapt_check(*words):
    return CliRunner().invoke(app.app, ["check", *map(str, words)], catch_exceptions=False)


def checked_project(project):
    return check_folder(
        project / "data/images", read_labels(Path("data/labels.csv")), HOW, RULES, **SHARES
    )


def counts(findings):
    return {kind: len(found) for kind, found in by_kind(findings).items()}


DIRTY = {
    "undecodable": 1,
    "lfs_pointer": 1,
    "wrong_extension": 1,
    "tiny": 1,
    "label_without_image": 1,
    "image_without_label": 1,
    "two_labels": 1,
    "duplicate": 1,
}


def test_check_reports_what_the_stages_find(project, random_image):
    make_dirty(random_image)
    text = Path("params.yaml").read_text().replace("lfs_pointer: stop", "lfs_pointer: set_aside")
    Path("params.yaml").write_text(
        text.replace("label_without_image: stop", "label_without_image: set_aside")
    )
    reported = json.loads(lradapt_check("--json").output)["findings"]
    summary = split_summary()
    assert summary["findings"] == reported
    assert {found["kind"]: found["count"] for found in reported} == DIRTY
    assert Path("set_aside").read_text().splitlines() == [
        "image,kind,reason",
        'cat/[b]lfs.jpg,lfs_pointer,"a Git LFS pointer, not an image: run `git lfs pull`"',
        'cat/a<b>.jpg,undecodable,"not an image; expected JPEG, PNG, WEBP, TIFF, BMP, GIF, '
        'JPEG2000, PPM, TGA, AVIF"',
        'cat/wrong.png,two_labels,"the same pixels with two labels: cat/wrong.png (cat), '
        'dog/5.png (dog)"',
        'dog/5.png,two_labels,"the same pixels with two labels: cat/wrong.png (cat), '
        'dog/5.png (dog)"',
        "dog/tiny.png,tiny,3 x 3 pixels",
        "dog/unlabelled.png,image_without_label,no label",
    ]
    assert sum(summary["set_aside"].values()) == 6


def split_summary():
    """The summary of stage `split`, after `ingest`."""
    table, pixels = Path("images.csv"), Path("pixels.npy")
    ingest_stage.main(images=Path("data/images"), store=Path("store"), pixels=pixels, table=table)
    outs = {name: Path(name) for name in ("split", "set_aside", "summary")}
    split_stage.main(table=table, pixels=pixels, labels=Path("data/labels.csv"), **outs)
    return json.loads(outs["summary"].read_text())


def annotated(*lines):
    text = "\n".join(["image,label,annotator", *lines])
    Path("data/labels.csv").write_text(text + "\n")


@pytest.mark.parametrize("policy", ["set_aside", "stop"])
def test_an_image_on_which_annotators_are_tied_is_named_and_takes_no_part(project, policy):
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(
        text.replace("annotators_tie: set_aside", f"annotators_tie: {policy}")
    )
    good = [line for line in Path("data/labels.csv").read_text().split()[1:] if "cat/0" not in line]
    tied = [f"cat/0.png,{label},{who}" for label, who in (("dog", "eva"), ("cat", "bob"))]
    annotated(*(f"{line},eva" for line in good), *tied, "cat/1.png,dog,bob", "cat/1.png,cat,jo")
    done = lradapt_check("--json")
    found = json.loads(done.output)
    (tie,) = [each for each in found["findings"] if each["kind"] == "annotators_tie"]
    assert (tie["count"], tie["policy"], found["usable"]) == (1, policy, 7)
    assert tie["examples"] == [
        {"subject": "cat/0.png", "detail": "cat (bob), dog (eva)", "beside": []}
    ]
    assert done.exit_code == (exit_codes.DATA_FAULTS if policy == "stop" else 0)
    if policy == "set_aside":
        assert split_summary()["annotators"] == {
            "annotators": 3,
            "images": 2,
            "ties": 1,
            "agreement": pytest.approx(1 / 6),
            "kappa": pytest.approx((1 / 6 - 0.52) / 0.48),
            "kappa_of": "Fleiss'",
            "each": [
                {"annotator": "bob", "images": 1, "against_majority": 1},
                {"annotator": "eva", "images": 1, "against_majority": 0},
                {"annotator": "jo", "images": 1, "against_majority": 0},
            ],
        }
    tied.append("cat/0.png,cat,jo")
    annotated(*(f"{line},eva" for line in good), *tied)
    assert json.loads(lradapt_check("--json").output)["usable"] == 8


def test_a_class_that_brightness_gives_away_and_dark_or_blurred_images_are_named(
    project, random_image
):
    images = Path("data/images")
    lines = Path("data/labels.csv").read_text().split()[1:]
    for seed in range(20, 36):
        name, scale = ("cat", 0.6) if seed % 2 else ("dog", 1)
        random_image(seed).point(lambda grey, by=scale: int(grey * by)).save(
            images / name / f"{seed}.png"
        )
        lines.append(f"{name}/{seed}.png,{name}")
    random_image(1).point(lambda grey: grey // 4).save(images / "cat/1.png")
    random_image(5, (2, 2)).resize((32, 32), Image.Resampling.BICUBIC).save(images / "dog/5.png")
    label(*lines)
    found = {each["kind"]: each for each in json.loads(lradapt_check("--json").output)["findings"]}
    assert found.keys() == {"dark", "blurred", "spurious_cue"}
    assert [each["subject"] for each in found["dark"]["examples"]] == ["cat/1.png"]
    assert [each["subject"] for each in found["blurred"]["examples"]] == ["dog/5.png"]
    cues = [(each["subject"], each["detail"][:15]) for each in found["spurious_cue"]["examples"]]
    assert ("cat", "its brightness ") in cues
    summary = split_summary()
    assert {each["kind"] for each in summary["findings"]} == found.keys()
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("spurious_cue: keep", "spurious_cue: stop"))
    assert lradapt_check().exit_code == exit_codes.DATA_FAULTS


def test_the_table_names_count_policy_example_and_remedy(project, random_image):
    make_dirty(random_image)
    done = lradapt_check()
    words = " ".join(re.sub(r"[│┃┏┓┗┛━─┡┩┳╇┷└┘┴]", " ", done.output).split())
    assert done.exit_code == exit_codes.DATA_FAULTS
    assert "run `git lfs pull` where the files come from" in words
    assert "[b]lfs.jpg" in words  # a name in brackets is a name, not markup
    assert "14 files, 8 usable" in words
    assert "correct the problems with the policy stop" in words


def test_before_an_import_the_message_names_the_command(project):
    (project / "data/labels.csv").unlink()
    with pytest.raises(DataError, match=r"no data/labels\.csv: import images and labels with"):
        lradapt_check()


def test_a_clean_set_ends_with_exit_code_0_and_a_message(project):
    done = lradapt_check()
    assert (done.exit_code, done.output) == (0, "8 files, 8 usable; no problem was found\n")


REFUSED = {
    "one class": [f"{f}.png,owl" for f in ("cat/0", "cat/1", "dog/4", "dog/5")],
    "one image a class": ["cat/0.png,cat", "dog/4.png,dog"],
    "one line": ["cat/0.png,cat"],
    "no test split": [f"{f},train" for f in ("cat/0.png,cat", "cat/1.png,cat", "dog/4.png,dog")],
    "all labels are of nothing": ["cat/x.png,cat", "cat/y.png,cat", "dog/z.png,dog"],
}


@pytest.mark.parametrize("case", REFUSED)
def test_check_and_the_stage_refuse_the_same(project, case):
    lines = REFUSED[case]
    label(*lines)
    if lines[0].endswith(",train"):
        Path("data/labels.csv").write_text("\n".join(["image,label,split", *lines]) + "\n")
    done = lradapt_check("--json")
    reported = json.loads(done.output)
    assert (done.exit_code, reported["stops"]) == (exit_codes.DATA_FAULTS, True)
    table, pixels = Path("images.csv"), Path("pixels.npy")
    ingest_stage.main(images=Path("data/images"), store=Path("store"), pixels=pixels, table=table)
    outs = {name: Path(name) for name in ("split", "set_aside", "summary")}
    with pytest.raises(DataError) as caught:
        split_stage.main(table=table, pixels=pixels, labels=Path("data/labels.csv"), **outs)
    assert str(caught.value) == reported["refusal"]
    assert f"a training would be refused: {reported['refusal']}" in lradapt_check().output


def test_what_was_set_aside_has_no_formula(project, random_image):
    random_image(30).save(Path("data/images/=1+1.png"))
    table, pixels = Path("images.csv"), Path("pixels.npy")
    ingest_stage.main(images=Path("data/images"), store=Path("store"), pixels=pixels, table=table)
    outs = {name: Path(name) for name in ("split", "set_aside", "summary")}
    split_stage.main(table=table, pixels=pixels, labels=Path("data/labels.csv"), **outs)
    lines = Path("set_aside").read_text().splitlines()[1:]
    assert lines == ["'=1+1.png,image_without_label,no label"]


def test_a_control_character_in_the_name_of_a_file_stops_the_check_with_the_name(
    project, random_image
):
    random_image(30).save(Path("data/images/a\x1b[31m.png"))
    with pytest.raises(DataError, match=r"the file name 'a\\x1b\[31m\.png' has control characters"):
        checked_project(project)


def test_the_page_says_that_a_training_is_refused(project):
    label("cat/0.png,cat", "dog/4.png,dog")
    lradapt_check("--html", "page.html")
    page = Path("page.html").read_text()
    assert "A training is refused." in page
    assert "no image in the test split" in page


def test_json_names_kind_count_policy_remedy_and_examples(project, random_image):
    make_dirty(random_image)
    done = lradapt_check("--json")
    reported = json.loads(done.output)
    numbers = [reported[key] for key in ("images", "usable", "stops")]
    assert (done.exit_code, numbers) == (3, [14, 8, True])
    by_name = {found["kind"]: found for found in reported["findings"]}
    assert by_name["duplicate"] == {
        "kind": "duplicate",
        "title": "identical images",
        "count": 1,
        "policy": "keep",
        "remedy": "remove the copies",
        "examples": [
            {
                "subject": "cat/name.jpg",
                "detail": "the same pixels as cat/1.png",
                "beside": ["cat/1.png"],
            }
        ],
    }


def test_a_folder_is_checked_before_it_is_imported(project, random_image, tmp_path):
    source = tmp_path / "source"
    names = ("cat/1.png", "dog/1.png", "dog/.ipynb_checkpoints/1.png", "loose.png")
    for seed, name in enumerate(names):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        random_image(seed).save(source / name)
    reported = json.loads(lradapt_check("--folder", source, "--json").output)
    kinds = {found["kind"]: found["count"] for found in reported["findings"]}
    assert kinds == {"hidden": 1, "image_without_label": 1, "few_groups": 2}


def test_a_table_is_checked_before_it_is_imported(project, random_image, tmp_path):
    (tmp_path / "pictures").mkdir()
    for seed in range(4):
        random_image(seed // 2).save(tmp_path / f"pictures/{seed}.png")
    lines = ["id,dx,lesion", "0,nv,a", "1,nv,b", "2,mel,c", "3,mel,c"]
    (tmp_path / "meta.csv").write_text("\n".join(lines) + "\n")
    columns = ("--image-column", "id", "--label-column", "dx", "--group-column", "lesion")
    done = lradapt_check(
        "--table", tmp_path / "meta.csv", "--images", tmp_path / "pictures", *columns, "--json"
    )
    kinds = {found["kind"]: found["count"] for found in json.loads(done.output)["findings"]}
    assert kinds == {"two_groups": 1, "duplicate": 2, "few_groups": 2}


@pytest.mark.parametrize(
    "words",
    [
        ("--folder", "a", "--table", "b"),
        ("--folder", "a", "--images", "b"),
        ("--table", "b"),
        ("--images", "c"),
        ("--html", "."),
    ],
)
def test_half_an_option_and_options_that_exclude_each_other_are_wrong_usage(project, words):
    assert lradapt_check(*words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "unsuitable"),
    [
        (("--label-column", "dx", "--ignore-column", "id"), "--label-column, --ignore-column"),
        (("--split", "old=train"), "--split"),
        (("--layout", "any/class"), "--layout"),
        (("--folder", "a", "--group-column", "lesion"), "--group-column"),
        (("--table", "b", "--images", "c", "--layout", "any/class"), "--layout"),
    ],
)
def test_an_option_of_another_source_is_refused(project, words, unsuitable):
    done = lradapt_check(*words)
    assert done.exit_code == 2
    assert f"{unsuitable}: only with --" in done.output


def test_only_the_page_is_written(project, random_image, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = sorted(tmp_path.rglob("*"))
    lradapt_check("--html", "page.html")
    assert sorted(set(tmp_path.rglob("*")) - set(before)) == [tmp_path / "page.html"]


def test_the_page_holds_everything_and_escapes_names(project, random_image):
    make_dirty(random_image)
    lradapt_check("--html", "page.html")
    page = Path("page.html").read_text()
    assert "cat/a&lt;b&gt;.jpg" in page
    assert "a<b>" not in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "with the policy <code>stop</code> must be corrected first" in page


def test_the_page_shows_duplicates_side_by_side(project, random_image):
    make_dirty(random_image)
    checked = checked_project(project)
    page = render(checked, project / "data/images", max_megapixels=1)
    figures = re.findall(r"<figure>(.*?)</figure>", page, re.DOTALL)
    alike = [figure for figure in figures if "same pixels" in figure]
    duplicates = [re.findall(r'alt="(.*?)"', figure) for figure in alike]
    assert duplicates == [["cat/wrong.png", "dog/5.png"], ["cat/1.png", "cat/name.jpg"]]


def test_the_page_shows_no_picture_from_outside_the_folder(project, random_image, tmp_path):
    random_image(40).save(tmp_path / "secret.png")
    Path("data/images/cat/link.png").symlink_to(tmp_path / "secret.png")
    lradapt_check("--html", "page.html")
    page = Path("page.html").read_text()
    assert "cat/link.png: a link that leads outside the images folder" in page
    assert "<img" not in page


def test_the_page_shows_the_first_examples_and_their_number(project, random_image):
    for number in range(5):
        random_image(number, (3, 3)).save(f"data/images/cat/tiny{number}.png")
    checked = checked_project(project)
    page = render(checked, project / "data/images", max_megapixels=1, num_examples=2)
    assert page.count("pixels</figcaption>") == 2
    assert "The first 2:" in page
    assert '<h2 id="tiny">5 \N{MULTIPLICATION SIGN}' in page


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.shared
def test_cifar10_has_no_duplicates_and_ham10000_two_of_the_same_lesion(shared, tmp_path):
    sets = {name: unpacked(shared, name, tmp_path) for name in ("cifar10", "ham10000")}
    columns = GivenColumns("image_id", "dx", "lesion_id")
    found = {}
    for name, folder, labels in [
        ("cifar10", sets["cifar10"], label_folder(sets["cifar10"])),
        (
            "ham10000",
            sets["ham10000"] / "images",
            label_table(
                sets["ham10000"] / "metadata.csv", folder=sets["ham10000"] / "images", given=columns
            ),
        ),
    ]:
        checked = check_folder(folder, labels.labels, HOW, RULES, **SHARES)
        found[name] = (checked.num_images, counts(checked.findings), checked.findings)
    assert found["cifar10"][0] == 60_000
    looks = {"dark", "bright", "blurred"}
    assert set(found["cifar10"][1]) - looks == {"near_duplicate"}
    assert found["ham10000"][0] == 10_015
    assert found["ham10000"][1]["duplicate"] == 2
    assert "two_groups" not in found["ham10000"][1]
    duplicates = {(f.subject, *f.beside) for f in found["ham10000"][2] if f.kind == "duplicate"}
    assert duplicates == {
        ("ISIC_0029861.jpg", "ISIC_0024366.jpg"),
        ("ISIC_0029938.jpg", "ISIC_0024777.jpg"),
    }


@pytest.mark.slow
@pytest.mark.shared
def test_every_fault_made_from_images_of_ham10000_is_found(shared, tmp_path):
    folder = tmp_path / "images"
    names = some_of_ham10000(shared, folder, 12)
    labels = [
        Label(name, "nv" if number % 2 else "mel", f"g{number}")
        for number, name in enumerate(names)
    ]
    made = make_faults(folder, names)
    labels += [Label(name, label, group) for name, label, group in made if label]
    labels.append(Label("gone.jpg", "nv", ""))
    checked = check_folder(
        folder, labels, HOW, replace(RULES, near_correlation=0.96, min_side=8), **SHARES
    )
    reported = {(finding.kind, finding.subject) for finding in checked.findings}
    assert reported >= {
        ("truncated", "cut.jpg"),
        ("lfs_pointer", "pointer.jpg"),
        ("undecodable", "text.jpg"),
        ("hidden", ".ipynb_checkpoints/copy.jpg"),
        ("wrong_extension", "png.jpg"),
        ("tiny", "tiny.jpg"),
        ("odd_mode", "cmyk.jpg"),
        ("rotated", "turned.jpg"),
        ("image_without_label", "unlabelled.jpg"),
        ("label_without_image", "gone.jpg"),
        ("near_duplicate", "squeezed.jpg"),
        ("few_groups", "df"),
    }
    kinds = {kind for kind, _ in reported}
    assert {"two_labels", "two_groups"} <= kinds


def some_of_ham10000(shared, folder, count):
    """The first pictures of the archive, into `folder`; their names."""
    folder.mkdir()
    with tarfile.open(shared / "data/ham10000.tar.xz") as archive:
        members = (member for member in archive if member.name.endswith(".jpg"))
        for member in islice(members, count):
            (folder / Path(member.name).name).write_bytes(archive.extractfile(member).read())
    return sorted(path.name for path in folder.iterdir())


def make_faults(folder, names):
    """Files with a fault each beside the good ones: name, label ("" for none) and group."""
    whole = [(folder / name).read_bytes() for name in names]
    (folder / "cut.jpg").write_bytes(whole[0][: len(whole[0]) // 2])
    (folder / "pointer.jpg").write_text(LFS)
    (folder / "text.jpg").write_text("no picture")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints/copy.jpg").write_bytes(whole[0])
    (folder / "unlabelled.jpg").write_bytes(turned_about(whole[1]))
    (folder / "other_label.jpg").write_bytes(whole[2])  # of mel
    (folder / "other_group.jpg").write_bytes(whole[3])  # of nv, g3
    images = [Image.open(io.BytesIO(content)) for content in whole]
    images[4].save(folder / "png.jpg", "PNG")
    images[5].resize((6, 4)).save(folder / "tiny.jpg")
    images[6].rotate(180).convert("CMYK").save(folder / "cmyk.jpg")
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    images[7].save(folder / "turned.jpg", exif=exif)
    images[8].save(folder / "squeezed.jpg", quality=60)
    images[9].transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "alone.jpg")
    faulty = ("cut", "pointer", "text", "png", "tiny", "cmyk", "turned", "squeezed")
    return [
        *((f"{name}.jpg", "nv", f"of {name}") for name in faulty),
        ("other_label.jpg", "nv", "g2"),
        ("other_group.jpg", "nv", "another"),
        ("alone.jpg", "df", "alone"),
        ("unlabelled.jpg", "", ""),
    ]


def turned_about(content):
    """The same image upside down, as a file's bytes."""
    out = io.BytesIO()
    Image.open(io.BytesIO(content)).rotate(180).save(out, "JPEG")
    return out.getvalue()


def unpacked(shared, name, folder):
    with tarfile.open(shared / f"data/{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / name


def add(name, image, **options):
    path = Path("data/images", name)
    image.save(path, **options)
    label(*Path("data/labels.csv").read_text().splitlines()[1:], f"{name},{path.parent.name}")


def stack(seed):
    """A blank page, and one behind it that shows something."""
    return {"save_all": True, "append_images": [photo(20, 16, seed)]}


def test_blank_images_of_two_classes_are_set_aside_and_no_label_is_called_wrong(project):
    for seed, folder in enumerate(("cat", "cat", "dog", "dog")):
        add(f"{folder}/stack{seed}.tif", Image.new("RGB", (20, 16)), **stack(seed))
        add(f"{folder}/blank{seed}.gif", Image.new("RGB", (20, 16), "white"), **stack(seed))
        add(f"{folder}/clear{seed}.png", with_alpha(photo(20, 16, seed), 0))
    checked = checked_project(project)
    found = counts(checked.findings)
    assert found["blank"] == 8
    assert found["transparent"] == 4
    assert found["several_pages"] == 8
    assert "two_labels" not in found
    assert checked.num_usable == 8


def test_blank_images_of_one_class_are_kept(project):
    for number in range(3):
        add(f"cat/empty{number}.png", Image.new("RGB", (20, 16)))
    checked = checked_project(project)
    assert counts(checked.findings)["blank"] == 3
    assert checked.num_usable == 11


def test_the_check_says_how_many_images_of_a_kind_are_set_aside_where_others_are_used(project):
    for name in ("cat/white.png", "dog/white.png"):
        add(name, Image.new("RGB", (20, 16), "white"))
    add("cat/black.png", Image.new("RGB", (20, 16)))
    shown = lradapt_check("--html", "page.html").output
    assert "set_aside 2 of 3" in shown
    assert "11 files, 9 usable" in shown
    page = Path("page.html").read_text()
    assert "Set aside: 2 of 3; the others are used, as all" in page


def test_swatches_of_one_colour_for_each_class_are_used(project):
    add("cat/red.png", Image.new("RGB", (20, 16), "red"))
    add("dog/blue.png", Image.new("RGB", (20, 16), "blue"))
    assert checked_project(project).num_usable == 10


def test_blank_images_do_not_join_the_groups_of_patients(project):
    for name in ("cat/x.png", "cat/y.png"):
        add(name, Image.new("RGB", (20, 16)))
    lines = Path("data/labels.csv").read_text().splitlines()[1:]
    grouped = [f"{line},p{number}" for number, line in enumerate(lines)]
    Path("data/labels.csv").write_text("\n".join(["image,label,group", *grouped]) + "\n")
    checked = checked_project(project)
    assert "two_groups" not in counts(checked.findings)
    assert checked.num_usable == 8
