# Infrared images for a masked autoencoder, any number of folders: name yours in train_dataloader.dataset.folders.
_base_ = './pretrain_images.py'

pipeline = [
    dict(type='mmdefusion.LoadAnyImage'),
    dict(type='mmdefusion.RandomResizedCrop', size=_base_.size, scale=(0.2, 1.0)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmdefusion.PackImages'),
]
train_dataloader = dict(
    batch_size=64,
    dataset=dict(data_root='data', folders=['MSRS/train/ir', 'M3FD/Ir', 'LLVIP/infrared/train'], pipeline=pipeline),
)
val_dataloader = None
val_evaluator = None
val_cfg = None
