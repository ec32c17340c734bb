import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.data_preprocessors import PairedPreprocessing, PairNormalizer
from mmdefusion.registry import MODELS

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def image(channels: int, height: int = 5, width: int = 7) -> torch.Tensor:
    return torch.randint(0, 256, (channels, height, width), dtype=torch.uint8)


def test_bgr_becomes_rgb_and_thermal_three_channels_normalised_as_the_method_says():
    packed = image(4)
    pair = PairNormalizer()(packed)
    assert_close(pair[:3], (packed[[2, 1, 0]] / 255 - MEAN) / STD)
    assert_close(pair[3:], (packed[3:].expand(3, -1, -1) / 255 - MEAN) / STD)


def test_a_colour_partner_becomes_rgb_too():
    packed = image(6)
    assert_close(PairNormalizer()(packed)[3:], (packed[[5, 4, 3]] / 255 - MEAN) / STD)


def test_statistics_of_the_infrared():
    pair = PairNormalizer(ir_mean=(1, 2, 3), ir_std=(4, 5, 6))(torch.zeros(4, 2, 2))
    assert_close(pair[3:, 0, 0], torch.tensor([-1 / 4, -2 / 5, -3 / 6]))
    assert_close(pair[:3, 0, 0], -(MEAN / STD).flatten())


def test_one_value_for_one_thermal_channel():
    pair = PairNormalizer(ir_mean=[10.0], ir_std=[2.0])(torch.full((4, 2, 2), 16.0))
    assert_close(pair[3:], torch.full((3, 2, 2), 3.0))


@pytest.mark.parametrize('modality, channels', [('visible', 3), ('visible', 4), ('infrared', 4)])
def test_one_modality_in_both_slots(modality, channels):
    packed = image(channels)
    pair = PairNormalizer(modalities=(modality, modality))(packed)
    assert torch.equal(pair[:3], pair[3:])
    if channels == 4:
        both = PairNormalizer()(packed)
        assert torch.equal(pair[:3], both[:3] if modality == 'visible' else both[3:])


class Sample:
    """What the preprocessors ask a data sample for."""

    def __init__(self, **metainfo):
        self.__dict__ |= metainfo


class Toolbox(torch.nn.Module):
    """A preprocessor that hands on what it is given."""

    def __init__(self, **_):
        super().__init__()

    def cast_data(self, data):
        return data

    def forward(self, data, training):
        return data


class Paired(PairedPreprocessing, Toolbox):
    pass


def test_dropout_looks_like_an_absent_partner_and_spares_evaluation():
    packed = image(4)
    packed[:, 0, 0] = 200
    whole = PairNormalizer()(packed)
    absent = PairNormalizer()(torch.cat([packed[:3], torch.zeros_like(packed[3:])]))
    preprocessor, data = Paired(modality_dropout=0.6), {'inputs': [packed] * 400}
    drawn = preprocessor(data, training=True)['inputs']
    no_infrared = sum(torch.equal(pair, absent) for pair in drawn)
    untouched = sum(torch.equal(pair, whole) for pair in drawn)
    assert abs(untouched / 400 - 0.4) < 0.08 and abs(no_infrared / 400 - 0.3) < 0.08
    assert all(torch.equal(pair, whole) for pair in preprocessor(data, training=False)['inputs'])


def test_dropout_of_each_image_by_its_own_probability():
    packed = image(4)
    packed[:, 0, 0] = 200
    lost = {name: PairNormalizer()(packed, name) for name in ('visible', 'infrared')}
    drawn = Paired(modality_dropout=(0.1, 0.6))({'inputs': [packed] * 400}, training=True)['inputs']
    shares = {name: sum(torch.equal(pair, one) for pair in drawn) / 400 for name, one in lost.items()}
    assert abs(shares['visible'] - 0.1) < 0.07 and abs(shares['infrared'] - 0.6) < 0.08


def test_dropout_never_blanks_both():
    packed = torch.cat([image(3), torch.zeros(1, 5, 7, dtype=torch.uint8)])
    data = {'inputs': [packed] * 50, 'data_samples': [Sample(partner_missing=True)] * 50}
    drawn = Paired(modality_dropout=0.9)(data, training=True)['inputs']
    assert all(torch.equal(pair, PairNormalizer()(packed)) for pair in drawn)


