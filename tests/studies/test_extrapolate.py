import numpy as np
import pytest
from planted import PARAMS, as_logs, planted_runs
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.extrapolate import make_claims, study
from scaletime_jax.studies.predicted_losses import Protocol, extrapolate
from scaletime_jax.studies.result import written

P = {width: np.cbrt(num_params) for width, num_params in PARAMS.items()}
# coarse: interpolation must follow the law between evaluations
EPOCHS = np.concatenate([[0.0], np.geomspace(0.05, 100, 12)])
LIMIT = 0.09
PROTOCOL = Protocol(target_epochs=5.0, source_epochs=1.0)


def extrapolated(table, protocol=PROTOCOL, controls=None):
    return extrapolate(Runs(table, [], [], controls), LIMIT, protocol)[0]


def power_law(size_exponent=1.0, scale=1.0):
    """Losses that fall as powers of p^size_exponent t, test and train differently."""

    def law(p, t, n, _):
        with np.errstate(divide="ignore"):
            progress = (p / 20) ** size_exponent * t * scale
            return 0.2 * progress**-0.5, 0.1 * progress**-0.8

    return law


def results(law, protocol=PROTOCOL, **how):
    made = extrapolated(planted_runs(law, EPOCHS, **how), protocol)
    return {(each.direction, each.loss): each for each in made}


def test_a_planted_law_of_p_t_extrapolates_exactly():
    made = results(power_law())
    assert len(made) == 4
    for each in made.values():
        # float32 in the cube root
        assert each.error.value == pytest.approx(0, abs=1e-6)
        assert each.change.value > 0.1


def test_predictions_are_at_the_right_places():
    made = results(power_law())
    size = made["size", "test_loss"]
    np.testing.assert_allclose(size.predicted.x, list(P.values()), rtol=1e-6)
    np.testing.assert_allclose(
        size.predicted.mean, 0.2 * (size.predicted.x / 20 * 5) ** -0.5, rtol=1e-6
    )
    time = made["time", "train_loss"]  # of the middle width, 2
    np.testing.assert_allclose(time.predicted.x, [P[w] / P[2] for w in P], rtol=1e-6)
    np.testing.assert_allclose(
        time.predicted.mean, 0.1 * (P[2] / 20 * time.predicted.x) ** -0.8, rtol=1e-6
    )


def test_another_exponent_is_off_by_what_it_should():
    made = results(power_law(size_exponent=0.0))
    ratios = np.array([P[w] / P[1] for w in (2, 5, 10)])
    expected = np.mean(0.5 * np.log(ratios))
    assert made["size", "test_loss"].error.value == pytest.approx(expected, rel=1e-6)
    assert made["size", "test_loss"].change.value == pytest.approx(0, abs=1e-6)
    # over time the middle width, 2, does not count: it predicts itself
    times = np.array([P[w] / P[2] for w in (1, 5, 10)])
    expected = np.mean(np.abs(0.8 * np.log(times)))
    assert made["time", "train_loss"].error.value == pytest.approx(expected, rel=1e-6)
    assert made["time", "train_loss"].change.value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("exponent", "verdict"), [(1.0, "holds"), (3.0, "fails")])
def test_the_verdict(exponent, verdict):
    law = power_law(exponent, scale=0.5)
    made = extrapolated(planted_runs(law, EPOCHS, scatter=0.01))
    claims = make_claims(made, PROTOCOL)
    errors = [c for c in claims if c.quantity.startswith("mean")]
    assert len(errors) == 4 and {c.verdict for c in errors} == {verdict}


def test_where_nothing_changes_predicting_gains_nothing():
    def flat(p, t, n, _):
        return np.full_like(t, 0.09), np.full_like(t, 0.09)

    made = extrapolated(planted_runs(flat, EPOCHS))
    claims = make_claims(made, PROTOCOL)
    errors = [claim for claim in claims if claim.quantity.startswith("mean")]
    assert {claim.verdict for claim in errors} == {"holds"}  # for what it is worth
    others = [claim for claim in claims if claim not in errors]
    assert {claim.verdict for claim in others} == {"undecided"}


