import numpy as np
import pytest
from planted import PARAMS, as_logs, planted_runs
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.extrapolate import (
    Protocol,
    extrapolate,
    make_claims,
    study,
)

P = {width: np.cbrt(num_params) for width, num_params in PARAMS.items()}
# coarse: interpolation must follow the law between evaluations
EPOCHS = np.concatenate([[0.0], np.geomspace(0.05, 100, 12)])
LIMIT = {"planted": 0.09}
PROTOCOL = Protocol(target_epochs=5.0)


def power_law(size_exponent=1.0, scale=1.0):
    """Losses that fall as powers of p^size_exponent t, test and train differently."""

    def law(p, t, n, _):
        with np.errstate(divide="ignore"):
            progress = (p / 20) ** size_exponent * t * scale
            return 0.2 * progress**-0.5, 0.1 * progress**-0.8

    return law


def results(law, protocol=PROTOCOL, **how):
    made = extrapolate(planted_runs(law, EPOCHS, **how), LIMIT, protocol)
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
    made = extrapolate(planted_runs(law, EPOCHS, scatter=0.01), LIMIT, PROTOCOL)
    claims = make_claims(made, PROTOCOL)
    errors = [c for c in claims if c.quantity.startswith("mean")]
    assert len(errors) == 4 and {c.verdict for c in errors} == {verdict}


def test_where_nothing_changes_nothing_is_decided():
    def flat(p, t, n, _):
        return np.full_like(t, 0.09), np.full_like(t, 0.09)

    made = extrapolate(planted_runs(flat, EPOCHS), LIMIT, PROTOCOL)
    claims = make_claims(made, PROTOCOL)
    assert {claim.verdict for claim in claims} == {"undecided"}
    assert sum(c.note == "predicting no change would do as well" for c in claims) == 4


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
    made = extrapolate(table, LIMIT, PROTOCOL)
    [size] = [m for m in made if (m.direction, m.loss) == ("size", "test_loss")]
    assert size.onset_is_bound
    assert size.onset.value == pytest.approx(np.log(P[10] / 30), abs=0.05)
    [claim] = [c for c in make_claims([size], PROTOCOL) if "threshold" in c.quantity]
    assert claim.verdict == "fails" and "lower bound" in claim.note
    near = PROTOCOL._replace(tolerance=1.0)
    [claim] = [c for c in make_claims([size], near) if "threshold" in c.quantity]
    assert claim.verdict == "undecided"


@pytest.mark.parametrize(("exponent", "verdict"), [(1.0, "holds"), (-1.0, "fails")])
def test_predicting_is_compared_with_predicting_no_change(exponent, verdict):
    table = planted_runs(power_law(exponent), EPOCHS, scatter=0.01)
    made = extrapolate(table, LIMIT, PROTOCOL)
    gains = [c for c in make_claims(made, PROTOCOL) if "no change" in c.quantity]
    assert len(gains) == 4 and {claim.verdict for claim in gains} == {verdict}
    for each in made:
        ratio = np.log(each.error.value / each.change.value)
        assert each.gain.value == pytest.approx(ratio)


def test_widths_without_a_common_seed_are_refused():
    table = planted_runs(power_law(), EPOCHS)
    table.loc[table.width == 1, "seed"] += 100
    with pytest.raises(InputError, match="no seed in common") as error:
        extrapolate(table, LIMIT, PROTOCOL)
    assert error.value.quantities == {"seed": None}


def test_beyond_the_sources_last_epoch_nothing_is_predicted():
    made = results(power_law(), Protocol(target_epochs=60.0))
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
    for each in extrapolate(table, LIMIT, PROTOCOL):
        assert each.error.value == pytest.approx(0, abs=1e-6)
        assert each.error.interval is not None


def test_the_study_holds_all_that_is_written():
    table = planted_runs(power_law(), EPOCHS, sizes=(500, 1000), scatter=0.05)
    result = study(Runs(table, [], []), 0.09, PROTOCOL)
    assert_can_be_written(result)
    made = extrapolate(table, LIMIT, PROTOCOL)
    assert result.claims == make_claims(made, PROTOCOL) and result.notes == []
    assert result.summary["thresholds"] == LIMIT
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
