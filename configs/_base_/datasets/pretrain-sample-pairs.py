# The same images, and in turn with them the aligned pairs among them.
_base_ = './pretrain-sample.py'

pairs = dict(
    type='mmdefusion.PairFolders',
    data_root=_base_.data_root,
    folders=[
        dict(path='roadscene/vi', split='roadscene/train.txt'),
        dict(path='flir_aligned/vi', split='flir_aligned/train.json'),
        'llvip/unlabelled/vi',
    ],
    partners=['roadscene/ir', 'flir_aligned/ir', 'llvip/unlabelled/ir'],
    pipeline=[
        dict(type='mmdefusion.LoadAnyImage'),
        dict(type='mmdefusion.AppendPartner'),
        dict(type='mmdefusion.RandomResizedCrop', size=_base_.size),
        dict(type='mmdefusion.PackImages'),
    ],
)
train_dataloader = dict(
    _delete_=True,
    images=_base_.train_dataloader,
    pairs=dict(
        batch_size=16,
        num_workers=2,
        persistent_workers=True,
        sampler=dict(type='mmdefusion.ResumableSampler'),
        dataset=pairs,
    ),
)
