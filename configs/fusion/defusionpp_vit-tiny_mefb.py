# MEFB (Zhang, 2021): 100 pairs of exposures, NAME/NAME_A.* and NAME/NAME_B.*. Colours come from both images, and from
# the other one where one of them is overexposed.
_base_ = [
    '../_base_/models/fuser_defusionpp-tiny.py',
    '../_base_/datasets/pairs_to_fuse.py',
    '../_base_/fusion_runtime.py',
]
test_dataloader = dict(
    dataset=dict(
        data_root='data/MEFB/input',
        first='',
        second='',
        suffixes=('_A', '_B'),
        polarity=None,
        pipeline=[
            _base_.loading,
            dict(type='mmdefusion.AppendPartner', channels=3, fixed_range='full'),  # no thermal counts
            _base_.packing,
        ],
    )
)
# contrast says little of exposure, and each exposure has detail enough
model = dict(
    colour='exposed',
    detail=dict(levels=5, boost=0.0, sharpness=3.0, rest_sharpness=1.0, contrast=0.0, brightness=0.0),
)
test_evaluator = dict(protocol='all')
