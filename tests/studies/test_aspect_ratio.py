import pandas as pd
import pytest
from readable import assert_readable
from scaled import planted_scaling
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.plotting.aspect_ratio import plot_aspect_ratio
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.aspect_ratio import check_grid, parse_depth, study


def shaped(exponents, **how):
    """Planted runs; exponents by depth and width."""
    tables = []
    for (depth, width), exponent in exponents.items():
        table = planted_scaling(loss=exponent, widths=(width,), **how).table
        name = f"wrn{depth}"
        tables.append(table.assign(architecture=name, run_id=name + table.run_id))
    return Runs(pd.concat(tables, ignore_index=True), [], [])


GRID = {
    (depth, width): 0.2 + 0.2 * (width > 1) + shift
    for depth, shift in ((10, 0.0), (16, 0.1), (22, 0.01))
    for width in (1, 2, 4)
}


def verdicts(result, kind):
    quantity = f"change of alpha_D by {kind}"
    return [c.verdict for c in result.claims if c.quantity == quantity]


def test_mild_depth_growing_width_and_a_saturating_width_hold():
    result = study(shaped(GRID))
    assert verdicts(result, "depth") == ["holds"] * 3
    assert verdicts(result, "width") == ["holds"] * 3
    assert verdicts(result, "largest widths") == ["holds"] * 3
    changes = {
        (each.kind, each.ends): each.estimate.value for each in result.figure["changes"]
    }
    # from the least to the greatest depth, whatever lies between
    assert changes["depth", (10, 22)] == pytest.approx(0.01, abs=0.01)
    assert changes["width", (1.0, 4.0)] == pytest.approx(0.2, abs=0.02)
    assert changes["largest widths", (2.0, 4.0)] == pytest.approx(0.0, abs=0.02)
    assert len(result.summary["shapes"]) == 9


def test_each_claim_can_fail():
    grid = {(d, w): 0.9 - 0.2 * w + 0.01 * d for d in (10, 22) for w in (1, 2, 4)}
    result = study(shaped(grid))
    assert verdicts(result, "depth") == ["fails"] * 3
    assert verdicts(result, "width") == ["fails"] * 2
    assert verdicts(result, "largest widths") == ["fails"] * 2


def test_shapes_that_are_missing_are_left_out():
    """Two widths have no largest two apart from the ends; a lone width has neither."""
    grid = {(10, 1): 0.2, (10, 2): 0.4, (16, 2): 0.4}
    result = study(shaped(grid))
    assert verdicts(result, "width") == ["holds"]
    assert verdicts(result, "depth") == ["holds"]
    assert verdicts(result, "largest widths") == []


def test_depth_is_in_the_name():
    assert parse_depth("wrn16") == ("wrn", 16)
    assert parse_depth("mlp") is None and parse_depth("16") is None


def test_runs_of_one_shape_are_refused():
    one = shaped({(10, 1): 0.2})
    with pytest.raises(InputError, match="no architecture has runs of two depths"):
        study(one)
    with pytest.raises(InputError, match="two depths or two widths"):
        check_grid(one.table)
    check_grid(shaped(GRID).table)


def test_figures_of_one_and_of_several_settings():
    result = study(shaped(GRID))
    assert_can_be_written(result)
    for figure in plot_aspect_ratio(**result.figure).values():
        assert_readable(figure)
    table = shaped(GRID).table
    other = table.assign(dataset="others", run_id="b" + table.run_id)
    both = study(Runs(pd.concat([table, other], ignore_index=True), [], []))
    assert len(plot_aspect_ratio(**both.figure)) == 3
    assert_can_be_written(both)
