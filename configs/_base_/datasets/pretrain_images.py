# Images for CUD: a random part of each, resized to a square; its colours are jittered by the view generator.
size = 224
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmdefusion.ResumableSampler'),
    dataset=dict(
        type='mmdefusion.ImageFolders',
        pipeline=[
            dict(type='mmdefusion.LoadAnyImage'),
            dict(type='mmdefusion.RandomResizedCrop', size=size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)),
            dict(type='mmdefusion.PackImages'),
        ],
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmdefusion.ImageFolders',
        pipeline=[
            dict(type='mmdefusion.LoadAnyImage'),
            dict(type='mmdefusion.ResizedCenterCrop', size=size),
            dict(type='mmdefusion.PackImages'),
        ],
    ),
)
val_evaluator = dict(type='mmdefusion.FusedReconstruction')
val_cfg = dict(type='ValLoop')
