from pathlib import Path

import pytest
from helpers.warm_process import run_tool

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

ROOT = Path(__file__).resolve().parents[2]


def demo(work_dir: Path) -> str:
    options = '--work-dir', work_dir, '--scenes', 16, '--iters', 4
    result = run_tool(ROOT / 'tools/demo.py', *options, cwd=work_dir.parent)
    logs = [path.read_text()[-2000:] for path in work_dir.glob('*/output.log')] if result.returncode else []
    assert result.returncode == 0, '\n'.join([result.stdout, result.stderr, *logs])
    return result.stdout


@pytest.mark.slow
def test_trains_reports_and_does_nothing_twice(tmp_path):
    work_dir = tmp_path / 'demo'
    first = demo(work_dir)
    for name in ('visible only', 'infrared only', 'fused'):
        assert name in first
    page = (work_dir / 'report.html').read_text()
    assert page.count('data:image/jpeg') >= 8 and 'mIoU' in page

    written = {path: path.stat().st_mtime_ns for path in work_dir.glob('*/metrics.json')}
    assert len(written) == 4
    second = demo(work_dir)
    assert second.count('done before') == 4
    assert {path: path.stat().st_mtime_ns for path in work_dir.glob('*/metrics.json')} == written
    assert first.split('IoU in percent')[1] == second.split('IoU in percent')[1]
