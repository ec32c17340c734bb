"""Pairs from any two folders."""

import cv2
import numpy as np
import pytest
from helpers.layouts import grey, write

from mmdefusion.datasets.fusion import FusionDataset
from mmdefusion.inference.sources import Item


def test_pairs_by_name_in_order(tmp_path):
    for k in (2, 1):
        write(tmp_path / f'vi/{k}.jpg', grey(k))
        write(tmp_path / f'ir/{k}.png', grey(k))
    dataset = FusionDataset('vi', 'ir', data_root=str(tmp_path), pipeline=[])
    root = tmp_path
    assert [dataset[k] for k in range(2)] == [
        dict(img_path=f'{root}/vi/{k}.jpg', img_ir_path=f'{root}/ir/{k}.png', name=str(k), sample_idx=k - 1)
        for k in (1, 2)
    ]
    assert len(FusionDataset('vi', 'ir', data_root=str(tmp_path), pipeline=[], indices=1)) == 1


def test_pairs_by_suffix_in_one_folder(tmp_path):
    for suffix in 'AB':
        write(tmp_path / f'scene/x_{suffix}.png', grey(0))
    dataset = FusionDataset('', '', ('_A', '_B'), data_root=str(tmp_path), pipeline=[])
    assert dataset[0]['name'] == 'scene/x'
    assert [dataset[0][key][-7:] for key in ('img_path', 'img_ir_path')] == ['x_A.png', 'x_B.png']


def test_a_polarity_turns_the_infrared_images_of_the_whole_data_set(tmp_path):
    street = np.full((120, 160), 40, np.uint8)
    street[50:] = 90
    street[55:90, 30:40] = 220
    counts = street.astype(np.uint16) * 100
    for k, image in enumerate((255 - street, 25_500 - counts, cv2.applyColorMap(255 - street, cv2.COLORMAP_JET))):
        write(tmp_path / f'vi/{k}.png', grey(k, 120, 160))
        write(tmp_path / f'ir/{k}.png', image)

    def partners(polarity, channels):
        partner = dict(type='mmdefusion.AppendPartner', channels=channels, fixed_range=(0, 25_500))
        pipeline = [dict(type='mmdefusion.LoadAnyImage'), partner]
        dataset = FusionDataset('vi', 'ir', data_root=str(tmp_path), pipeline=pipeline, polarity=polarity)
        return [dataset[k]['img'][..., 3:] for k in range(3)]

    for channels in (1, 3):
        with pytest.warns(UserWarning, match='look black-hot'):
            auto = partners('auto', channels)
        for image in (*auto, *partners('black-hot', channels)):
            assert image.shape == (120, 160, channels) and (image == street[..., None]).all()
        white_hot, as_they_are = partners('white-hot', channels), partners(None, channels)
        for image in (*white_hot, *as_they_are[:2]):
            assert (image == 255 - street[..., None]).all()
        assert not (as_they_are[2] == 255 - street[..., None]).all()  # false colours
    with pytest.raises(ValueError, match="polarity='hot' is none of auto, white-hot, black-hot, or None"):
        partners('hot', 3)
    with pytest.raises(ValueError, match="polarity='auto' needs AppendPartner in the pipeline"):
        FusionDataset('vi', 'ir', data_root=str(tmp_path), pipeline=[], polarity='auto')


def test_a_polarity_is_told_by_what_a_partner_inside_another_step_reads(tmp_path, monkeypatch):
    write(tmp_path / 'vi/a.png', grey(0))
    write(tmp_path / 'ir/a.png', grey(1))
    told = []
    monkeypatch.setattr(Item, 'read', lambda self, **scaling: told.append(scaling) or [grey(0)])
    for scaling in (((5.0, 95.0), None), ((1.0, 99.0), 'full')):
        partner = dict(type='mmdefusion.AppendPartner', percentiles=scaling[0], fixed_range=scaling[1])
        for step in (
            dict(type='RandomApply', transforms=[partner], prob=1),
            dict(type='TransformBroadcaster', transforms=[partner], auto_remap=True, mapping=dict(img=['a', 'b'])),
            dict(type='RandomChoice', transforms=[[partner]]),
        ):
            dataset = FusionDataset('vi', 'ir', data_root=str(tmp_path), pipeline=[step], polarity='auto')
            assert not dataset.get_data_info(0)['black_hot']
            assert [(read['percentiles'], read['thermal_range']) for read in told] == [scaling]
            told.clear()


def test_names_that_do_not_match(tmp_path):
    write(tmp_path / 'vi/1.png', grey(1))
    write(tmp_path / 'ir/2.png', grey(1))
    with pytest.raises(ValueError, match='1 only in .*vi'):
        FusionDataset('vi', 'ir', data_root=str(tmp_path), pipeline=[])
    with pytest.raises(FileNotFoundError, match='nowhere'):
        FusionDataset('vi', 'nowhere', data_root=str(tmp_path), pipeline=[])
