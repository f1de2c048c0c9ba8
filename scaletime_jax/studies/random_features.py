"""Figures 3, 4 and S8 of [B21]: the four scaling regimes, exactly."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from scaletime_jax.keep import Keep, forget
from scaletime_jax.stats.exponents import PowerLaw
from scaletime_jax.studies.feature_pool import (
    DRAWN_MODES,
    FeatureOptions,
    Population,
    Spectrum,
    curve_of,
    drawn_modes,
    make_features,
    make_inputs,
    make_targets,
    measure_spectrum,
    pool_setting,
)
from scaletime_jax.studies.four_regimes import (
    Panel,
    Regimes,
    Sizes,
    make_claims,
    measure_regimes,
)
from scaletime_jax.studies.kernel_targets import (
    KernelStudy,
    Targets,
    curves_of,
    judge_kernels,
    study_kernels,
)
from scaletime_jax.studies.planted_spectra import (
    Planted,
    judge_planted,
    measure_planted,
)
from scaletime_jax.studies.result import Result, finite, rows
from scaletime_jax.track import Track, quiet

NAME = "random_features"
TITLE = "Figures 3, 4 and S8 of Bahri et al.: the four scaling regimes, exactly"
CAPTION = (
    "Draws the four regimes, exponents of loss and spectrum, and kinds of targets. a, "
    "b, d, e: points are means over draws with one s.e.m.; lines are theory from the "
    "limit alone (a, b) or from the spectrum alone (d, e). c: exponents of the loss "
    "against exponents of the spectrum; bars are the range of slopes within the fitted "
    "modes, which measures the deviation from a power law. f: spectra; black where "
    "alpha_K was fitted, crosses where the finite pool begins to bend the spectrum. g "
    "to i: kernels of infinitely wide networks; filled and solid for teachers, open "
    "and dashed for real labels; lines in g are theory."
)
MANY_SIZES = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 10_000)
TABLE_MODES = 200  # points of a kernel, equally spaced on a log axis


class Options(NamedTuple):
    """Options of the study.

    Attributes:
        features: images, network and draws.
        sizes: D with all features, and P with all data, ascending.
        fixed: P or D in the variance-limited panels.
        data_sizes: D at P = fixed, ascending.
        feature_sizes: P at D = fixed, ascending.
        planted: exponents of planted spectra.
        planted_sizes: D and P of planted spectra, ascending.
        planted_features: S of planted spectra.
        planted_draws: number of draws for planted spectra.
        kernel_inputs: number of images, at the smallest pool size, for the kernels of
            infinitely wide networks.
    """

    features: FeatureOptions = FeatureOptions()
    sizes: Sequence[int] = (32, 64, 128, 256, 512)
    fixed: int = 8
    data_sizes: Sequence[int] = MANY_SIZES
    feature_sizes: Sequence[int] = MANY_SIZES
    planted: Sequence[float] = (0.5, 1.0, 1.5)
    planted_sizes: Sequence[int] = (20, 40, 80, 160, 320)
    planted_features: int = 20_000
    planted_draws: int = 20
    kernel_inputs: int = 3000


class Pool(NamedTuple):
    """Measurements of the features at one pool size.

    Attributes:
        pool_size: pool size of the images.
        spectrum: spectrum of the features.
        regimes: losses in the four regimes.
    """

    pool_size: int
    spectrum: Spectrum
    regimes: Regimes


def study(
    options: Options,
    population: Population,
    track: Track = quiet,
    keep: Keep = forget,
) -> Result:
    """Returns losses in all four regimes, of planted spectra and of wide networks.

    Args:
        options: options of the study.
        population: the images.
        track: shows the progress.
        keep: keeps pool sizes, planted spectra and kernels when they are measured.
    """
    pools = [
        keep(
            f"pooled-by-{pool_size}",
            partial(_measure_pool, options, population, pool_size, track),
        )
        for pool_size in track(options.features.pool_sizes, "pool sizes")
    ]
    planted = keep("planted", partial(_measure_planted, options, track))
    kernels = keep("kernels", partial(_measure_kernels, options, population, track))
    seen = {"dataset": population.name, "pooled by": options.features.pool_sizes[0]}
    claims = [claim for each in planted for claim in judge_planted(each)]
    for pool in pools:
        setting = pool_setting(population, options.features, pool.pool_size)
        claims += make_claims(pool.spectrum, pool.regimes, setting)
    claims += judge_kernels(kernels, seen)
    figure = {
        "pools": [(p.pool_size, curve_of(p.spectrum), p.regimes) for p in pools],
        "planted": planted,
        "kernels": [curves_of(each) for each in kernels],
        "fixed": options.fixed,
    }
    summary = {
        "pools": [_summarise_pool(pool) for pool in pools],
        "planted": [_summarise_planted(each) for each in planted],
        "kernels": [_summarise_kernel(each) for each in kernels],
    }
    tables = _tables(pools, planted, kernels)
    return Result(NAME, TITLE, CAPTION, claims, tables, summary, figure, [])


def _measure_pool(
    options: Options, population: Population, pool_size: int, track: Track
) -> Pool:
    inputs = make_inputs(population.images, pool_size)
    features = make_features(inputs, options.features)
    spectrum = measure_spectrum(features)
    regimes = measure_regimes(
        features,
        spectrum.eigenvalues,
        Sizes(options.sizes, options.fixed, options.data_sizes, options.feature_sizes),
        options.features.draws,
        options.features.seed,
        track,
        f"pooled by {pool_size}",
    )
    return Pool(pool_size, spectrum, regimes)


def _measure_planted(options: Options, track: Track) -> list[Planted]:
    return measure_planted(
        options.planted,
        options.planted_features,
        options.planted_sizes,
        options.planted_draws,
        options.features.seed,
        track,
    )


def _measure_kernels(
    options: Options, population: Population, track: Track
) -> list[KernelStudy]:
    """Returns a study for the kernel of each infinitely wide network."""
    order = np.random.default_rng(0).permutation(len(population.images))
    chosen = np.sort(order[: options.kernel_inputs])
    return study_kernels(
        make_inputs(population.images[chosen], options.features.pool_sizes[0]),
        make_targets(population.labels[chosen], population.num_classes),
        options.features.depth,
        options.sizes,
        options.features.draws,
        options.features.seed,
        track,
    )


def _summarise_law(law: PowerLaw) -> dict:
    return {
        "exponent": law.exponent._asdict(),
        "sizes": law.sizes,
        "warning": law.warning,
    }


def _summarise_pool(pool: Pool) -> dict:
    panels = zip(Regimes._fields, pool.regimes, strict=True)
    return {
        "pool_size": pool.pool_size,
        "alpha_K": pool.spectrum.exponent._asdict(),
        "modes_fitted": pool.spectrum.modes,
        **{name: _summarise_panel(panel) for name, panel in panels},
    }


def _summarise_panel(panel: Panel) -> dict:
    """Returns the exponents of a panel and of theory, and the error of the theory."""
    ratio = panel.ratio
    return {
        **_summarise_law(panel.law),
        "exponent_of_theory": panel.theory_law.exponent.value,
        "measured_over_theory": [finite(ratio.min()), finite(ratio.max())],
        "regime": panel.regime.name,
        "reason": panel.regime.reason,
    }


def _summarise_planted(planted: Planted) -> dict:
    over_data = planted.over_data.mean(axis=1) / planted.theory
    over_features = planted.over_features.mean(axis=1) / planted.theory
    return {
        "alpha": planted.exponent,
        "alpha_K": planted.spectrum.exponent.value,
        "alpha_D": _summarise_law(planted.data_law),
        "alpha_P": _summarise_law(planted.features_law),
        "exponent_of_theory": planted.theory_law.exponent.value,
        "measured_over_theory": {
            f"{size:g}": [finite(data), finite(other)]
            for size, data, other in zip(
                planted.sizes, over_data, over_features, strict=True
            )
        },
    }


def _summarise_kernel(kernel: KernelStudy) -> dict:
    return {
        "kernel": kernel.name,
        "teacher": _summarise_targets(kernel.teacher),
        "labels": _summarise_targets(kernel.labels),
    }


def _summarise_targets(targets: Targets) -> dict:
    ratio = targets.losses.mean(axis=1) / targets.theory
    return {
        **_summarise_law(targets.law),
        "measured_over_theory": [finite(ratio.min()), finite(ratio.max())],
    }


def _tables(
    pools: Sequence[Pool], planted: Sequence[Planted], kernels: Sequence[KernelStudy]
) -> dict[str, list[dict]]:
    """Returns the plotted points of each panel."""
    names = (*Regimes._fields, "spectra", "planted", "kernels", "kernel-modes")
    made: dict[str, list[dict]] = {name: [] for name in names}
    for pool in pools:
        pooled = {"pooled": pool.pool_size}
        for name, panel in zip(Regimes._fields, pool.regimes, strict=True):
            made[name] += _points(panel.sizes, panel.losses, panel.theory, **pooled)
        modes = drawn_modes(len(pool.spectrum.eigenvalues), DRAWN_MODES)
        values = pool.spectrum.eigenvalues[modes - 1]
        made["spectra"] += rows(**pooled, mode=modes, eigenvalue=values)
    for each in planted:
        for over, losses in (
            ("data", each.over_data),
            ("features", each.over_features),
        ):
            fields = {"alpha": each.exponent, "over": over}
            made["planted"] += _points(each.sizes, losses, each.theory, **fields)
    for kernel in kernels:
        made["kernel-modes"] += _modes(kernel)
        for name, targets in (("teacher", kernel.teacher), ("labels", kernel.labels)):
            fields = {"kernel": kernel.name, "targets": name}
            made["kernels"] += _points(
                kernel.sizes, targets.losses, targets.theory, **fields
            )
    return made


def _modes(kernel: KernelStudy) -> list[dict]:
    """Returns eigenvalues and squared coefficients of labels, at some modes."""
    modes = drawn_modes(len(kernel.eigenvalues), TABLE_MODES)
    return rows(
        kernel=kernel.name,
        mode=modes,
        eigenvalue=kernel.eigenvalues[modes - 1],
        label_moment=kernel.labels.moments[modes - 1],
    )


def _points(sizes, losses, theory, **fields) -> list[dict]:
    """Returns a row for each size, with mean and standard error over draws."""
    return rows(
        **fields,
        size=sizes,
        mean=losses.mean(axis=1),
        sem=losses.std(axis=1, ddof=1) / np.sqrt(losses.shape[1]),
        theory=theory,
        draws=losses.shape[1],
    )
