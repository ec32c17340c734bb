# The same at the paper's size, tested in windows of it; MSRS' and MFNet's classes.
_base_ = './upernet_defusionpp-tiny.py'
model = dict(
    data_preprocessor=dict(size=(480, 480), size_divisor=None),
    decode_head=dict(num_classes=9),
    auxiliary_head=dict(num_classes=9),
    test_cfg=dict(mode='slide', crop_size=(480, 480), stride=(320, 320)),
)
