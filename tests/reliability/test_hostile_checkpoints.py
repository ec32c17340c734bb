"""A sample of the hostile checkpoints against the package's readers; the whole is hostile_checkpoints.py."""

import os
import pickle
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from reliability import hostile_files
from reliability.canary import Canary
from reliability.hostile_checkpoints import judge, library_readers, outcome_of
from reliability.hostile_files import corpus
from reliability.hostile_pickles import Call

ROOT = Path(__file__).resolve().parents[2]
STEP = 11  # a prime: no kind of file is always left out
SLOW = ('header of 100 MB', 'pickle of 20 MB', 'many entries', 'ten million lists', 'long text')
LIMITS = SimpleNamespace(seconds=float('inf'), megabytes=512.0)  # time is not asserted in tests


@pytest.fixture(scope='module')
def canary(tmp_path_factory) -> Canary:
    return Canary(tmp_path_factory.mktemp('birds'))


def test_the_corpus_is_as_large_as_the_pages_say(canary):
    kinds = [kind for kind, _ in corpus(canary)]
    assert len(set(kinds)) == len(kinds)
    told = [(ROOT / page).read_text() for page in ('SECURITY.md', 'docs/reliability.md')]
    told.append(hostile_files.__doc__)
    counts = [re.search(r'(\d{3}) (?:hostile )?files', text)[1] for text in told]
    assert counts == [str(len(kinds))] * 3


def test_the_canary_sings(canary, tmp_path):
    """What the corpus asks for is noticed where it is done."""
    with canary:
        for call in (Call(os.system, f'touch {canary.file}'), Call(os.rmdir, str(canary.victim))):
            pickle.loads(pickle.dumps(call))
            assert canary.fired()
    assert not canary.fired()


def test_a_sample(canary, tmp_path):
    files = [file for file in corpus(canary) if not file[0].endswith(SLOW)][::STEP]
    tallies = judge(library_readers(tmp_path), files, canary, tmp_path, LIMITS)
    assert not [f'{name}: {line}' for name, tally in tallies.items() for line in tally.wrong]
    assert all(tally.outcomes['refused'] > len(files) / 3 for tally in tallies.values())


def test_other_errors_are_told_apart(tmp_path):
    def fail(path):
        raise KeyError('model')

    assert outcome_of(fail, tmp_path)[0] == 'crashed'
    assert outcome_of(lambda path: int('two\nlines'), tmp_path)[0] == 'refused'
