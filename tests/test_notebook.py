"""The notebook runs from top to bottom, and has the outputs of a run in it."""

import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / 'demo/mmdefusion_tour.ipynb'
nbformat = pytest.importorskip('nbformat', reason='pip install nbclient nbformat ipykernel')


def test_it_has_outputs_and_no_paths_of_a_machine():
    notebook = nbformat.read(NOTEBOOK, 4)
    outputs = [output for cell in notebook.cells for output in cell.get('outputs', ())]
    assert sum('image/png' in output.get('data', {}) for output in outputs) >= 4
    assert not [output for output in outputs if output.output_type == 'error']
    text = NOTEBOOK.read_text()
    assert not re.search(r'/(home|root|work|tmp)/', text) and len(text) < 400_000


@pytest.mark.soak
def test_it_runs(tmp_path):
    pytest.importorskip('mmdet')
    client = pytest.importorskip('nbclient')
    notebook = nbformat.read(NOTEBOOK, 4)
    for cell in notebook.cells:
        cell.source = cell.source.replace('ITERATIONS, SCENES = 120, 120', 'ITERATIONS, SCENES = 8, 8')
    client.NotebookClient(notebook, timeout=600, resources={'metadata': {'path': str(tmp_path)}}).execute()
    printed = ''.join(output.text for output in notebook.cells[-2].outputs if output.output_type == 'stream')
    assert re.findall(r'^(both|visible only|infrared only) +loss', printed, re.MULTILINE) == [
        'both',
        'visible only',
        'infrared only',
    ]
