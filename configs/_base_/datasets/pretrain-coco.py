# COCO as it is unpacked: 50,000 of train2017's images, as in the paper, and 200 of val2017's.
_base_ = './pretrain_images.py'

train_dataloader = dict(dataset=dict(data_root='data/coco', folders='train2017', indices=50000))
val_dataloader = dict(dataset=dict(data_root='data/coco', folders='val2017', indices=200))
