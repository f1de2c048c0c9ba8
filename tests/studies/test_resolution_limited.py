import numpy as np
import pytest
from readable import assert_readable
from scaled import planted_scaling
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.plotting.resolution_limited import plot_resolution_limited
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.studies.resolution_limited import measure_dimension, study
from scaletime_jax.studies.scalings import check_grid


def verdicts(result, words):
    return [c.verdict for c in result.claims if c.quantity.startswith(words)]


def test_planted_exponents_are_found_and_numbers_are_alike():
    result = study(planted_scaling())
    for each in result.figure["made"]:
        low, high = each.exponent.interval
        assert low < 0.4 < high and high - low < 0.05
        assert each.used.all() and each.axis == "train_size"
    assert verdicts(result, "change of the exponent") == ["holds"]
    assert verdicts(result, "exponent over that") == ["holds"] * 3


def test_another_exponent_of_the_error_and_of_the_final_loss_fails():
    result = study(planted_scaling(error=0.8, rise=-0.2))
    assert verdicts(result, "exponent over that") == ["fails"] * 3


def test_a_curve_that_bends_is_not_one_power_law():
    result = study(planted_scaling(bend=0.05))
    assert verdicts(result, "change of the exponent") == ["fails"]
    [bent] = [e for e in result.figure["made"] if e.number == ("best", "test_loss")]
    # the exponent is loss + 2 bend log x
    assert bent.bend.value == pytest.approx(0.1 * np.log(40), rel=0.1)
    assert not bent.used.all()


@pytest.mark.parametrize(("d", "verdict"), [(10.0, "holds"), (20.0, "fails")])
def test_four_over_the_exponent_beside_the_dimension(d, verdict):
    found = {"pictures": {"images": Estimate(d, (d - 1, d + 1))}}
    result = study(planted_scaling(), found)
    assert verdicts(result, "4 / alpha_D") == [verdict]
    [claim] = [c for c in result.claims if "dimension" in c.quantity]
    assert claim.value == pytest.approx(10 / d, rel=0.02)
    assert f"the dimension is {d:.3g} [{d - 1:.3g}, {d + 1:.3g}]" in claim.note
    assert result.tables["dimensions"][0]["dimension"] == d


def test_over_model_size_at_the_largest_train_size():
    result = study(planted_scaling(widths=(1, 2, 4, 8)))
    over_size = [e for e in result.figure["made"] if e.axis == "num_params"]
    assert {e.fields["train_size"] for e in over_size} == {10_000}
    loss = next(e for e in over_size if e.number == ("best", "test_loss"))
    assert loss.exponent.value == pytest.approx(0.3, abs=0.05)
    assert len(result.figure["made"]) == 4 * 4 + 4


def test_logs_without_an_accuracy_and_runs_without_errors():
    runs = planted_scaling()
    without = runs._replace(table=runs.table.drop(columns="test_accuracy"))
    assert {e.number[1] for e in study(without).figure["made"]} == {"test_loss"}
    perfect = runs.table.train_size == 10_000
    table = runs.table.assign(
        test_accuracy=runs.table.test_accuracy.mask(perfect & (runs.table.epoch > 0), 1)
    )
    for each in study(runs._replace(table=table)).figure["made"]:
        assert len(each.sizes) == (5 if each.number[1] == "test_error" else 6)


def test_dimension_of_points_that_repeat():
    rng = np.random.default_rng(0)
    flat = rng.uniform(size=(3000, 2)) @ rng.normal(size=(2, 7 * 7))
    images = flat.reshape(-1, 7, 7, 1)
    once = measure_dimension(images)
    assert once.value == pytest.approx(2, abs=0.15)
    assert measure_dimension(np.concatenate([images, images])) == once


def test_too_few_sizes_are_refused():
    runs = planted_scaling()
    few = runs._replace(table=runs.table[runs.table.train_size < 2000])
    with pytest.raises(InputError, match="no setting has 4 train sizes or widths"):
        study(few)
    with pytest.raises(InputError, match="pictures has 3 and 1: add sizes"):
        check_grid(few.table)
    check_grid(runs.table)


def test_the_figure_and_the_files_can_be_written():
    found = {
        "pictures": {
            "images": Estimate(9.0, (8.0, 10.0)),
            "hidden": Estimate(7.0, (6.0, 8.0)),
        }
    }
    result = study(planted_scaling(widths=(1, 2, 4, 8)), found)
    assert_can_be_written(result)
    for figure in plot_resolution_limited(**result.figure).values():
        assert_readable(figure)
    plot_resolution_limited(**study(planted_scaling()).figure)


@pytest.mark.parametrize(("low", "drawn"), [(2.0, True), (-2.0, False)])
def test_four_over_an_exponent_that_may_be_zero_is_not_drawn(low, drawn):
    found = {"pictures": {"images": Estimate(10.0, (9.0, 11.0))}}
    figure = study(planted_scaling(), found).figure
    made = [
        each._replace(inverse=Estimate(10.0, (low, 12.0))) for each in figure["made"]
    ]
    right = plot_resolution_limited(made, found)[""].axes[2]
    assert any(10.0 in line.get_ydata() for line in right.lines) is drawn
    assert (len(right.texts) == 0) is drawn