def test_the_onset_of_generalisation():
    # test loss 0.2 (p/20 t c)^-1/2 = 0.09 at p = 20 / (5 c) (0.2/0.09)^2: inside
    scale = 20 / (5 * 30) * (0.2 / 0.09) ** 2
    made = results(power_law(scale=scale))
    assert made["size", "test_loss"].onset.value == pytest.approx(0, abs=1e-6)
    slow = results(power_law(size_exponent=0.5, scale=scale))
    # true onset: sqrt(p/20) = 30/20; predicted: sqrt(p0/20) p/p0 = 30/20
    true, guessed = 20 * 1.5**2, P[1] * 1.5 / np.sqrt(P[1] / 20)
    # between widths the loss is linear in log size, not a power: a few percent
    assert slow["size", "test_loss"].onset.value == pytest.approx(
        abs(np.log(true / guessed)), abs=0.03
    )
    never = results(power_law(scale=1e-6))
    assert never["size", "test_loss"].onset.value is None
    claims = make_claims(list(never.values()), PROTOCOL)
    assert not any("bound" in claim.note for claim in claims)
    from_the_start = results(power_law(scale=1e6))
    assert from_the_start["size", "test_loss"].onset.value is None


def test_an_onset_out_of_range_is_a_bound():
    # predicted at size 30, truly never: size makes no difference
    scale = 20 / (5 * 30) * (0.2 / 0.09) ** 2
    table = planted_runs(power_law(0.0, scale * P[1] / 20), EPOCHS, scatter=0.01)
    made = extrapolated(table)
    [size] = [m for m in made if (m.direction, m.loss) == ("size", "test_loss")]
    assert size.onset_is_bound
    assert size.onset.value == pytest.approx(np.log(P[10] / 30), abs=0.05)
    [claim] = [c for c in make_claims([size], PROTOCOL) if "threshold" in c.quantity]
    assert claim.verdict == "fails" and "lower bound" in claim.note
    assert claim.interval[1] == np.inf and written(claim)["interval"][1] is None
    near = PROTOCOL._replace(tolerance=1.0)
    [claim] = [c for c in make_claims([size], near) if "threshold" in c.quantity]
    assert claim.verdict == "undecided"


@pytest.mark.parametrize(("exponent", "verdict"), [(1.0, "holds"), (-1.0, "fails")])
def test_predicting_is_compared_with_predicting_no_change(exponent, verdict):
    table = planted_runs(power_law(exponent), EPOCHS, scatter=0.01)
    made = extrapolated(table)
    gains = [c for c in make_claims(made, PROTOCOL) if "no change" in c.quantity]
    assert len(gains) == 4 and {claim.verdict for claim in gains} == {verdict}
    for each in made:
        ratio = np.log(each.error.value / each.change.value)
        assert each.gain.value == pytest.approx(ratio)


def test_widths_without_a_common_seed_are_refused():
    table = planted_runs(power_law(), EPOCHS)
    table.loc[table.width == 1, "seed"] += 100
    with pytest.raises(InputError, match="no seed in common") as error:
        extrapolated(table)
    assert error.value.quantities == {"seed": None}


def test_beyond_the_sources_last_epoch_nothing_is_predicted():
    made = results(power_law(), PROTOCOL._replace(target_epochs=60.0))
    size = made["size", "test_loss"]
    reach = [p for p in P.values() if 60 * p / P[1] <= 100]
    np.testing.assert_allclose(size.predicted.x, reach, rtol=1e-6)
    assert len(size.truth.x) == len(P)


def test_other_widths_can_be_chosen():
    made = results(power_law(), PROTOCOL._replace(source_width=2, medium_width=10))
    assert len(made["size", "test_loss"].truth.x) == 3
    assert made["time", "test_loss"].predicted.x.max() == pytest.approx(1.0)
    with pytest.raises(InputError, match="no run has width 3") as error:
        results(power_law(), PROTOCOL._replace(source_width=3))
    assert error.value.quantities == {"source_width": 1}


def test_a_diverged_seed_leaves_the_others():
    table = planted_runs(power_law(), EPOCHS)
    late = (table.seed == 2) & (table.width == 5) & (table.epoch > 1)
    table.loc[late, ["test_loss", "train_loss"]] = np.nan
    for each in extrapolated(table):
        assert each.error.value == pytest.approx(0, abs=1e-6)
        assert each.error.interval is not None


