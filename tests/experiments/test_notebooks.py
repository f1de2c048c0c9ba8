"""The notebooks of the examples run as they stand."""

import pytest
from scripts import ROOT

nbformat = pytest.importorskip("nbformat", reason="needs pip install -e '.[test]'")
NOTEBOOKS = sorted((ROOT / "experiments/examples").glob("*.ipynb"))


def test_there_is_a_notebook_of_a_plan():
    assert "plan" in {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_has_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": ROOT}}
    nbclient.NotebookClient(notebook, timeout=300, resources=where).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells)
    if path.stem == "plan":
        shown = cells[1].outputs[0].data
        assert "1,389 parameters for 100 epochs" in shown["text/plain"]
        assert 'src="data:image/png;base64,' in shown["text/html"]
        assert "Next runs, with 5 seeds each" in cells[-1].outputs[0].text