def test_dropout_never_blanks_both_where_no_sample_says_what_is_missing():
    """With the meta_keys of a toolbox's own packing step."""
    for absent in (slice(3), slice(3, 4)):
        packed = image(4)
        packed[:, 0, 0], packed[absent] = 200, 0
        drawn = Paired(modality_dropout=0.9)({'inputs': [packed] * 50}, training=True)['inputs']
        assert all(torch.equal(pair, PairNormalizer()(packed)) for pair in drawn)


@pytest.mark.parametrize(
    'options, message',
    [
        ({'modalities': ('visible', 'thermal')}, r"modalities=\('visible', 'thermal'\)"),
        ({'modalities': ('visible',)}, 'must be two of'),
        ({'modalities': ('visible', 'visible'), 'modality_dropout': 0.1}, 'nothing to see'),
        ({'modality_dropout': 20}, 'modality_dropout=20 must be a probability'),
        ({'modality_dropout': (0.5, 0.5)}, r'modality_dropout=\(0.5, 0.5\) must be a probability .* whose sum is'),
        ({'modality_dropout': (0.5,)}, 'or two, of the visible and of the infrared image'),
        ({'modality_dropout': (0.5, -0.1)}, 'must be a probability'),
        ({'modality_dropout': (0.1, float('nan'))}, 'must be a probability'),
        ({'ir_mean': (1, 2)}, r'mean=\(1, 2\) of a modality'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        PairNormalizer(**options)


@pytest.mark.parametrize('channels', [1, 2, 3, 5])
def test_modalities_that_the_tensor_lacks_name_file_value_and_mend(channels):
    with pytest.raises(ValueError, match=rf'vi/0001.png: The image has {channels} channels .*AppendPartner'):
        Paired()({'inputs': [image(channels)], 'data_samples': [Sample(img_path='vi/0001.png')]})


def test_mmdet_preprocessor_pads_normalised_pairs():
    structures = pytest.importorskip('mmdet.structures')
    preprocessor = MODELS.build({'type': 'mmdefusion.PairedDetDataPreprocessor', 'pad_size_divisor': 32})
    samples = [structures.DetDataSample(metainfo={'img_shape': size}) for size in ((20, 30), (33, 10))]
    inputs = [image(4, 20, 30), image(4, 33, 10)]
    out = preprocessor({'inputs': inputs, 'data_samples': samples})
    assert out['inputs'].shape == (2, 6, 64, 32)
    assert_close(out['inputs'][0, :, :20, :30], PairNormalizer()(inputs[0]))
    assert not out['inputs'][0, :, 20:].any()
    assert out['data_samples'][0].batch_input_shape == (64, 32)


def test_mmseg_preprocessor_pads_pairs_and_labels():
    structures = pytest.importorskip('mmseg.structures')
    from mmengine.structures import PixelData

    preprocessor = MODELS.build({'type': 'mmdefusion.PairedSegDataPreprocessor', 'size': (32, 48), 'seg_pad_val': 255})
    sample = structures.SegDataSample(metainfo={'img_shape': (20, 30)})
    sample.gt_sem_seg = PixelData(data=torch.ones(1, 20, 30, dtype=torch.long))
    out = preprocessor({'inputs': [image(4, 20, 30)], 'data_samples': [sample]}, training=True)
    assert out['inputs'].shape == (1, 6, 32, 48)
    assert (out['data_samples'][0].gt_sem_seg.data[:, 20:] == 255).all()


@pytest.mark.parametrize('kind', ['PairedDetDataPreprocessor', 'PairedSegDataPreprocessor'])
def test_toolbox_options_that_would_break_pairs_are_refused(kind):
    config = {'type': f'mmdefusion.{kind}'}
    for options in ({'bgr_to_rgb': False}, {'rgb_to_bgr': True}):
        with pytest.raises(ValueError, match='pairs are read as BGR and always become RGB; leave both out'):
            MODELS.build({**config, **options})
    MODELS.build({**config, 'bgr_to_rgb': True, 'rgb_to_bgr': False})  # as a stock config has it


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)), 'mean=.* and std=.* as large as 1136'),
        (dict(ir_std=[0.01]), r'ir_std=\(0.01,\) .* as large as 1.515e'),
        (dict(std=(58.0, 0.0, 57.0)), 'as large as inf'),
        (dict(std=[-1.0]), 'give both in 0-255'),
        (dict(mean=[float('nan')]), 'as large as nan'),
    ],
)
def test_what_would_make_pixels_huge_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PairNormalizer(**options)
    PairNormalizer(mean=[0.0], std=[1.0])
