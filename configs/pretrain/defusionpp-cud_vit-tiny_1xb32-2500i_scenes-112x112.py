# The same on generated scenes, without any real data.
_base_ = './defusionpp-cud_vit-tiny_1xb32-2500i_sample-112x112.py'

data_root = 'data/scenes'
train_dataloader = dict(dataset=dict(data_root=data_root, folders=['train/vi', 'train/ir']))
val_dataloader = dict(dataset=dict(data_root=data_root, folders='test/vi', indices=40))
