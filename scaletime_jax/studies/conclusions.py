"""What a study found, in one to three sentences with numbers."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from scaletime_jax.laws.backtest import Score
from scaletime_jax.stats.claims import Claim
from scaletime_jax.stats.estimates import Estimate, describe_estimate
from scaletime_jax.studies.subspace_bounds import THEOREM1
from scaletime_jax.words import count_of


class Subject(NamedTuple):
    """What a sentence is about: the claims of one quantity.

    Attributes:
        words: the quantity, as the beginning of a sentence.
        claimed: what is claimed of it.
        quantity: how `Claim.quantity` begins.
        statement: how `Claim.statement` begins.
        source: how `Claim.source` begins.
        setting: values that `Claim.setting` has.
    """

    words: str
    claimed: str
    quantity: str = ""
    statement: str = ""
    source: str = ""
    setting: Mapping[str, str] = {}


ERRORS = {"loss_of": "test_loss"}
# By study, in the order of the sentences.
SUBJECTS: dict[str, tuple[Subject, ...]] = {
    "tradeoff": (
        Subject(
            "With SGD the exponent of epochs in effective size",
            "one-to-one exchange is -1",
            quantity="slope",
            source="[BF24, Fig. 2]",
        ),
        Subject(
            "With another optimizer the exponent of epochs in effective size",
            "one-to-one exchange is -1",
            quantity="slope",
            source="beyond",
        ),
    ),
    "extrapolate": (
        Subject(
            "Over size the mean |log(predicted / true)| of the test loss",
            "a prediction is taken to hold below 0.1",
            quantity="mean |log",
            source="[BF24, Fig. 3, 10]",
            setting=ERRORS,
        ),
        Subject(
            "Over time that error",
            "the limit is the same",
            quantity="mean |log",
            source="[BF24, Fig. 3, 11]",
            setting=ERRORS,
        ),
        Subject(
            "The logarithm of both errors over those of predicting no change",
            "below 0 the prediction is the better one",
            quantity="log(error of the prediction",
            setting=ERRORS,
        ),
    ),
    "equivalence": (
        Subject(
            "The exponent of parameters at which curves of all sizes are most alike",
            "the paper's is 1/3",
            statement="Size^(1/3)",
        ),
        Subject(
            "What one common curve leaves, in units of what seeds differ by,",
            "up to 1 one curve describes all sizes",
            statement="All curves are one function",
        ),
    ),
    "data_scaling": (
        Subject(
            "The exponent of examples needed in effective size",
            "below 0 larger networks need less data",
            statement="Larger networks",
        ),
        Subject(
            "The log ratio of training losses at most and at least data",
            "below 0 the training error falls with data",
            statement="The training error",
        ),
    ),
    "label_noise": (
        Subject(
            "Of the largest error that label noise adds, the part left at the end of "
            "training",
            "above 0.5 the error persists",
            statement="The error that label noise adds persists or grows with training",
        ),
        Subject(
            "The part left at the largest size",
            "the limit is the same",
            statement="The error that label noise adds persists or grows with size",
        ),
    ),
    "effective_size": (
        Subject(
            "The exponent of examples fitted in parameters",
            "the paper's is 1/3",
            quantity="exponent of capacity",
        ),
    ),
    "random_features": (
        Subject(
            "The exponents of the loss over data and over features",
            "equal exponents differ by 0",
            quantity="alpha_D - alpha_P",
        ),
        Subject(
            "The exponent of what finite data add to the loss",
            "theory says 1",
            quantity="variance-limited exponent in D",
        ),
    ),
    "duality": (
        Subject(
            "The loss over data by the loss over features",
            "where data and features may be exchanged the ratio is 1",
            statement="Data and features",
        ),
    ),
}
DIFFERENCES = ("alpha_D - alpha_P",)


def conclude(
    name: str, claims: Sequence[Claim], summary: dict, notes: Sequence[str]
) -> str:
    """Returns the conclusion of a study.

    Args:
        name: of the study.
        claims: corrected for their number.
        summary: the study's further numbers.
        notes: its sentences for the terminal.
    """
    if name in SUBJECTS:
        said = [_sentence(subject, claims) for subject in SUBJECTS[name]]
        return " ".join(sentence for sentence in said if sentence)
    if name in OTHERS:
        return OTHERS[name](summary, notes)
    return ""


def _sentence(subject: Subject, claims: Sequence[Claim]) -> str:
    """Returns the numbers of the claims and how many of the claims hold."""
    mine = [
        claim
        for claim in claims
        if claim.quantity.startswith(subject.quantity)
        and claim.statement.startswith(subject.statement)
        and claim.source.startswith(subject.source)
        and subject.setting.items() <= claim.setting.items()
    ]
    if not mine:
        return ""
    measured = [claim for claim in mine if claim.value is not None]
    verb = "differ by" if subject.quantity in DIFFERENCES else "is"
    if not measured:
        where = count_of(len(mine), "setting")
        return f"{subject.words} could not be measured in any of {where}."
    if len(mine) == 1:
        claim = mine[0]
        number = describe_estimate(Estimate(claim.value, claim.interval))
        ending = {"undecided": "is undecided"}.get(claim.corrected, claim.corrected)
        return (
            f"{subject.words} {verb} {number}; {subject.claimed}: the claim {ending}."
        )
    values = [float(claim.value) for claim in measured if claim.value is not None]
    found = [claim.corrected for claim in mine]
    counts = (
        f"holds in {found.count('holds')}, fails in {found.count('fails')} and is "
        f"undecided in {found.count('undecided')}"
    )
    many = count_of(len(mine), "setting")
    return (
        f"{subject.words} {verb} {min(values):+.2g} to {max(values):+.2g} in "
        f"{len(measured)} of {many}; {subject.claimed}: among all {len(mine)} the "
        f"claim {counts}."
    )


def _linear_tradeoff(summary: dict, _: Sequence[str]) -> str:
    slopes = [each["slope"] for each in summary["panels"]["large"] if each["slope"]]
    if not slopes:
        return "Too few sizes reach a loss for a slope of steps against size."
    return (
        "In the linear model descent steps fall with size with exponents of "
        f"{min(slopes):.2f} to {max(slopes):.2f} (one-to-one exchange is -1)."
    )


def _subspace(summary: dict, _: Sequence[str]) -> str:
    rows = [each for each in summary["bounds"] if each["bound"] == THEOREM1]
    cells = sum(each["cells"] for each in rows)
    broken = sum(each["violations"] for each in rows)
    empty = sum(each["cells_above_distance_travelled"] for each in rows)
    return (
        f"Theorem 1 is violated in {count_of(broken, 'draw')} of {cells} cells; its "
        f"bound exceeds the distance that the model has travelled in {empty} of them."
    )


def _linear_dynamics(summary: dict, _: Sequence[str]) -> str:
    turns = summary["error_over_time"].items()
    twice = [name for name, found in turns if found.count("falls") > 1]
    far = max(10 ** each["largest_log10_deviation"] for each in summary["size_time"])
    said = f"Errors along size and along time are within a factor of {far:.3f}."
    if twice:
        said = f"The error falls twice over time with {', '.join(twice)}. {said}"
    return said


def _first_note(_: dict, notes: Sequence[str]) -> str:
    return notes[0] if notes else ""


def _backtest(summary: dict, _: Sequence[str]) -> str:
    """Returns the law of the least median error over that of no change, each way."""
    said = []
    for direction, words in (
        ("num_params", "larger networks"),
        ("epoch", "longer training"),
    ):
        ratios = _ratios(summary["scores"], direction)
        if ratios:
            law = min(ratios, key=lambda name: ratios[name])
            said.append(
                f"On {words} the least median error, {ratios[law]:.2f} times that of "
                f"predicting no change, is of {law}."
            )
    return " ".join(said)


def _ratios(scores: Sequence[dict], direction: str) -> dict[str, float]:
    """Returns the median of error over that of no change, of laws in all settings."""
    of_law: dict[str, list[float]] = {}
    settings: dict[tuple, dict[str, float]] = {}
    for each in scores:
        error = each["error"]["value"]
        if each["direction"] == direction and error and each["reached"] > 0:
            setting = tuple((k, v) for k, v in each.items() if k not in Score._fields)
            settings.setdefault(setting, {})[each["predictor"]] = error
    for errors in settings.values():
        for law, error in errors.items():
            if "no change" in errors and law != "no change":
                of_law.setdefault(law, []).append(error / errors["no change"])
    most = max(map(len, of_law.values()), default=0)
    return {
        law: sorted(each)[len(each) // 2]
        for law, each in of_law.items()
        if len(each) == most
    }


OTHERS: dict[str, Callable[[dict, Sequence[str]], str]] = {
    "linear_tradeoff": _linear_tradeoff,
    "subspace": _subspace,
    "linear_dynamics": _linear_dynamics,
    "plan": _first_note,
    "backtest": _backtest,
}
