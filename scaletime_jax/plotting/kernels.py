"""What figures of linear students share: letters, errors, a kernel's three panels."""

from collections.abc import Sequence

import numpy as np

from scaletime_jax.plotting.style import use_log_axis
from scaletime_jax.studies.kernel_targets import KernelCurves

# Okabe and Ito's colours, told apart by colour-blind readers.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "0.3")
MARKERS = ("o", "s", "^", "D", "v", "P")


def put_letters(axes, letters: str) -> None:
    """Writes a letter above each panel."""
    for axis, letter in zip(axes, letters, strict=True):
        axis.text(-0.2, 1.03, letter, transform=axis.transAxes, fontweight="bold")


def standard_errors(losses: np.ndarray) -> np.ndarray:
    """Returns [sizes] standard errors of the means of losses [sizes, draws]."""
    draws = losses.shape[1]
    return (
        losses.std(axis=1, ddof=1) / np.sqrt(draws) if draws > 1 else losses[:, 0] * 0
    )


def leave_room(axis, share: float) -> None:
    """Extends a logarithmic axis downwards by a share, for a legend."""
    low, high = axis.get_ylim()
    axis.set_ylim(low * (low / high) ** share, high)


def draw_kernels(
    axes,
    kernels: Sequence[KernelCurves],
    first: int = 1,
    what: str = "infinitely wide networks",
) -> None:
    """Draws the loss on teachers and on labels, spectra, and coefficients.

    Args:
        axes: three panels.
        kernels: one colour each.
        first: the number of the first colour.
        what: what the kernels are of, in words.
    """
    over_data, tails, moments = axes
    for which, study in enumerate(kernels):
        colour, marker = COLOURS[which + first], MARKERS[which]
        both = (study.teacher, colour, "-"), (study.labels, "white", "--")
        for targets, face, dash in both:
            value = targets.exponent
            over_data.errorbar(
                study.sizes,
                targets.losses.mean(axis=1),
                yerr=standard_errors(targets.losses),
                fmt=marker,
                color=colour,
                markerfacecolor=face,
                markersize=4,
                linewidth=0.8,
                label="none" if value is None else f"{value:.2f}",
            )
            over_data.plot(study.sizes, targets.theory, dash, color=colour, lw=1)
        tails.plot(study.modes, study.share_beyond, color=colour, label=study.name)
        for targets, dash in ((study.teacher, "-"), (study.labels, "--")):
            moments.plot(targets.modes, targets.moments, dash, color=colour)
    for axis in (over_data, tails, moments):
        use_log_axis(axis.xaxis, 4)
        use_log_axis(axis.yaxis, 5)
    # centred labels hardly have the first, all but constant mode
    moments.set_ylim(bottom=0.1)
    over_data.set_xlabel("training points $D$")
    over_data.set_ylabel("test loss, targets of variance 1")
    over_data.set_title("filled teachers, open real labels", fontsize=9)
    leave_room(over_data, 0.2)
    over_data.legend(
        ncols=3, fontsize=7, title="exponents", title_fontsize=7, loc="lower left"
    )
    tails.set_xlabel("mode $i$")
    tails.set_ylabel(r"share of $\mathrm{Tr}\,\mathcal{C}$ beyond mode $i$")
    tails.set_title(f"spectra of {what}", fontsize=9)
    tails.legend(fontsize=7)
    moments.set_xlabel("mode $i$")
    moments.set_ylabel(r"target coefficient $\bar w_i^2$")
    moments.set_title("solid teachers, dashed real labels", fontsize=9)
