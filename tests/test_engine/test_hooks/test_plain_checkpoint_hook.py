from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import torch
from helpers.pretraining import build, cud_config
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.optim import ReduceOnPlateauLR

from mmdefusion.apis import load_fuser
from mmdefusion.engine import PlainCheckpointHook


def test_message_hub_survives_a_safe_load(tmp_path):
    hub = MessageHub.get_instance('plain_checkpoint_test')
    for step, loss in enumerate((3.0, 2.0, 1.5)):
        hub.update_scalar('train/loss', loss, count=step + 1)
    hub.update_info('best_score', np.float64(0.25))
    hub.update_info('iter', 7)
    checkpoint = {'message_hub': hub.state_dict(), 'meta': {'seed': np.int64(3), 'classes': ('a', 'b')}}

    hook = PlainCheckpointHook()
    hook.before_save_checkpoint(SimpleNamespace(model=torch.nn.Identity()), checkpoint)
    torch.save(checkpoint, tmp_path / 'iter_7.pth')
    loaded = torch.load(tmp_path / 'iter_7.pth', weights_only=True)
    hook.after_load_checkpoint(None, loaded)

    buffer = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(buffer, HistoryBuffer)
    np.testing.assert_array_equal(buffer.data[0], [3.0, 2.0, 1.5])
    np.testing.assert_array_equal(buffer.data[1], [1, 2, 3])
    assert loaded['message_hub']['runtime_info'] == {'best_score': 0.25, 'iter': 7}
    assert loaded['meta'] == {'seed': 3, 'classes': ('a', 'b')}

    restored = MessageHub.get_instance('plain_checkpoint_restored')
    restored.load_state_dict(loaded['message_hub'])
    assert restored.get_scalar('train/loss').current() == 1.5


def test_a_schedule_that_saw_a_score_survives_a_safe_load(tmp_path):
    """mmseg's scores are NumPy's, and ReduceOnPlateauLR keeps the best."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))])
    schedule = ReduceOnPlateauLR(optimizer, monitor='mIoU', rule='greater')
    schedule.step({'mIoU': np.float64(41.5)})
    state = OrderedDict(a=torch.ones(1))
    state._metadata = {'': {'version': 1}}
    checkpoint = dict(state_dict=state, param_schedulers=[schedule.state_dict()], optimizer=optimizer.state_dict())
    PlainCheckpointHook().before_save_checkpoint(SimpleNamespace(model=torch.nn.Identity()), checkpoint)
    torch.save(checkpoint, tmp_path / 'epoch_1.pth')
    loaded = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    assert loaded['param_schedulers'][0]['best'] == 41.5 and loaded['state_dict']._metadata == state._metadata
    schedule.load_state_dict(loaded['param_schedulers'][0])
    optimizer.load_state_dict(loaded['optimizer'])


def test_checkpoints_without_a_hub_pass():
    checkpoint = {'state_dict': {}}
    PlainCheckpointHook().after_load_checkpoint(None, checkpoint)
    assert checkpoint == {'state_dict': {}}


def test_a_fuser_carries_its_network_as_data(tmp_path):
    model = build(cud_config())
    checkpoint = {'state_dict': model.state_dict(), 'meta': {'cfg': 'model = print("run")'}}
    PlainCheckpointHook().before_save_checkpoint(SimpleNamespace(model=model), checkpoint)
    torch.save(checkpoint, tmp_path / 'iter_1.pth')
    assert load_fuser(tmp_path / 'iter_1.pth').backbone.arch == model.backbone.arch


def test_no_config_of_a_checkpoint_reaches_the_runner():
    """MMEngine's runner would run meta['config'] on resuming."""
    checkpoint = {'state_dict': {}, 'meta': {'config': 'print("run")', 'iter': 1}}
    PlainCheckpointHook().after_load_checkpoint(None, checkpoint)
    assert checkpoint['meta'] == {'iter': 1}
