"""A few hundred spoilt files through each reader, and all that ever failed; fuzz_readers.py does ten thousand."""

import importlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fuzz_readers import CORPUS, fuzz
from readers import NAMES

TOOLBOX = ('coco-data-set', 'voc-data-set')  # slower: mmdet builds a data set each time
MEGABYTES = 256  # that a reader may take beside what it had, for images of up to a million pixels


@pytest.mark.parametrize('name', NAMES)
def test_spoilt_files_are_read_or_refused(name: str) -> None:
    if name in TOOLBOX:
        pytest.importorskip('mmdet')
        importlib.import_module('mmdefusion.datasets.registered')  # here, not anew in each process
    files = sorted((CORPUS / name).glob('*.bin'))
    counts, failures = fuzz(name, range(20 if name in TOOLBOX else 200), files)
    assert not failures, '\n'.join(failures)
    assert counts['grown'] < MEGABYTES
    assert counts['read'] > 0 and counts['refused'] > 0


def test_the_corpus_is_of_readers_that_there_are() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} <= set(NAMES)
    assert list((CORPUS / 'png').glob('*.bin'))
