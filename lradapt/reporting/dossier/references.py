"""What an auditor asks: the parts of the regulations that each section of the dossier answers.

The parts are cited by their names. They were read on 2026-11-29; the regulations may have changed.
"""

from collections.abc import Mapping

FDA = (
    "FDA, Marketing Submission Recommendations for a Predetermined Change Control Plan for "
    "Artificial Intelligence-Enabled Device Software Functions, final guidance, 4 December 2024; "
    "its three components are Description of Modifications, Modification Protocol (data "
    "management practices, re-training practices, performance evaluation, update procedures) and "
    "Impact Assessment. Cited as PCCP"
)
EU = (
    "Regulation (EU) 2024/1689 on artificial intelligence, Articles 9 to 19 and 43 and Annex IV, "
    "which a high-risk system must satisfy. Cited as AI Act"
)

ANSWERS: Mapping[str, tuple[str, ...]] = {
    "changes": (
        "PCCP, Description of Modifications",
        "PCCP, Modification Protocol: re-training practices",
        "AI Act, Annex IV, point 2(f): pre-determined changes",
        "AI Act, Article 43(4) and recital 128: changes that are not a substantial modification",
    ),
    "rules": (
        "PCCP, Modification Protocol: performance evaluation (acceptance criteria in advance)",
        "AI Act, Article 9(8): tests against metrics and thresholds that were defined before",
    ),
    "versions": (
        "PCCP, Modification Protocol: data management practices, re-training practices",
        "AI Act, Annex IV, point 2(d): data; point 6: changes through the lifecycle",
    ),
    "verdicts": (
        "PCCP, Modification Protocol: performance evaluation",
        "AI Act, Article 12(1) and (2)(a): events recorded over the lifetime",
        "AI Act, Annex IV, point 2(g): test logs and reports",
    ),
    "use": (
        "PCCP, Modification Protocol: data management practices (test data apart from training)",
        "AI Act, Annex IV, point 2(g): testing data and their characteristics",
    ),
    "slices": (
        "PCCP, Modification Protocol: performance evaluation (subgroups)",
        "AI Act, Annex IV, point 2(g): potentially discriminatory impacts",
    ),
    "moves": (
        "PCCP, Modification Protocol: data management practices (training and test data apart)",
        "AI Act, Annex IV, points 2(d) and 2(g): data of training and of tests",
    ),
    "production": (
        "PCCP, Modification Protocol: update procedures",
        "AI Act, Article 12(1): events; Article 14(4)(d) and (e): override and stop by people",
    ),
}
"""Section of the dossier -> the parts that it answers."""

NOT_ANSWERED = (
    "intended use, indications, users and risks (PCCP, Impact Assessment; AI Act, Article 9): "
    "people write them; the model card has what was stated",
    "each use of the model (AI Act, Article 12(2)(b) and (c)): the registry has no answers of the "
    "served model",
    "clinical evidence, cybersecurity, labelling, and how users are told of an update",
    "how long records are kept (AI Act, Articles 18 and 19): the store decides; lradapt deletes "
    "none of the records below protocol/ and log/",
)
