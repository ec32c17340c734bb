# The guided pyramid learns DINOv2's tokens of both images, over an encoder and a decomposition that know much of them
# and stay as they are. The teacher sees the crops twice as large, so that it has a token for each 8×8 pixels; as that
# takes six times as long, it sees fewer of the natural images.
_base_ = ['./prior-distil_1xb16-1000i_sample-more-192x192.py']
finer = _base_.model.teacher
finer.teacher.scale = 2
folders = [
    dict(path='natural_more', part=(0, 1200)) if folder == 'natural_more' else folder
    for folder in _base_.train_dataloader.images.dataset.folders
]
model = dict(
    _delete_=True,
    type='mmdefusion.PyramidDistiller',
    data_preprocessor=_base_.model.data_preprocessor,
    backbone=dict(type='mmdefusion.DeFusionEncoder', arch='tiny', drop_path_rate=0.0),
    neck=[
        dict(type='mmdefusion.DecompositionNeck', embed_dims=192),
        dict(
            type='mmdefusion.GuidedPyramid',
            embed_dims=192,
            strides=(4, 8, 16),
            prior=dict(init_cfg=dict(type='Pretrained', checkpoint='prior')),
        ),
    ],
    teacher=finer,
    head=_base_.model.head,
    views=_base_.model.views,
)
load_from = 'work_dirs/fusion-distil_vit-tiny_1xb16-600i_sample-more-192x192/iter_600.pth'
train_dataloader = dict(images=dict(dataset=dict(folders=folders)))
