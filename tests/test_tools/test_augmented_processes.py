"""Test-time augmentation in two processes: the model is wrapped twice."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers.toy_run import toy_config
from helpers.toy_tta import PredictingModel, ToyTTAModel
from mmengine.model import MMDistributedDataParallel

from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.weights_fit import refuse_misfit

ROOT = Path(__file__).resolve().parents[2]
PATHS = os.pathsep.join([str(ROOT), str(ROOT / 'tests')])
ENV = os.environ | {'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '-1', 'PYTHONPATH': PATHS}


def test_a_model_in_two_wrappers_is_compared_by_its_own_names(monkeypatch) -> None:
    model = PredictingModel()
    monkeypatch.setattr(MMDistributedDataParallel, '__init__', torch.nn.Module.__init__)
    wrapped = MMDistributedDataParallel()
    wrapped.module = ToyTTAModel(model)
    refuse_misfit(wrapped, model.state_dict(), 'x.pth')
    with pytest.raises(CheckpointError, match='x.pth lacks 9 of the 10 weights of the model, first layers.0.weight'):
        refuse_misfit(wrapped, dict(mask=model.mask), 'x.pth')


@pytest.mark.slow
def test_two_processes(tmp_path: Path) -> None:
    torch.save(dict(state_dict=PredictingModel().state_dict(), meta={}), tmp_path / 'x.pth')
    config = toy_config(
        tmp_path / 'run',
        ROOT / 'configs/_base_/detection_runtime.py',
        custom_imports=dict(imports=['helpers.toy_tta']),
        model=dict(type='PredictingModel'),
        test_dataloader=dict(
            batch_size=2,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='TwofoldDataset', pipeline=[]),
        ),
        test_evaluator=dict(type='CountingMetric'),
        tta_model=dict(type='ToyTTAModel'),
        tta_pipeline=[],
    )
    config.test_cfg = dict(type='TestLoop')
    config.dump(tmp_path / 'toy.py')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        address = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(probe.getsockname()[1]), WORLD_SIZE='2')
    command = [sys.executable, str(ROOT / 'tools/test.py'), 'toy.py', 'x.pth', '--tta', '--launcher', 'pytorch']
    processes = [
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=ENV | address | dict(RANK=rank, LOCAL_RANK=rank),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in '01'
    ]
    printed = [process.communicate(timeout=300)[0] for process in processes]
    assert not any(process.returncode for process in processes), printed[0][-3000:]
    assert re.search(r'counted: 12\b', printed[0])
