"""Regimes, planted spectra and kernels as they stand in summary.json and CSV."""

import numpy as np

from scaletime_jax.stats.exponents import PowerLaw
from scaletime_jax.studies.four_regimes import Panel, Regimes
from shell import cli
from shell import features as fc


def law_summary(law: PowerLaw) -> dict:
    """Returns a power law as it stands in summary.json."""
    return {
        "exponent": law.exponent._asdict(),
        "sizes": law.sizes,
        "warning": law.warning,
    }


def panel_summary(panel: Panel) -> dict:
    """Returns a panel's exponent, beside theory's, and how far theory is off."""
    ratio = panel.ratio
    return {
        **law_summary(panel.law),
        "exponent_of_theory": panel.theory_law.exponent.value,
        "measured_over_theory": [float(ratio.min()), float(ratio.max())],
        "regime": panel.regime.name,
        "reason": panel.regime.reason,
    }


def summarise(pools, planted, kernels) -> dict:
    """Returns every exponent with its interval."""
    return {
        "pools": [
            {
                "pool_size": size,
                **fc.spectrum_summary(spectrum),
                **{
                    name: panel_summary(panel)
                    for name, panel in zip(Regimes._fields, regimes, strict=True)
                },
            }
            for size, spectrum, regimes in pools
        ],
        "planted": [
            {
                "alpha": each.exponent,
                "alpha_K": each.spectrum.exponent.value,
                "alpha_D": law_summary(each.data_law),
                "alpha_P": law_summary(each.features_law),
                "exponent_of_theory": each.theory_law.exponent.value,
                "measured_over_theory": {
                    f"{size:g}": [float(data), float(other)]
                    for size, data, other in zip(
                        each.sizes,
                        each.over_data.mean(axis=1) / each.theory,
                        each.over_features.mean(axis=1) / each.theory,
                        strict=True,
                    )
                },
            }
            for each in planted
        ],
        "kernels": [
            {
                "kernel": each.name,
                **{
                    name: {
                        **law_summary(targets.law),
                        "measured_over_theory": [
                            float(change(targets.losses.mean(axis=1) / targets.theory))
                            for change in (np.min, np.max)
                        ],
                    }
                    for name, targets in (
                        ("teacher", each.teacher),
                        ("labels", each.labels),
                    )
                },
            }
            for each in kernels
        ],
    }


def panels(pools, planted, kernels) -> dict[str, list[dict]]:
    """Returns the plotted points of each panel."""
    made: dict[str, list[dict]] = {name: [] for name in Regimes._fields}
    made |= {name: [] for name in ("spectra", "planted", "kernels", "kernel-modes")}
    for size, spectrum, regimes in pools:
        for name, panel in zip(Regimes._fields, regimes, strict=True):
            made[name] += _points(panel.sizes, panel.losses, panel.theory, pooled=size)
        modes = np.unique(np.geomspace(1, len(spectrum.eigenvalues), 300).astype(int))
        values = spectrum.eigenvalues[modes - 1]
        made["spectra"] += cli.records(pooled=size, mode=modes, eigenvalue=values)
    for each in planted:
        for over, losses in (
            ("data", each.over_data),
            ("features", each.over_features),
        ):
            fields = {"alpha": each.exponent, "over": over}
            made["planted"] += _points(each.sizes, losses, each.theory, **fields)
    for each in kernels:
        modes = np.unique(np.geomspace(1, len(each.eigenvalues), 200).astype(int))
        columns = {"kernel": each.name, "mode": modes}
        values = each.eigenvalues[modes - 1]
        moments = {"label_moment": each.labels.moments[modes - 1]}
        made["kernel-modes"] += cli.records(**columns, eigenvalue=values, **moments)
        for name, targets in (("teacher", each.teacher), ("labels", each.labels)):
            fields = {"kernel": each.name, "targets": name}
            made["kernels"] += _points(
                each.sizes, targets.losses, targets.theory, **fields
            )
    return made


def _points(sizes, losses, theory, **fields) -> list[dict]:
    """Returns a row for each size, with mean and standard error over draws."""
    sem = losses.std(axis=1, ddof=1) / np.sqrt(losses.shape[1])
    columns = {"size": sizes, "mean": losses.mean(axis=1), "sem": sem}
    return cli.records(**fields, **columns, theory=theory, draws=losses.shape[1])
