# The spatial prior learns DINOv2's tokens of both images, on images and pairs in turn, as the decomposition does its
# encoder's in the config that this one inherits. The teacher sees a crop of each once, the prior many parts of it.
_base_ = ['./fusion-distil_vit-tiny_1xb16-600i_sample-more-192x192.py']
model = dict(
    _delete_=True,
    type='mmdefusion.PriorDistiller',
    data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
    prior=dict(type='mmdefusion.SpatialPrior', out_channels=256, strides=(4, 8, 16)),
    teacher=dict(
        type='mmdefusion.CachedTeacher',
        folder='work_dirs/teacher_tokens',
        teacher=dict(type='mmdefusion.ViTTeacher', checkpoint='dinov2-small', arch='dinov2-small', layer=10),
    ),
    head=dict(type='mmdefusion.DistillationHead', embed_dims=256, teacher_dims=2 * 384),
    views=dict(type='mmdefusion.StudentViews', sides=(8, 12)),
)
load_from = None
crops = _base_.train_dataloader.images.dataset.pipeline
crops[1].scale = (0.3, 1.0)
train_dataloader = dict(
    images=dict(sampler=dict(augmentations=1), dataset=dict(pipeline=crops)),
    pairs=dict(sampler=dict(augmentations=1)),
)
max_iters = 1000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters + 1)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters),
]
