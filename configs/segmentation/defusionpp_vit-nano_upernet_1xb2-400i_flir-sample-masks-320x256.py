# A smoke test on real pairs with label maps made of boxes: 40 to train on, 20 to test, in minutes on two CPU cores. It
# shows that everything is wired up, not how good the method is; hence the small encoder and the narrow head. Encoder,
# decomposition and pyramid are those of the detector's smoke test, so that it can start from its weights:
#   --cfg-options load_from=work_dirs/defusionpp_vit-nano_atss_1xb4-600i_flir-sample-320x256/iter_600.pth
_base_ = [
    '../_base_/models/upernet_defusionpp-tiny.py',
    '../_base_/datasets/flir-sample-masks.py',
    '../_base_/schedules/segmentation_80k.py',
    '../_base_/segmentation_runtime.py',
]
embed_dims = 96
channels = 64
# eight of nine pixels are background
loss = dict(type='CrossEntropyLoss', class_weight=[0.3, 3.0, 3.0, 1.5])
model = dict(
    data_preprocessor=dict(size=(256, 320), size_divisor=None),
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=embed_dims, depth=4, num_heads=4, last_num_heads=4), drop_path_rate=0.0
    ),
    neck=[
        dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims),
        dict(type='mmdefusion.FusedPyramid', embed_dims=embed_dims, out_channels=channels, layers=(1, 2, 3)),
    ],
    decode_head=dict(in_channels=[channels] * 4, channels=channels, loss_decode=loss),
    auxiliary_head=dict(in_channels=channels, channels=channels),
)

train_dataloader = dict(batch_size=2)

max_iters = 400
train_cfg = dict(max_iters=max_iters, val_interval=100)
# the same learning rate for all parameters
optim_wrapper = dict(optimizer=dict(lr=1e-3), paramwise_cfg=dict(layer_decay_rate=1.0), clip_grad=dict(max_norm=1.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters),
]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=100))
randomness = dict(seed=0)