def test_the_study_holds_all_that_is_written():
    table = planted_runs(power_law(), EPOCHS, sizes=(500, 1000), scatter=0.05)
    result = study(Runs(table, [], []), 0.09, PROTOCOL)
    assert_can_be_written(result)
    made = extrapolated(table)
    assert result.claims == make_claims(made, PROTOCOL) and result.notes == []
    assert {each.threshold for each in made} == {LIMIT}
    entries = result.summary["extrapolations"]
    assert [entry["error"]["value"] for entry in entries] == [
        each.error.value for each in made
    ]
    for direction, axis in (("size", "effective_size"), ("time", "epochs")):
        points = result.tables[direction]
        mine = [each for each in made if each.direction == direction]
        predicted = [row for row in points if row["kind"] == "predicted"]
        x = np.concatenate([each.predicted.x for each in mine])
        np.testing.assert_array_equal([row[axis] for row in predicted], x)
        mean = np.concatenate([each.predicted.mean for each in mine])
        np.testing.assert_array_equal([row["mean"] for row in predicted], mean)


def test_logs_that_say_little():
    table = as_logs(planted_runs(power_law(), EPOCHS, scatter=0.05))
    result = study(Runs(table, [], []), 0.09, PROTOCOL)
    assert_can_be_written(result)
    assert {row["train_size"] for row in result.tables["size"]} == {None}


def guessing_first(p, t, n, _):
    """Guesses until p t = 20, where the test loss is 0.09, then learns."""
    with np.errstate(divide="ignore"):
        learned = np.maximum(p * t / 20, 1) ** -0.5
    return 0.09 * learned, 0.09 * learned


FINE = np.concatenate([[0.0], np.geomspace(0.05, 100, 400)])


@pytest.mark.parametrize("share", [0.01, 0.2])
def test_predictions_begin_where_every_network_has_left_chance_behind(share):
    table = planted_runs(guessing_first, FINE)
    made, waiting = extrapolate(Runs(table, [], []), None, Protocol(share=share))
    # of the smallest network, the last to do so
    begin = 20 / P[1] * (1 - share) ** -2
    assert waiting == [] and len(made) == 4
    for each in made:
        assert each.epochs == pytest.approx(begin, rel=0.01)
        assert each.threshold == pytest.approx(0.95 * 0.09)
        assert each.error.value == pytest.approx(0, abs=1e-3)


def test_controls_that_reach_further_move_the_beginning():
    table = planted_runs(guessing_first, FINE)
    controls = table.assign(shuffled_labels=True, run_id="c" + table.run_id)
    controls["test_loss"] = np.maximum(controls.test_loss, 0.085)
    [first, *_], _ = extrapolate(Runs(table, [], [], controls))
    assert first.epochs == pytest.approx(20 / P[1] * (0.09 / 0.085) ** 2, rel=0.01)
    controls["test_loss"] = 0.0895  # less than 1% is removed
    [first, *_], _ = extrapolate(Runs(table, [], [], controls))
    assert first.epochs == pytest.approx(20 / P[1] * 0.99**-2, rel=0.01)


def test_at_chance_nothing_is_predicted():
    """The smallest network guesses longer than it runs with 500 examples."""

    def law(p, t, n, _):
        return guessing_first(p, t * (n / 1000) ** 10, n, _)

    table = planted_runs(law, FINE, sizes=(500, 1000))
    result = study(Runs(table, [], []))
    [left_out] = result.summary["at_chance"]
    assert left_out["train_size"] == 500
    [note] = result.notes
    assert "at train_size 500 not every network becomes better" in note
    assert {c.setting["train_size"] for c in result.claims} == {1000}
    slow = table[table.train_size == 500]
    with pytest.raises(InputError, match="nothing to predict") as error:
        study(Runs(slow, [], []))
    assert error.value.quantities == {"target_epochs": None}


def test_what_guessing_costs_must_be_known():
    logs = Runs(as_logs(planted_runs(guessing_first, FINE)), [], [])
    with pytest.raises(InputError, match="give a test loss") as error:
        study(logs)
    assert error.value.quantities == {"threshold": None}
    assert study(logs, 0.08).summary["extrapolations"][0]["epochs"] > 0
