# The sample's images and 5,345 further natural ones, and 384 more infrared-visible pairs, each image by itself.
_base_ = './pretrain-sample.py'

folders = [*_base_.folders, 'natural_more', 'llvip/small/vi', 'llvip/small/ir']
train_dataloader = dict(dataset=dict(folders=folders))
