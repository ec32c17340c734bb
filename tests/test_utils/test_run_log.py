import json
import os

from mmdefusion.utils.run_log import read_rows, validation_scores


def write(folder, *lines) -> None:
    (folder / 'vis_data').mkdir(parents=True)
    (folder / 'vis_data/scalars.json').write_text('\n'.join(map(json.dumps, lines)))


def test_scores_belong_to_the_training_before_them(tmp_path):
    loss = [{'loss': 1.0, 'step': step} for step in (10, 20, 30)]
    by_epoch, by_iteration = {'fused/psnr': 1.0, 'step': 0}, {'fused/psnr': 3.0, 'step': 20}
    write(tmp_path / 'first', loss[0], by_epoch, loss[1], {'fused/psnr': 2.0, 'time': 1.0, 'step': 0})
    write(tmp_path / 'second', loss[0], loss[1], by_iteration, loss[2])
    assert validation_scores(tmp_path) == {10: {'fused/psnr': 1.0}, 20: {'fused/psnr': 3.0}}
    assert validation_scores(tmp_path / 'nowhere') == {}


def test_a_line_that_was_cut_short_is_left_out(tmp_path):
    write(tmp_path / 'run', {'loss': 1.0, 'step': 10}, {'fused/psnr': 2.0, 'step': 0})
    log = tmp_path / 'run/vis_data/scalars.json'
    log.write_text(log.read_text() + '\n{"loss": 0.5, "st')
    assert [len(rows) for rows in read_rows(tmp_path)] == [2]
    assert validation_scores(tmp_path) == {10: {'fused/psnr': 2.0}}


def test_what_is_no_log_is_left_out(tmp_path):
    odd = [{'loss': 1}, {'loss': 1, 'step': 'a'}, {'loss': 1, 'step': [2]}, 5]
    write(tmp_path / 'run', *odd, {'loss': 2.0, 'step': 3, 'name': 'x'})
    log = tmp_path / 'run/vis_data/scalars.json'
    log.write_text(log.read_text() + '\n' + 100_000 * '[')
    (tmp_path / 'waits/vis_data').mkdir(parents=True)
    os.mkfifo(tmp_path / 'waits/vis_data/scalars.json')
    assert list(read_rows(tmp_path)) == [[{'loss': 2.0, 'step': 3}]]
