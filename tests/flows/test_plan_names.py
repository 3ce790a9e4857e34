"""The plan names the classes that may be two spellings of one."""

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

    monkeypatch.setattr(plan, "read_paths", Paths)
    monkeypatch.setattr(plan.graph, "unversioned_sources", lambda _: [])
    monkeypatch.setattr(plan.graph.read_plan, "fn", lambda _: [])
    assert plan.read("dvc.yaml").similar_names == ["'Bear' (1) may be 'bear' (3)"]
