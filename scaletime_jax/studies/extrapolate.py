"""Predicting large networks from small ones, and long training from short training.

The errors of scale-time equivalence are compared with the errors of predicting no
change.
"""

from scaletime_jax.errors import InputError
from scaletime_jax.runs.fields import describe
from scaletime_jax.runs.guessing import check_shares, check_threshold
from scaletime_jax.runs.read import Runs
from scaletime_jax.stats.claims import Claim, judge
from scaletime_jax.studies.predicted_losses import (
    DEFAULTS,
    Extrapolation,
    Protocol,
    extrapolate,
)
from scaletime_jax.studies.result import Result, rows, written

NAME = "extrapolate"
TITLE = "Figures 3, 10 and 11: predicting large networks, and long training"
CAPTION = (
    "Predicted losses (dashed, open) and true losses (solid), of larger networks "
    "at the first epoch at which every network has left chance behind, and of a "
    "medium network over time, from networks of all widths at that epoch. Darker "
    "curves have more training data, four train sizes at most; bands are one "
    "s.e.m. over seeds; the dotted line is the threshold whose onset is "
    "predicted; the grey band is the claim's tolerance about the truth at the "
    "largest train size."
)
OVERVIEW = (
    "Errors of the predicted test loss (dots) beside the errors of predicting no "
    "change (open squares), in each setting; one colour for each train size."
)
STATEMENTS = {
    "size": "Small networks trained for long predict larger ones trained for short.",
    "time": "Networks of other widths trained for short predict longer training.",
}


def study(
    runs: Runs, threshold: float | None = None, protocol: Protocol = DEFAULTS
) -> Result:
    """Returns predicted and true losses over size and over time.

    Args:
        runs: runs of networks of several widths.
        threshold: test loss below which a network is better than chance, and whose
            onset is predicted; if None the losses at which `protocol.share` and RECORD
            of the guessing loss are removed.
        protocol: sources and targets of the predictions.

    Raises:
        InputError: the runs are logs, which lack the guessing loss, and threshold is
            None; a setting lacks the widths that the protocol needs; or in no setting
            every network becomes better than chance.
    """
    check_threshold(threshold)
    check_shares([protocol.share])
    made, waiting = extrapolate(runs, threshold, protocol)
    if not made:
        raise InputError(
            "in no setting every network becomes better than chance, so there is "
            "nothing to predict; train for longer, or give the epochs to predict from.",
            target_epochs=None,
        )
    return Result(
        NAME,
        TITLE,
        CAPTION,
        make_claims(made, protocol),
        {direction: _points(made, direction) for direction in ("size", "time")},
        {
            "extrapolations": [_summarise(each) for each in made],
            "at_chance": waiting,
        },
        {
            "made": made,
            "tolerance": protocol.tolerance,
            "time": runs.clock.plural,
        },
        _describe_waiting(waiting),
        overview=OVERVIEW,
    )


def _describe_waiting(waiting: list[dict]) -> list[str]:
    """Returns the train sizes without predictions, one sentence for each setting."""
    sizes: dict[str, list[str]] = {}
    for fields in waiting:
        setting = {name: v for name, v in fields.items() if name != "train_size"}
        of_setting = sizes.setdefault(describe(setting), [])
        of_setting.append(str(fields["train_size"] or "not given"))
    return [
        f"{setting}: at train_size {', '.join(of_setting)} not every network becomes "
        "better than chance, so no prediction is made."
        for setting, of_setting in sizes.items()
    ]


def _points(made: list[Extrapolation], direction: str) -> list[dict]:
    """Returns the plotted points of one direction."""
    axis = "effective_size" if direction == "size" else "epochs"
    points = []
    for each in made:
        if each.direction != direction:
            continue
        for kind in ("truth", "predicted"):
            curve = getattr(each, kind)
            what = {**each.fields, "loss_of": each.loss, "kind": kind}
            points += rows(**what, **{axis: curve.x}, mean=curve.mean, sem=curve.sem)
    return points


def _summarise(each: Extrapolation) -> dict:
    return {
        **each.fields,
        "direction": each.direction,
        "loss_of": each.loss,
        "source": each.source,
        "epochs": each.epochs,
        "threshold": each.threshold,
        "error": each.error._asdict(),
        "no_change_error": each.change._asdict(),
        "gain": each.gain._asdict(),
        "onset_error": written(each.onset),
        "onset_is_bound": each.onset_is_bound,
    }


def make_claims(made: list[Extrapolation], protocol: Protocol) -> list[Claim]:
    """Returns claims of error and gain, and of the onset of the test loss."""
    claims = []
    for each in made:
        within = (None, protocol.tolerance)
        what = {
            "source": f"[BF24, Fig. 3, {10 if each.direction == 'size' else 11}]",
            "statement": STATEMENTS[each.direction],
            "setting": {**each.fields, "loss_of": each.loss},
        }
        error = judge(
            each.error, within, quantity="mean |log(predicted / true)|", **what
        )
        quantity = "log(error of the prediction / of predicting no change)"
        claims += [error, judge(each.gain, (None, 0.0), quantity=quantity, **what)]
        if each.loss == "test_loss":
            axis = "size" if each.direction == "size" else "epochs"
            quantity = f"|log(predicted / true)| of the {axis} at the threshold"
            bound = each.onset_is_bound and each.onset.value is not None
            note = "lower bound: one onset is out of range" if bound else ""
            claims.append(
                judge(each.onset, within, quantity=quantity, note=note, **what)
            )
    return claims
