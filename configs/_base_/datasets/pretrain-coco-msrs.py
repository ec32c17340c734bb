# Images of COCO and aligned pairs of MSRS, a batch of one and a batch of the other in turn.
_base_ = './pretrain-coco.py'

train_dataloader = dict(
    _delete_=True,
    images=_base_.train_dataloader,
    pairs=dict(
        batch_size=16,
        num_workers=4,
        persistent_workers=True,
        sampler=dict(type='mmdefusion.ResumableSampler'),
        dataset=dict(
            type='mmdefusion.PairFolders',
            data_root='data/MSRS',
            folders='train/vi',
            partners='train/ir',
            pipeline=[
                dict(type='mmdefusion.LoadAnyImage'),
                dict(type='mmdefusion.AppendPartner'),
                dict(type='mmdefusion.RandomResizedCrop', size=_base_.size),
                dict(type='mmdefusion.PackImages'),
            ],
        ),
    ),
)
