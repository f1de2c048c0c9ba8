"""Every network that the benchmark knows can be drawn."""

import pytest
from cases import NETWORKS

from scaletime_jax.plotting.benchmarks import plot_roofline


@pytest.mark.parametrize("architecture", NETWORKS)
def test_a_network_has_its_series(architecture):
    row = {"architecture": architecture, "flops_a_step": 1e8, "bytes_a_step": 1e6}
    rows = [
        {**row, "optimizer": optimizer, "width": width, "flops_a_second": 1e10 * width}
        for optimizer in ("sgd", "adam")
        for width in (1, 2)
    ]
    record = {"rows": rows, "roofs": {"flops": 4e11, "bytes": 4e10}}
    [axis] = plot_roofline(record).axes
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert len(labels) == 2 and labels[0] != labels[1]
