# A small infrared teacher from the sample's training parts, for the joint sample config; five minutes on two CPU cores.
_base_ = './mae_vit-base_8xb64-100k_infrared-224x224.py'

pipeline = _base_.pipeline
pipeline[1].size = 112
model = dict(backbone=dict(arch='tiny'), decoder=dict(in_dims=192, embed_dims=128, depth=4))
train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    dataset=dict(
        data_root='data/sample',
        folders=[
            dict(path='roadscene/ir', split='roadscene/train.txt'),
            dict(path='flir_aligned/ir', split='flir_aligned/train.json'),
            'llvip/unlabelled/ir',
        ],
        pipeline=pipeline,
    ),
)
max_iters = 1000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters + 1)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters),
]
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=500))
