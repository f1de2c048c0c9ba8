"""What a study found, in one to three sentences with numbers."""

import statistics
from collections.abc import Callable, Sequence

from scaletime_jax.laws.backtest import Score
from scaletime_jax.runs.fields import FIELDS, describe
from scaletime_jax.stats.claims import Claim
from scaletime_jax.stats.estimates import Estimate, describe_estimate
from scaletime_jax.studies.plan_words import TRAIN_NOTHING
from scaletime_jax.studies.subjects import SUBJECTS, Subject
from scaletime_jax.studies.subspace_bounds import THEOREM1
from scaletime_jax.words import count_of

DIFFERENCES = ("alpha_D - alpha_P",)
# Verdicts of `equivalence` in words.
VERDICTS = {
    "equivalent": "within 1/3 +- 1/6 and the curves one function",
    "trade-off, other exponent": "another one and the curves one function",
    "no collapse": "an average, the curves no one function,",
    "undecided": "undecided",
}
# Columns of a curve of `tradeoff` that tell settings apart.
OF_CURVE = frozenset(field.name for field in FIELDS) - {"train_size"}


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
    if name == "tradeoff":
        return _tradeoff(summary, claims)
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
    measured = [claim for claim in mine if claim.value is not None]
    if not measured:
        why = f" ({mine[0].note})" if len(mine) == 1 and mine[0].note else ""
        return f"{subject.words} could not be measured{why}." if mine else ""
    verb = "differ by" if subject.quantity in DIFFERENCES else "is"
    if len(mine) == 1:
        number = describe_estimate(Estimate(mine[0].value, mine[0].interval))
    else:
        values = [float(claim.value) for claim in measured if claim.value is not None]
        number = _span(values)
        if len(measured) < len(mine):
            which = count_of(len(mine), "case")
            number += f" (measured in {len(measured)} of {which})"
    return f"{subject.words} {verb} {number}; {subject.claimed}: {tally(mine)}."


def _span(values: Sequence[float]) -> str:
    """Returns the least and the largest of the values in words."""
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"


def tally(claims: Sequence[Claim]) -> str:
    """Returns how the claims turned out, corrected for their number, in words."""
    found = [claim.corrected for claim in claims]
    if len(claims) == 1:
        return "this is undecided" if found[0] == "undecided" else f"this {found[0]}"
    decided = [
        f"{verdict} in {found.count(verdict)}"
        for verdict in ("holds", "fails")
        if verdict in found
    ]
    which = count_of(len(claims), "case")  # settings, train sizes and thresholds
    if not decided:
        return f"this is undecided in all {which}"
    words = f"this {' and '.join(decided)} of {which}"
    rest = found.count("undecided")
    others = "1 other" if rest == 1 else f"{rest} others"
    return f"{words} and is undecided in {others}" if rest else words


def _tradeoff(summary: dict, claims: Sequence[Claim]) -> str:
    """Returns exponents of the smallest and largest networks, and of one-to-one."""
    share = summary["share_of_record"]
    largest: dict[str, dict] = {}
    for curve in summary["curves"]:
        if curve["share"] == share and curve["local_exponents"]:
            others = OF_CURVE & curve.keys()
            setting = {k: v for k, v in curve.items() if k in others}
            known = largest.get(describe(setting))
            size = curve["train_size"] or 0
            if known is None or size >= (known["train_size"] or 0):
                largest[describe(setting)] = curve
    if not largest:
        return "No curve has two sizes whose runs all reached the loss of record."
    at = "the loss" if share is None else f"{share:g} of the guessing loss removed"
    subject = f"At {at} the exponent of {summary['time']} in effective size"
    ends = [each["local_exponents"] for each in largest.values()]
    first, last = ([_row(each[k]) for each in ends] for k in (0, -1))
    if len(ends) == 1:
        said = f"is {first[0]}"
        if len(ends[0]) > 1:
            said += f" between the smallest networks and {last[0]} between the largest"
    else:
        values = [each[-1]["exponent"] for each in ends]
        may = sum(each[-1]["one_to_one"] for each in ends)
        said = (
            f"between the largest networks is {_span(values)} in {len(ends)} settings, "
            f"with -1 inside the interval in {may}"
        )
    mine = [claim for claim in claims if claim.quantity.startswith("slope")]
    found = tally(mine).removeprefix("this ")
    whole = f" A single exponent of -1 for all sizes {found}." if mine else ""
    return f"{subject} {said}; one-to-one exchange is -1.{whole}"


