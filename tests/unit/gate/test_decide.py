from dataclasses import replace

import pytest
from gate_verdicts import RULES, decided, images_of, model
from hypothesis import given, settings
from hypothesis import strategies as st

from lradapt.data.labelled_image import LabelledImage
from lradapt.gate.rejections import below_min_recall
from lradapt.gate.verdict import Candidate, Costs, Part, Sets

IMAGES = images_of(cat=200, dog=200)
POOR, FAIR, GOOD = ({"cat": n, "dog": n} for n in (100, 103, 150))


def test_a_clearly_better_model_is_promoted_with_its_figures_in_the_sentence():
    verdict = decided(IMAGES, model(IMAGES, POOR), model(IMAGES, GOOD), policy="superior")
    found = verdict.comparison
    assert verdict.decision == "promote"
    assert (found.images, found.champion, found.challenger) == (400, 0.5, 0.75)
    assert verdict.reason == (
        "superior (gate.policy superior): balanced accuracy 75.00% against 50.00% in production, "
        f"+25.00 points, at least {100 * found.lower:+.2f} with 95% confidence, on 400 images that "
        "neither was trained on (McNemar p 1.6e-30)"
    )


def test_a_model_that_is_a_little_better_is_not_shown_to_be_superior():
    old, new = model(IMAGES, POOR), model(IMAGES, FAIR, first=50)
    verdict = decided(IMAGES, old, new, policy="superior")
    assert verdict.comparison.difference == pytest.approx(3 / 200)
    assert verdict.comparison.mcnemar.only_champion == 100
    assert verdict.decision == "keep"
    assert verdict.reason.startswith("not shown to be superior (gate.policy superior)")


def test_not_worse_promotes_what_superior_does_not():
    old, new = model(IMAGES, POOR), model(IMAGES, {"cat": 100, "dog": 101})
    assert decided(IMAGES, old, new, policy="superior").decision == "keep"
    assert decided(IMAGES, old, new, policy="not_worse").decision == "promote"
    assert decided(IMAGES, new, old, policy="not_worse").decision == "keep"


@pytest.mark.parametrize("policy", ["superior", "not_worse"])
def test_the_same_answers_are_a_tie_and_keep(policy):
    verdict = decided(IMAGES, model(IMAGES, FAIR), model(IMAGES, FAIR), policy=policy)
    assert verdict.decision == "keep"
    assert verdict.reason.startswith("a tie ")


def test_more_right_images_lose_against_a_better_mean_over_classes():
    images = images_of(common=1000, rare=60)
    champion = model(images, {"common": 900, "rare": 30})
    challenger = model(images, {"common": 940, "rare": 25})
    verdict = decided(images, champion, challenger, max_recall_drop=1.0)
    assert verdict.comparison.mcnemar.p < 1e-6
    assert (verdict.decision, verdict.comparison.difference < 0) == ("keep", True)
    back = decided(images, challenger, champion, max_recall_drop=1.0)
    assert (back.decision, back.comparison.difference > 0) == ("promote", True)


def test_a_gain_elsewhere_does_not_make_up_for_a_class_that_is_lost():
    old = model(IMAGES, {"cat": 150, "dog": 50})
    new = model(IMAGES, {"cat": 130, "dog": 190})
    verdict = decided(IMAGES, old, new)
    assert verdict.decision == "keep"
    expected = "recall drops too much (gate.max_recall_drop): cat 75.0% to 65.0% of 200; better"
    assert verdict.reason.startswith(expected)
    assert decided(IMAGES, old, new, max_recall_drop=0.11).decision == "promote"


def test_classes_too_small_for_a_floor_are_named_with_their_counts():
    images = images_of(cat=200, dog=20)
    verdict = decided(
        images, model(images, {"cat": 100, "dog": 10}), model(images, {"cat": 180, "dog": 9})
    )
    assert verdict.decision == "promote"
    assert verdict.reason.endswith("few images, so only a significant drop counts: dog 20")


