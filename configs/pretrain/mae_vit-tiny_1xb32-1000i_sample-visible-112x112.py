# The visible teacher of the joint sample config.
_base_ = './mae_vit-tiny_1xb32-1000i_sample-infrared-112x112.py'

train_dataloader = dict(
    dataset=dict(
        folders=[
            dict(path='natural', part=(0, 360)),
            dict(path='roadscene/vi', split='roadscene/train.txt'),
            dict(path='flir_aligned/vi', split='flir_aligned/train.json'),
            'llvip/unlabelled/vi',
        ]
    )
)
