"""The card of the weights, whose front matter a hub reads, says what the files say of themselves."""

import pytest

from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.shipped import WEIGHTS, shipped


@pytest.fixture(scope='module')
def card():
    return pytest.importorskip('huggingface_hub').ModelCard.load(WEIGHTS / 'README.md')


def test_every_file_is_on_the_card(card):
    files = [path.name for path in WEIGHTS.glob('*.pth')]
    assert len(files) == 4 and all(f'`{name}`' in card.text for name in files)
    assert card.data.library_name == 'mmdefusion' and card.data.license == 'other'


def test_its_numbers_are_those_of_the_weights(card):
    numbers = read_checkpoint(shipped()['tiny'])['meta']['numbers']
    named = {(one.dataset_type, one.metric_type): one.metric_value for one in card.data.eval_results}
    assert named['BSDS500', 'psnr'] == round(numbers['fused/psnr_views'], 1)
    assert named['BSDS500', 'ssim'] == round(numbers['fused/ssim_views'], 3)
    for value in named.values():  # also in the words below
        assert str(value) in card.text
