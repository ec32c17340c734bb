import subprocess
from pathlib import Path

import cv2
from helpers.pretraining import write_fuser, write_images
from helpers.warm_process import run_tool

TOOL = Path(__file__).resolve().parents[2] / 'tools/fuse.py'


def run(*arguments: object) -> subprocess.CompletedProcess:
    return run_tool(TOOL, *arguments)


def test_folders_then_resume(tmp_path):
    for seed, name in enumerate(('vi', 'ir')):
        write_images(tmp_path / name, 2, size=(33, 58), seed=seed)
    arguments = [tmp_path / 'vi', tmp_path / 'ir', '--weights', write_fuser(tmp_path / 'fuser.pth')]
    arguments += ['--out-dir', tmp_path / 'out', '--outputs', 'fused', 'panel', '--colour', 'grey']
    result = run(*arguments)
    assert result.returncode == 0 and '4 written' in result.stdout, result.stderr
    assert cv2.imread(str(tmp_path / 'out/001.png'), cv2.IMREAD_UNCHANGED).shape == (33, 58)
    (tmp_path / 'out/001_panel.png').unlink()
    assert '2 written' in run(*arguments, '--resume').stdout


def test_errors_are_one_line(tmp_path):
    for names, count in (('vi', 2), ('ir', 1)):
        write_images(tmp_path / names, count)
    weights = write_fuser(tmp_path / 'fuser.pth')
    result = run(tmp_path / 'vi', tmp_path / 'ir', '--weights', weights, '--out-dir', tmp_path / 'out')
    assert result.returncode == 1 and '001' in result.stderr and 'Traceback' not in result.stderr
    result = run('no.png', 'none.png', '--weights', weights, '--out-dir', tmp_path / 'out')
    assert result.returncode == 1 and 'no.png' in result.stderr and 'Traceback' not in result.stderr


def pairs_as_the_shell_names_them(folder: Path, count: int = 3) -> list[str]:
    """What an unquoted vi/*.png ir/*.png becomes."""
    for seed, name in enumerate(('vi', 'ir')):
        write_images(folder / name, count, size=(20, 30), seed=seed)
    return [str(path) for name in ('vi', 'ir') for path in sorted((folder / name).iterdir())]


def test_an_unquoted_glob_is_no_stack(tmp_path):
    files, out = pairs_as_the_shell_names_them(tmp_path), tmp_path / 'out'
    weights = '--weights', write_fuser(tmp_path / 'fuser.pth')
    result = run(*files, '--out-dir', out, *weights)
    assert result.returncode == 1 and 'These 6 files' in result.stderr and '--fold' in result.stderr
    assert "'vi/*.jpg' 'ir/*.jpg'" in result.stderr and not list(out.glob('*.png'))
    assert run(*files, '--out-dir', out, '--fold', *weights).returncode == 0
    assert [path.name for path in out.iterdir()] == ['000.png']


def test_one_broken_file_does_not_end_a_folder(tmp_path):
    pairs_as_the_shell_names_them(tmp_path)
    (tmp_path / 'ir/000.png').write_bytes(b'no image')
    write_images(tmp_path / 'more', 1, size=(31, 30))
    (tmp_path / 'more/000.png').rename(tmp_path / 'ir/001.png')
    (tmp_path / 'vi/alone.png').write_bytes((tmp_path / 'vi/000.png').read_bytes())
    arguments = [tmp_path / 'vi', tmp_path / 'ir', '--out-dir', tmp_path / 'out']
    arguments += ['--weights', write_fuser(tmp_path / 'fuser.pth')]
    result = run(*arguments)
    assert result.returncode == 1 and 'alone' in result.stderr and '--skip-unmatched' in result.stderr
    result = run(*arguments, '--skip-unmatched')
    assert result.returncode == 1 and '1 written' in result.stdout and 'Traceback' not in result.stderr
    *_, head, first, second = result.stderr.strip().splitlines()
    assert head == '2 could not be done, all others are:'
    assert (
        '000: ' in first and 'ir/000.png is not an image' in first and '001: the images are 30x20 and 30x31' in second
    )
    assert '1 names lack a partner and are left out (alone).' in result.stderr
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['002.png']


def test_numbers_of_the_rule_of_detail(tmp_path):
    files, weights = pairs_as_the_shell_names_them(tmp_path, 1), ('--weights', write_fuser(tmp_path / 'fuser.pth'))
    for name, detail in (('usual', 'residual'), ('strong', 'boost=4,noise=0')):
        assert run(*files, '--out-dir', tmp_path / name, '--detail', detail, *weights).returncode == 0
    usual, strong = (cv2.imread(str(tmp_path / name / '000.png')) for name in ('usual', 'strong'))
    assert strong.std() > usual.std()
    result = run(*files, '--out-dir', tmp_path / 'none', '--detail', 'bost=4', *weights)
    assert result.returncode == 1 and result.stderr.startswith('bost: the rule of detail has levels, boost')
