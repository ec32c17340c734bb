# Joint pretraining on generated scenes; weights and teachers as in the sample's config, or yours.
_base_ = './defusionpp-mcud_vit-tiny_1xb16-600i_sample-224x224.py'

data_root = 'data/scenes'
train_dataloader = dict(
    images=dict(dataset=dict(data_root=data_root, folders=['train/vi', 'train/ir'])),
    pairs=dict(dataset=dict(data_root=data_root, folders='train/vi', partners='train/ir')),
)
val_dataloader = dict(dataset=dict(data_root=data_root, folders='test/vi', indices=40))