def test_the_first_model_is_promoted():
    verdict = decided(IMAGES, None, model(IMAGES, GOOD))
    assert (verdict.decision, verdict.comparison, verdict.champion) == ("promote", None, None)
    assert verdict.reason.startswith(
        "it is the first model: nothing was in production; better than"
    )


@pytest.mark.parametrize("champion", [None, model(IMAGES, POOR)])
def test_a_model_whose_export_differs_is_invalid(champion):
    verdict = decided(IMAGES, champion, model(IMAGES, GOOD), parity_passed=False)
    assert (verdict.decision, verdict.comparison) == ("invalid", None)
    assert "parity in metrics.json" in verdict.reason


@pytest.mark.parametrize("champion", [None, model(IMAGES, POOR)])
def test_a_model_over_a_ceiling_is_invalid_and_each_ceiling_is_named(champion):
    large = model(IMAGES, GOOD, seconds=0.0302, megabytes=45.04)
    verdict = decided(IMAGES, champion, large, max_image_seconds=0.03, max_megabytes=45.0)
    assert (verdict.decision, verdict.challenger) == ("invalid", Costs(0.0302, 45.04))
    assert verdict.reason == (
        "it takes 30.2 ms per image, at most 30 allowed (gate.max_image_seconds); "
        "it has 45.0 MB, at most 45 allowed (gate.max_megabytes)"
    )
    allowed = decided(IMAGES, champion, large, max_image_seconds=0.0302, max_megabytes=45.04)
    assert allowed.decision == "promote"


@pytest.mark.parametrize("champion", [None, model(IMAGES, POOR)])
def test_a_class_below_its_own_floor_is_named(champion):
    verdict = decided(IMAGES, champion, model(IMAGES, GOOD), min_recall={"cat": 0.76, "dog": 0.75})
    assert verdict.decision == "keep"
    assert (
        verdict.reason
        == "recall too low: cat (150 of 200, at least 76% required) (gate.min_recall)"
    )


def test_a_floor_for_a_class_without_a_test_image_is_not_passed():
    verdict = decided(IMAGES, None, model(IMAGES, GOOD), min_recall={"cta": 0.1})
    assert verdict.reason == "recall too low: cta (0 of 0, at least 10% required) (gate.min_recall)"


def recall_fault(hits, size, percent):
    """What the gate says of so many hits under a floor of so many percent."""
    images = images_of(cat=size)
    rules = replace(RULES, min_recall={"cat": percent / 100})
    return below_min_recall(images, model(images, {"cat": hits}), rules, {})


