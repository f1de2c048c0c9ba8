import numpy as np
import pytest
from planted import planted_table

from scaletime_jax.plotting.exponents import share_colours
from scaletime_jax.plotting.settings import describe_setting
from scaletime_jax.plotting.style import save_figure, shades
from scaletime_jax.plotting.tradeoff import plot_tradeoff
from scaletime_jax.runs.guessing import RECORD, SHARES, Level
from scaletime_jax.stats.estimates import Estimate
from scaletime_jax.stats.local_exponents import LocalExponents
from scaletime_jax.studies.tradeoff import fit_tradeoff


@pytest.fixture(scope="module")
def figure():
    table = planted_table(sizes=(500, 1000, 2000), epochs_run=2.0)
    curves = fit_tradeoff(table, [Level(None, {"planted": 0.09}), Level(0.2)])
    assert sum(curve.censored for curve in curves) > 0
    [figure] = plot_tradeoff(curves, None).values()
    return [c for c in curves if c.share is None], figure


def test_axes_are_logarithmic_and_labelled(figure):
    _, figure = figure
    axis = figure.axes[0]
    assert axis.get_xscale() == axis.get_yscale() == "log"
    assert "number of parameters" in figure.get_supxlabel()
    assert "epochs" in axis.get_ylabel()
    assert "exponent" in figure.axes[1].get_ylabel()
    assert "test MSE < 0.09" in axis.texts[0].get_text()


def test_curves_are_the_points_and_censored_points_are_hollow(figure):
    curves, figure = figure
    lines = {
        (line.get_marker(), line.get_color()): line for line in figure.axes[0].lines
    }
    colours = shades([500, 1000, 2000])
    for curve in curves:
        full = [p for p in curve.points if p.censored == 0]
        line = lines["o", colours[curve.fields["train_size"]]]
        np.testing.assert_allclose(line.get_ydata(), [p.epochs_mean for p in full])
    hollow = [line for line in figure.axes[0].lines if line.get_marker() == "^"]
    drawn = sum(len(line.get_xdata()) for line in hollow)
    assert drawn == sum(p.censored > 0 for c in curves for p in c.points)
    assert all(line.get_markerfacecolor() == "white" for line in hollow)


def test_guides_are_one_to_one(figure):
    _, figure = figure
    guides = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert len(guides) > 3
    for line in guides:
        products = line.get_xdata() * line.get_ydata()
        np.testing.assert_allclose(products, products[0], rtol=1e-9)


def test_the_legend_names_the_shares_that_are_drawn_alone():
    table = planted_table(sizes=(500,))
    levels = [Level(None, {"planted": 0.09}), Level(0.2), Level(0.999)]
    curves = fit_tradeoff(table, levels)
    assert [curve.exponents is None for curve in curves] == [False, False, True]
    [figure] = plot_tradeoff(curves, 0.2).values()
    [legend] = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert "0.2" in words and "0.999" not in words


@pytest.mark.parametrize("missing", SHARES)
def test_the_share_of_the_claims_is_always_drawn(missing):
    """The left panel and the claims are at this share."""
    none = Estimate(None, None)
    one = LocalExponents(np.ones(1), np.ones(1), None, none, None, None)
    found = dict.fromkeys((None, *SHARES), one)
    drawn = share_colours({**found, missing: None}, RECORD)
    assert (RECORD in drawn) == (missing != RECORD) and missing not in drawn
    assert None in drawn and len(drawn) <= 5


def test_more_data_is_darker():
    colours = [sum(shades([3, 1, 2])[v][:3]) for v in (1, 2, 3)]
    assert colours == sorted(colours, reverse=True)


def test_saved_figures_keep_text_as_text(figure, tmp_path):
    _, figure = figure
    save_figure(figure, tmp_path / "a")
    svg = (tmp_path / "a.svg").read_text()
    assert "training examples</text>" in svg
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_a_panel_names_the_later_numbers_that_differ():
    fields = {"dataset": "mnist", "optimizer": "momentum", "learning_rate": 0.01}
    words = describe_setting({**fields, "momentum": 0.9, "schedule": "cosine"})
    assert words == "MNIST\nmomentum 0.01, momentum 0.9, cosine"
