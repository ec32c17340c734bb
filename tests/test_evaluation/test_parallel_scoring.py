"""Scores of files by several processes."""

import os
import signal

import cv2
import numpy as np
import pytest
import torch

from mmdefusion.evaluation.parallel_scoring import iterate_scores, score_files


@pytest.fixture
def triple(tmp_path):
    rng = np.random.default_rng(0)
    paths = [str(tmp_path / f'{name}.png') for name in ('vi', 'ir', 'fused')]
    for path in paths:
        cv2.imwrite(path, rng.integers(0, 256, (64, 64), dtype=np.uint8))
    return tuple(paths)


def test_processes_score_as_one_does(triple):
    triples = [triple, (*triple[:2], 'nowhere.png'), triple]
    one, two = (score_files(triples, 'gray', workers) for workers in (1, 2))
    assert one[0] == two[0] == two[2] and 'nowhere.png' in str(two[1]) and str(one[1]) == str(two[1])


def test_a_process_that_is_ended_is_an_error(triple):
    """As the system does where memory is short."""
    found = iterate_scores([triple] * 400, 400, 'gray', workers=2)
    next(found)
    os.kill(torch.multiprocessing.active_children()[0].pid, signal.SIGKILL)
    with pytest.raises(ChildProcessError, match=r'One of 2 processes that score was ended, .*take fewer \(--workers\)'):
        list(found)