def test_a_recall_that_equals_its_floor_is_not_below_it():
    ties = [(p * n // 100, n, p) for p in range(1, 101) for n in range(1, 201) if p * n % 100 == 0]
    assert [tie for tie in ties if recall_fault(*tie)] == []
    assert recall_fault(13, 200, 7) == (
        "recall too low: cat (13 of 200, at least 7% required) (gate.min_recall)"
    )


SITES = {"site": ["Graz" if image.image in ("cat0", "dog199") else "Wien" for image in IMAGES]}


@pytest.mark.parametrize("champion", [None, model(IMAGES, POOR)])
def test_a_class_below_its_floor_in_a_slice_is_named_with_the_slice(champion):
    floors = {"site": {"Wien": {"cat": 0.75, "dog": 0.7}, "Graz": {"dog": 0.5}}}
    verdict = decided(IMAGES, champion, model(IMAGES, GOOD), slices=SITES, min_recall_in=floors)
    assert verdict.decision == "keep"
    assert verdict.reason == (
        "recall too low: cat in site Wien (149 of 199, at least 75% required), "
        "dog in site Graz (0 of 1, at least 50% required) (gate.min_recall_in)"
    )
    passed = {"site": {"Wien": {"cat": 0.74, "dog": 0.7}}}
    verdict = decided(IMAGES, champion, model(IMAGES, GOOD), slices=SITES, min_recall_in=passed)
    assert verdict.decision == "promote"


def test_a_slice_without_an_image_is_below_any_floor_and_both_floors_are_named():
    floors = {"site": {"Linz": {"cat": 0.1}}}
    verdict = decided(
        IMAGES,
        None,
        model(IMAGES, GOOD),
        slices=SITES,
        min_recall={"cat": 0.9},
        min_recall_in=floors,
    )
    assert verdict.reason == (
        "recall too low: cat (150 of 200, at least 90% required) (gate.min_recall); "
        "recall too low: cat in site Linz (0 of 0, at least 10% required) (gate.min_recall_in)"
    )


def with_sets(candidate, **missed):
    """The model with sets that have the class of each image, but for so many of each class."""
    first = {image.image for name, n in missed.items() for image in images_of(**{name: n})}
    sets = [() if image.image in first else {image.label} for image in IMAGES]
    return replace(candidate, sets=Sets(0.9, sets))


@pytest.mark.parametrize("champion", [None, model(IMAGES, POOR)])
def test_sets_that_have_their_class_too_rarely_beyond_chance_keep_the_model_out(champion):
    short = with_sets(model(IMAGES, GOOD), cat=45, dog=35)  # 77.5 and 82.5 % of 90 %
    verdict = decided(IMAGES, champion, short, max_coverage_shortfall=0.05)
    assert verdict.decision == "keep"
    assert verdict.reason == (
        "the sets `unsure` have the class too rarely: cat (155 of 200), at least 85% required "
        "(gate.max_coverage_shortfall)"
    )
    assert decided(IMAGES, champion, short, max_coverage_shortfall=0.1).decision == "promote"
    assert decided(IMAGES, champion, short).decision == "promote"


def test_the_coverage_of_few_groups_may_be_chance():
    alike = [
        replace(image, group=f"{image.label}{number // 50}") for number, image in enumerate(IMAGES)
    ]
    short = with_sets(model(IMAGES, GOOD), cat=50)
    rules = {"max_coverage_shortfall": 0.05, "min_class_images": 1}
    assert "too rarely: cat" in decided(IMAGES, None, short, **rules).reason
    assert "too rarely" not in decided(alike, None, short, **rules).reason


def test_a_model_without_sets_does_not_pass_a_condition_on_them():
    verdict = decided(IMAGES, None, model(IMAGES, GOOD), max_coverage_shortfall=0.05)
    assert verdict.decision == "keep"
    assert "its answers have no set `unsure`" in verdict.reason


def test_too_few_clean_images_of_a_class_keep_with_the_remedies():
    images = images_of(cat=200, dog=9)
    verdict = decided(images, model(images, POOR), model(images, GOOD))
    assert (verdict.decision, verdict.comparison) == ("keep", None)
    for words in (
        "dog 9, at least 10 per class required",
        "trained on today's images",
        "--override REASON",
    ):
        assert words in verdict.reason
    enough = images_of(cat=200, dog=10)
    promoted = decided(enough, model(enough, {"cat": 90, "dog": 9}), model(enough, GOOD))
    assert promoted.decision == "promote"


@pytest.mark.parametrize("least", [0, 10])
def test_without_a_clean_image_the_champion_stays(least):
    empty = model([], {"cat": 1})
    verdict = decided([], empty, empty, min_class_images=least)
    assert verdict.decision == "keep"
    assert verdict.reason.startswith("too few test images that neither model was trained on")


def test_a_class_in_two_spellings_is_named_first_with_its_own_remedy():
    images = images_of(bear=40, owl=40)
    known = model(images, {"bear": 20, "owl": 20})
    new = Candidate(("Bear", "bear", "owl"), known.predictions, known.costs)
    verdict = decided(images, known, new, min_class_images=10)
    assert verdict.decision == "keep"
    assert verdict.reason.startswith(
        "'Bear' (0) may be 'bear' (40): if they are one class, correct labels.csv; too few test "
        "images that neither model was trained on: Bear 0, at least 10"
    )


def test_with_no_least_number_a_class_without_an_image_is_left_out():
    images = images_of(cat=200)
    verdict = decided(images, model(images, POOR), model(images, GOOD), min_class_images=0)
    assert verdict.decision == "promote"
    assert [each.name for each in verdict.comparison.classes] == ["cat"]


OWLS = images_of(cat=200, dog=200, owl=60)


def test_a_new_class_is_left_out_of_the_comparison_and_named():
    old = model(OWLS, FAIR)
    new = model(OWLS, {**FAIR, "cat": 104, "owl": 60})
    verdict = decided(OWLS, old, new, policy="superior")
    assert verdict.decision == "promote"
    assert verdict.reason.startswith("no worse by 2 points on the classes that both know (gate.pol")
    assert "; new classes: owl" in verdict.reason
    assert [each.name for each in verdict.comparison.classes] == ["cat", "dog"]
    assert verdict.comparison.champion == pytest.approx(103 / 200)


def test_a_new_class_does_not_pay_for_the_others():
    old, new = model(OWLS, FAIR), model(OWLS, {"cat": 97, "dog": 97, "owl": 60})
    verdict = decided(OWLS, old, new)
    assert verdict.decision == "keep"
    assert verdict.reason.startswith(
        "not shown to be no worse by 2 points on the classes that both"
    )


def test_a_class_that_is_gone_keeps_and_the_sentence_says_how_to_go_on():
    verdict = decided(IMAGES, model(IMAGES, {**POOR, "owl": 0}), model(IMAGES, GOOD))
    assert verdict.decision == "keep"
    assert "in production knows owl, and this one does not" in verdict.reason
    assert "gate.renamed" in verdict.reason


@pytest.mark.parametrize("policy", ["superior", "not_worse"])
def test_a_class_that_was_retired_on_purpose_is_no_obstacle(policy):
    old = model(IMAGES, {**POOR, "owl": 0})
    assert decided(
        IMAGES, old, model(IMAGES, GOOD), renamed={"owl": None}, policy=policy
    ).decision == ("promote")


def test_what_the_champion_says_in_old_names_counts_in_todays():
    images = images_of(cat=200, hound=200)
    old = model(IMAGES, {"cat": 100, "dog": 150})
    new = model(images, {"cat": 110, "hound": 160})
    verdict = decided(images, old, new, renamed={"dog": "hound"})
    assert verdict.comparison.champion == pytest.approx((100 + 150) / 400)
    assert [each.name for each in verdict.comparison.classes] == ["cat", "hound"]


def test_a_class_that_was_renamed_twice_counts_in_todays_name():
    images = images_of(cat=200, mole=200)
    old = model(images_of(cat=200, nevus=200), {"cat": 100, "nevus": 150})
    renamed = {"nevus": "naevus", "naevus": "mole"}
    verdict = decided(images, old, model(images, {"cat": 110, "mole": 160}), renamed=renamed)
    assert [each.name for each in verdict.comparison.classes] == ["cat", "mole"]
    assert verdict.comparison.champion == pytest.approx((100 + 150) / 400)


def test_a_class_that_was_renamed_and_then_retired_is_no_obstacle():
    old = model(IMAGES, {**POOR, "owl": 0})
    renamed = {"owl": "eagle owl", "eagle owl": None}
    assert decided(IMAGES, old, model(IMAGES, GOOD), renamed=renamed).decision == "promote"


def test_names_that_are_renamed_in_a_circle_are_missing():
    old = model(IMAGES, {**POOR, "owl": 0})
    renamed = {"owl": "eagle owl", "eagle owl": "owl"}
    verdict = decided(IMAGES, old, model(IMAGES, GOOD), renamed=renamed)
    assert "in production knows owl, and this one does not" in verdict.reason


def test_a_name_that_both_know_is_not_renamed_by_a_former_renaming():
    old, new = model(IMAGES, POOR), model(IMAGES, GOOD)
    assert decided(IMAGES, old, new, renamed={"dog": "cat"}) == decided(IMAGES, old, new)


def test_models_without_a_class_in_common_are_not_compared():
    images = images_of(owl=60)
    old, new = model(images, {"cat": 0}), model(images, {"owl": 60})
    verdict = decided(images, old, new, renamed={"cat": None})
    assert verdict.reason.startswith("the models have no class in common")


def test_models_are_not_compared_without_an_image_of_a_class_that_both_know():
    images = images_of(owl=60)
    old, new = model(images, {"cat": 0}), model(images, {"cat": 0, "owl": 60})
    verdict = decided(images, old, new, min_class_images=0)
    assert verdict.decision == "keep"
    assert verdict.reason.startswith("no held-out image is of a class that both models know")
    assert "gate.renamed" not in verdict.reason


def test_old_new_and_relabelled_images_are_reported_apart():
    known = {image.pixel_sha256: image.label for image in IMAGES[:300]}
    known |= {image.pixel_sha256: "dog" for image in IMAGES[:30]}
    verdict = decided(IMAGES, model(IMAGES, POOR), model(IMAGES, GOOD), known)
    assert verdict.parts == (
        Part("old", 270, 70 + 100, 120 + 100),
        Part("new", 100, 0, 50),
        Part("relabelled", 30, 30, 30),
    )
    assert "; 30 relabelled since" in verdict.reason


def test_a_class_that_was_renamed_is_not_relabelled():
    images = images_of(cat=200, hound=200)
    known = {image.pixel_sha256: image.label.replace("hound", "dog") for image in images}
    old, new = model(IMAGES, {"cat": 100, "dog": 150}), model(images, {"cat": 110, "hound": 160})
    verdict = decided(images, old, new, known, renamed={"dog": "hound"})
    assert [part.images for part in verdict.parts] == [400, 0, 0]
    assert "relabelled" not in verdict.reason


def test_where_the_test_images_of_the_champion_are_not_known_there_are_no_parts():
    assert decided(IMAGES, model(IMAGES, POOR), model(IMAGES, GOOD)).parts == ()


def test_images_of_one_group_count_as_one_in_the_interval():
    pairs = [LabelledImage(f"{n}", "cat", f"group {n // 2}", "test", f"{n}") for n in range(200)]
    apart = [LabelledImage(f"{n}", "cat", "", "test", f"{n}") for n in range(200)]

    def lower(images):
        old = model(IMAGES[:200], {"cat": 100})
        new = model(IMAGES[:200], {"cat": 110})
        return decided(images, old, new).comparison.lower

    assert lower(pairs) < lower(apart)


def test_both_costs_are_reported_whatever_the_verdict():
    old, new = model(IMAGES, POOR, seconds=0.02, megabytes=10), model(IMAGES, POOR)
    verdict = decided(IMAGES, old, new)
    assert (verdict.champion, verdict.challenger) == (Costs(0.02, 10), Costs(0.01, 40.0))


output = st.sampled_from(["cat", "dog", "?"])
answers = st.lists(st.tuples(output, output), min_size=40, max_size=40)
SMALL = images_of(cat=25, dog=15)


def models(pairs):
    return [
        Candidate(["cat", "dog"], column, Costs(0.01, 1.0)) for column in zip(*pairs, strict=True)
    ]


@settings(deadline=None, max_examples=30)
@given(answers, st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_change_the_verdict(pairs, random):
    order = random.sample(range(40), 40)
    shuffled = models([pairs[place] for place in order])
    images = [SMALL[place] for place in order]
    assert decided(images, *shuffled) == decided(SMALL, *models(pairs))


@settings(deadline=None, max_examples=30)
@given(answers, st.sampled_from(["superior", "not_worse"]))
def test_no_two_models_take_each_others_place(pairs, policy):
    one, other = models(pairs)
    verdicts = [
        decided(SMALL, *pair, policy=policy).decision for pair in [(one, other), (other, one)]
    ]
    assert verdicts.count("promote") <= 1


@settings(deadline=None, max_examples=30)
@given(answers)
def test_what_is_superior_is_also_no_worse(pairs):
    superior, not_worse = (
        decided(SMALL, *models(pairs), policy=policy).decision
        for policy in ("superior", "not_worse")
    )
    assert (superior, not_worse) != ("promote", "keep")
