# UPerNet over DeFusion++'s fused features, on generated scenes.
_base_ = [
    '../_base_/models/upernet_defusionpp-tiny.py',
    '../_base_/datasets/scenes-segmentation.py',
    '../_base_/schedules/zoo_500i.py',
    '../_base_/segmentation_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=None, size_divisor=32),
    decode_head=dict(num_classes=4),
    auxiliary_head=dict(num_classes=4),
    test_cfg=dict(_delete_=True, mode='whole'),
)
