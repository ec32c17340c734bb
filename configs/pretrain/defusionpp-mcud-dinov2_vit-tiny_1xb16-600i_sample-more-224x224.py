# Joint pretraining that continues from the distilled encoder, and from the decomposition and heads that come with the
# package; DINOv2 teaches on the pairs, instead of our own small masked autoencoders.
_base_ = './defusionpp-mcud_vit-tiny_1xb16-600i_sample-224x224.py'

load_from = 'work_dirs/encoder-distil_vit-tiny_1xb16-1500i_sample-more-192x192/iter_1500.pth'
teacher = dict(
    _delete_=True,
    type='mmdefusion.ViTTeacher',
    checkpoint='dinov2-small',
    arch='dinov2-small',
    layer=10,
)
model = dict(
    # all but the encoder, which load_from brings
    init_cfg=dict(type='Pretrained', checkpoint='tiny'),
    infrared_teacher=teacher,
    visible_teacher=teacher,
    teacher_head=dict(teacher_dims=384),
)
folders = [*_base_.folders, 'natural_more', 'llvip/small/vi', 'llvip/small/ir']
train_dataloader = dict(
    images=dict(dataset=dict(folders=folders)),
    pairs=dict(
        dataset=dict(
            folders=[*_base_.pairs.folders, 'llvip/small/vi'], partners=[*_base_.pairs.partners, 'llvip/small/ir']
        )
    ),
)
# the encoder keeps what it has learnt, decomposition and heads have to follow it
optim_wrapper = dict(optimizer=dict(lr=4e-4), paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}))
