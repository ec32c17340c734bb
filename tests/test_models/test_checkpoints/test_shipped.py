"""Weights that come with the package are named, from any folder, wherever a checkpoint is."""

import pytest
import torch
from mmengine.runner import load_checkpoint

import mmdefusion.models.registered  # noqa: F401
from mmdefusion import DeFusionPP
from mmdefusion.apis import FusionInferencer, load_fuser
from mmdefusion.models.backbones import DeFusionEncoder, SpatialPrior
from mmdefusion.models.checkpoints.fetching import local_path
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.shipped import shipped

KEY = 'backbone.blocks.3.attn.qkv.weight'


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope='module')
def weights() -> torch.Tensor:
    return read_checkpoint(shipped()['tiny'])['state_dict'][KEY].float()


def test_by_our_reader_and_by_mmengine(weights):
    assert torch.equal(read_checkpoint('tiny')['state_dict'][KEY].float(), weights)
    detector = torch.nn.ModuleDict({'backbone': DeFusionEncoder('tiny')})
    load_checkpoint(detector, 'tiny')  # what Runner does with load_from
    assert torch.equal(detector.state_dict()[KEY], weights)


@pytest.mark.parametrize('prefix', ['backbone.', None])
def test_in_init_cfg(prefix, weights):
    init_cfg = dict(type='Pretrained', checkpoint='tiny')
    if prefix:
        model, key = DeFusionEncoder('tiny', init_cfg=dict(init_cfg, prefix=prefix)), KEY.removeprefix(prefix)
    else:
        model, key = DeFusionPP('tiny', init_cfg=init_cfg), KEY.replace('backbone.', 'encoder.')
    model.init_weights()
    assert torch.equal(model.state_dict()[key], weights)


def test_the_prior_beside_the_rest(weights):
    start = dict(init_cfg=dict(type='Pretrained', checkpoint='prior'))
    stems = {key.removeprefix('prior.'): value.float() for key, value in read_checkpoint('prior')['state_dict'].items()}
    whole = dict(type='Pretrained', checkpoint='tiny')
    models = DeFusionPP('tiny', spatial_prior=dict(type='mmdefusion.SpatialPrior', **start), init_cfg=whole)
    models.init_weights()
    assert torch.equal(models.state_dict()[KEY.replace('backbone.', 'encoder.')], weights)
    alone = SpatialPrior(64, strides=(4, 8), **start)
    alone.init_weights()
    for prior in (models.spatial_prior, alone):
        held = prior.state_dict()
        read = {key: value for key, value in held.items() if key.startswith('stems.')}
        assert read and all(torch.equal(value.float(), stems[key]) for key, value in read.items())


def test_features_whole_but_for_what_belongs_to_the_task():
    pytest.importorskip('mmcv')
    pyramid = dict(type='mmdefusion.GuidedPyramid', out_channels=64)
    model = DeFusionPP('tiny', pyramid=pyramid, init_cfg=dict(type='Pretrained', checkpoint='guided'))
    model.init_weights()
    slots, held = {'backbone': 'encoder', 'neck.0': 'decomposition', 'neck.1': 'pyramid'}, model.state_dict()
    for key, value in read_checkpoint('guided')['state_dict'].items():
        slot = next(slot for slot in slots if key.startswith(f'{slot}.'))
        assert torch.equal(held.pop(slots[slot] + key.removeprefix(slot)).to(value.dtype), value)
    assert all(key.startswith('pyramid.prior.levels.') for key in held)


def test_in_fusing(weights):
    for fuser in (load_fuser('tiny'), FusionInferencer('tiny', device='cpu').model):
        assert torch.equal(fuser.state_dict()[KEY], weights)


def test_a_file_of_that_name_comes_first(tmp_path):
    torch.save({'state_dict': {KEY: torch.ones(2)}}, tmp_path / 'tiny')
    assert str(local_path('tiny')) == 'tiny'
    assert read_checkpoint('tiny')['state_dict'][KEY].tolist() == [1, 1]
    model = torch.nn.Module()
    assert load_checkpoint(model, 'tiny')['state_dict'][KEY].tolist() == [1, 1]


def test_other_names_are_files():
    assert set(shipped()) == {'guided', 'prior', 'scenes_atss', 'tiny'}
    with pytest.raises(FileNotFoundError, match=r'The checkpoint huge is not there\. Weights with a name: .*tiny\.'):
        read_checkpoint('huge')


def test_the_detector_of_the_package_by_its_name():
    assert read_checkpoint('scenes_atss')['meta']['dataset_meta']['classes'] == ('person', 'car', 'cone')
    assert local_path('scenes_atss') == shipped()['scenes_atss']
