"""The command of the project's own benchmark; what it runs is in tests/test_experiments/test_benchmark_suite.py."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.tools_in_process import fail, run

from mmdefusion.visualization import Table

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
TOOL = Path(__file__).resolve().parents[2] / 'tools/benchmark_suite.py'


@pytest.fixture
def asked(monkeypatch) -> list[tuple]:
    """What the command asks for; the table ``a`` is finished, in ``b`` a model has failed."""
    asked = []

    def run_suite(work_dir, tables, seeds, publish, notify):
        asked.append((work_dir, tables, seeds, publish))
        notify('begun')
        scores = Table(['model', 'mAP'], [['one', 71.2]])
        results = {
            'a': SimpleNamespace(scores=scores, report=work_dir / 'a/report.html', failed={}),
            'b': SimpleNamespace(scores=None, report=work_dir / 'b/report.html', failed={'two': 'ValueError'}),
        }
        return {name: results[name] for name in tables if name in results}

    monkeypatch.setattr('mmdefusion.experiments.benchmark.suite.run_suite', run_suite)
    return asked


def test_tables_and_reports_are_told(asked, tmp_path):
    printed = run(TOOL, '--tables', 'a', '--seeds', 3, '--work-dir', 'out', '--publish', 'pages', cwd=tmp_path)
    assert asked == [(Path('out'), ['a'], 3, Path('pages'))]
    assert printed.startswith('begun\na\n') and '71.2' in printed
    assert printed.endswith(f'written: {Path("out/a/report.html")}\n')


def test_what_failed_is_told_at_the_end(asked, tmp_path):
    assert fail(TOOL, '--tables', 'a,b', cwd=tmp_path) == 'failed: two (b)'
    assert asked == [(Path('work_dirs/benchmark'), ['a', 'b'], 1, None)]


def test_wrong_calls(tmp_path):
    assert fail(TOOL, '--seeds', 0, cwd=tmp_path).endswith('error: --seeds is 1 or more.')
    assert fail(TOOL, '--tables', 'msrs,trees-hours', cwd=tmp_path).startswith('trees-hours: no such table; there are')
