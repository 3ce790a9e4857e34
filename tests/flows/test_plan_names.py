"""The plan names classes that may be two spellings of one, and labels that are left out."""

import json

from flows import plan


def test_similar_names_are_in_the_plan_with_their_remedy(capsys):
    found = plan.Plan((), (), ["'Bear' (1) may be 'bear' (40)"])
    plan.show(found, as_data=False)
    output = capsys.readouterr().out
    expected = "similar names: 'Bear' (1) may be 'bear' (40); if they are one class, correct labels"
    assert expected in output
    plan.show(found, as_data=True)
    assert json.loads(capsys.readouterr().out)["similar_names"] == list(found.similar_names)


def test_without_similar_names_the_plan_is_silent(capsys):
    plan.show(plan.Plan((), ()), as_data=False)
    assert "similar" not in capsys.readouterr().out


def test_the_names_are_read_from_the_labels(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    lines = ["image,label", "a.png,Bear ", *(f"{n}.png,bear" for n in range(3))]
    (tmp_path / "data" / "labels.csv").write_text("\n".join(lines))

    class Paths:
        labels = tmp_path / "data" / "labels.csv"
        doubtful_summary = tmp_path / "none.json"

    monkeypatch.setattr(plan, "read_paths", Paths)
    monkeypatch.setattr(plan, "unversioned_sources", lambda *_: [])
    monkeypatch.setattr(plan.read_plan, "fn", lambda *_: [])
    monkeypatch.setattr(plan, "read_stages", list)
    assert plan.read("dvc.yaml").similar_names == ["'Bear' (1) may be 'bear' (3)"]


def test_what_is_left_out_of_the_training_is_in_the_plan(capsys):
    found = plan.Plan((), (), left_out="doubtful_labels: exclude: 3")
    plan.show(found, as_data=False)
    assert "doubtful_labels: exclude: 3" in capsys.readouterr().out
    plan.show(found, as_data=True)
    assert json.loads(capsys.readouterr().out)["left_out"] == found.left_out
