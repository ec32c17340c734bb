# The training parts of a few hundred real images (docs/datasets.md, "Samples"), visible and infrared ones alike. The
# last forty natural images are held out.
_base_ = './pretrain_images.py'

data_root = 'data/sample'
folders = [
    dict(path='natural', part=(0, 360)),
    dict(path='roadscene/vi', split='roadscene/train.txt'),
    dict(path='roadscene/ir', split='roadscene/train.txt'),
    dict(path='flir_aligned/vi', split='flir_aligned/train.json'),
    dict(path='flir_aligned/ir', split='flir_aligned/train.json'),
    'llvip/unlabelled/vi',
    'llvip/unlabelled/ir',
]
held_out = [dict(path='natural', part=(360, 400))]
train_dataloader = dict(num_workers=2, dataset=dict(data_root=data_root, folders=folders))
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(data_root=data_root, folders=held_out))