def _row(row: dict) -> str:
    interval = None if row["low"] is None else (row["low"], row["high"])
    return describe_estimate(Estimate(row["exponent"], interval))


def _linear_tradeoff(summary: dict, _: Sequence[str]) -> str:
    panels = summary["panels"].values()
    found = [[each for each in panel if each["slope"]] for panel in panels]
    words = []
    for curves in filter(None, found):
        slopes = [each["slope"] for each in curves]
        largest = max(each["sizes_fitted"][-1] for each in curves)
        between = f"{min(slopes):.2f} to {max(slopes):.2f}"
        words.append(f"{between} with up to {largest:,} parameters")
    if not words:
        return "Too few sizes reach a loss for a slope of steps against size."
    return (
        "In the linear model descent steps fall with size with exponents of "
        f"{' and of '.join(words)} (one-to-one exchange is -1)."
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
    # a name may add in words what the turns say
    twice = [name.split(":")[0] for name, found in turns if found.count("falls") > 1]
    far = max(10 ** each["largest_log10_deviation"] for each in summary["size_time"])
    said = f"Errors along size and along time are within a factor of {far:.3f}."
    if twice:
        said = (
            f"The error falls twice over time with {' and with '.join(twice)}. {said}"
        )
    return said


def _plan(_: dict, notes: Sequence[str]) -> str:
    """Returns the planned run, and whether a measured one is as good."""
    nothing = [note for note in notes[1:] if note.startswith(TRAIN_NOTHING)]
    return " ".join([*notes[:1], *nothing])


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


def _rollout(summary: dict, _: Sequence[str]) -> str:
    """Returns the errors of the chosen laws on the top rungs, each way."""
    said = []
    for direction, words in (
        ("num_params", "the largest networks"),
        ("epoch", "the longest training"),
    ):
        mine = [each for each in summary["chosen"] if each["direction"] == direction]
        if mine:
            error, unchanged = (
                _span([each[key]["value"] for each in mine])
                for key in ("error", "error_of_no_change")
            )
            which = "the law" if len(mine) == 1 else f"laws in {len(mine)} settings"
            law = f" ({mine[0]['law']})" if len(mine) == 1 else ""
            said.append(
                f"On {words} {which} chosen on the lower rungs{law} has an error of "
                f"{error}, predicting no change one of {unchanged}."
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
        law: statistics.median(each)
        for law, each in of_law.items()
        if len(each) == most
    }


def _where_it_holds(summary: dict, _: Sequence[str]) -> str:
    """Returns the verdicts on all settings but the control, and the exponents."""
    cells = [cell for cell in summary["cells"] if cell["dataset"] is not None]
    known = [cell["kappa"] for cell in cells if cell["kappa"] is not None]
    verdicts = [cell["verdict"] for cell in cells]
    counts = [
        f"{words} in {verdicts.count(verdict)}"
        for verdict, words in VERDICTS.items()
        if verdict in verdicts
    ]
    whole = count_of(len(cells), "setting")
    said = f"Of {whole} the exponent is {'; it is '.join(counts)}."
    if known:
        said += f" Over all sizes of a setting it is {_span(known)}."
    return said


OTHERS: dict[str, Callable[[dict, Sequence[str]], str]] = {
    "linear_tradeoff": _linear_tradeoff,
    "subspace": _subspace,
    "linear_dynamics": _linear_dynamics,
    "plan": _plan,
    "backtest": _backtest,
    "rollout": _rollout,
    "where_it_holds": _where_it_holds,
}
