"""Slopes of planted kernels, and what is claimed of them."""

import numpy as np
import pytest

from scaletime_jax.plotting.kernel_scale import plot_kernel_scale
from scaletime_jax.studies.kernel_scale import Case, Theory, study

SIZES = np.array([1e3, 1e4, 1e5, 1e6])


def planted(init, slope, noise=0.02, seed=0, theory=None):
    rng = np.random.default_rng(seed)

    def power(exponent):
        scatter = np.exp(noise * rng.normal(size=(len(SIZES), 8)))
        return SIZES[:, None] ** exponent * scatter

    widths = np.array([1, 3, 10, 30])
    return Case(
        "mlp", init, widths, SIZES, power(slope), power(slope), power(0.1), theory
    )


def verdicts(result, beginning):
    return {c.verdict for c in result.claims if c.statement.startswith(beginning)}


@pytest.mark.parametrize(
    ("init", "slope", "wide", "third"),
    [
        ("he", 0.5, "holds", "fails"),
        ("he", 1 / 3, "fails", "holds"),
        ("ntk", 0.0, "holds", "fails"),
        ("ntk", 0.5, "fails", "fails"),
    ],
)
def test_slopes_of_the_largest_pair_are_judged(init, slope, wide, third):
    result = study([planted(init, slope)])
    assert verdicts(result, "At large width") == {wide}
    assert verdicts(result, "The lazy regime") == {third}
    [case] = result.summary["cases"]
    assert case["cube_root_in_interval"]["top"] == (3 if slope == 1 / 3 else 0)
    assert "slope of the kernel's scale" in result.conclusion


def test_theory_is_compared_over_all_sizes():
    right = Theory(SIZES, SIZES**0.5, SIZES**0.5)
    [same] = verdicts(study([planted("he", 0.5, theory=right)]), "The mean squared")
    wrong = right._replace(at_sizes=1.2 * SIZES**0.5)
    [other] = verdicts(study([planted("he", 0.5, theory=wrong)]), "The mean squared")
    assert (same, other) == ("holds", "fails")


def test_tables_have_medians_slopes_and_intervals():
    result = study([planted("he", 0.5), planted("ntk", 0.0)])
    rows = result.tables["slopes"]
    assert len(rows) == 2 * 3 * 3 and len(result.tables["kernels"]) == 2 * 4
    for row in rows:
        assert row["low"] < row["slope"] < row["high"]
        expected = {"square": 0.5, "top": 0.5, "dimension": 0.1}[row["quantity"]]
        if row["init"] == "he":
            # two means of eight, over a factor of ten: four standard errors
            assert row["slope"] == pytest.approx(
                expected, abs=4 * 0.02 / 2 / np.log(10)
            )
    kernels = result.tables["kernels"][-1]
    assert kernels["square_median"] == pytest.approx(1.0, rel=0.05)
    assert kernels["square_theory"] is None


def test_it_draws_values_over_slopes():
    theory = Theory(SIZES, SIZES**0.5, SIZES**0.5)
    cases = [planted("he", 0.5, theory=theory), planted("ntk", 0.0)]
    cases.append(cases[0]._replace(architecture="cnn", theory=None))
    [figure] = plot_kernel_scale(cases).values()
    assert [axis.get_title(loc="left")[0] for axis in figure.axes] == list("abcdef")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["he", "ntk", "mlp", "cnn", "theory"]
    values, slopes = figure.axes[0], figure.axes[3]
    assert values.get_xscale() == values.get_yscale() == "log"
    lines = [line for line in slopes.lines if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(lines[0].get_ydata(), cases[0].slopes("square").values)
