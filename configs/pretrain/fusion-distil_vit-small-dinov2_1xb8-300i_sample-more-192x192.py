# The same for the first ten blocks of DINOv2's ViT-S/14, whose tokens say more of a place than those of the last. Its
# file does not come with us, and the decomposition begins as the sum of both images' tokens.
_base_ = './fusion-distil_vit-tiny_1xb16-600i_sample-more-192x192.py'
embed_dims = 384
load_from = None
model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=embed_dims, depth=10, last_num_heads=6),
        init_cfg=dict(type='Pretrained', checkpoint='dinov2-small'),
    ),
    neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=embed_dims, init_cfg=dict(type='mmdefusion.SumInit'))],
    head=dict(embed_dims=embed_dims, teacher_dims=embed_dims),
    init_cfg=None,
)
max_iters = 300
train_cfg = dict(max_iters=max_iters, val_interval=max_iters + 1)
train_dataloader = dict(images=dict(batch_size=8), pairs=dict(batch_size=8))
param_scheduler = [_base_.param_scheduler[0], dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=max_iters)]
