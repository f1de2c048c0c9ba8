import pandas as pd
import pytest
from scaled import planted_scaling
from written import assert_can_be_written

from scaletime_jax.errors import InputError
from scaletime_jax.runs.read import Runs
from scaletime_jax.studies.data_distribution import parse_name, study


def on(dataset, exponent, **how):
    """Planted runs whose loss and error fall with one exponent."""
    table = planted_scaling(loss=exponent, error=exponent, rise=exponent, **how).table
    ids = dataset + table.run_id
    return table.assign(dataset=dataset, run_id=ids)


def together(*tables):
    return Runs(pd.concat(tables, ignore_index=True), [], [])


def verdicts(result, words):
    return [c.verdict for c in result.claims if words in c.quantity]


def test_names_of_altered_datasets():
    assert parse_name("mnist12k-classes5") == ("mnist12k", "classes", 5.0)
    assert parse_name("a-pool2-noise0.25") == ("a-pool2", "noise", 0.25)
    assert parse_name("mnist12k") is None and parse_name("mnist-pool2") is None
    both = parse_name("mnist-classes2-noise1")
    assert both == ("mnist-classes2", "noise", 1.0)


def test_superclasses_with_the_same_exponent_hold_and_noise_that_lowers_it():
    runs = together(
        on("a", 0.4), on("a-classes2", 0.41), on("a-noise1", 0.25), on("a-noise2", 0.1)
    )
    result = study(runs)
    assert verdicts(result, "by classes") == ["holds"] * 2
    assert verdicts(result, "by noise") == ["holds"] * 4
    changes = {
        (each.kind, each.level): each.change.value
        for each in result.figure["made"]
        if each.scaling.number[1] == "test_loss"
    }
    assert changes["classes", 2.0] == pytest.approx(0.01, abs=0.01)
    assert changes["noise", 1.0] == pytest.approx(-0.15, abs=0.01)
    assert changes["noise", 2.0] == pytest.approx(-0.3, abs=0.01)
    assert changes["noise", 0.0] == 0
    assert_can_be_written(result)


def test_both_claims_can_fail():
    result = study(together(on("a", 0.4), on("a-classes2", 0.6), on("a-noise1", 0.5)))
    assert verdicts(result, "by classes") == ["fails"] * 2
    assert verdicts(result, "by noise") == ["fails"] * 2


def test_differences_are_paired_by_seed():
    """Seeds that both have, whatever others there are."""
    more = on("a-classes2", 0.4, seeds=7)
    few = study(together(on("a", 0.4), more[more.seed < 5]))
    many = study(together(on("a", 0.4), more))
    for one, other in zip(few.claims, many.claims, strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-12)


def test_several_datasets_get_a_figure_each():
    runs = together(*(on(f"{d}{s}", 0.4) for d in "ab" for s in ("", "-noise1")))
    assert_can_be_written(study(runs))


def test_runs_without_altered_data_are_refused():
    with pytest.raises(InputError, match="no runs on a dataset and on the same with"):
        study(together(on("a", 0.4), on("b-classes2", 0.4)))
