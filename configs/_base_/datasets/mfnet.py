# MFNet: images/ (4-channel PNG), labels/, train.txt, val.txt, test.txt (also test_day.txt, test_night.txt).
_base_ = './paired_segmentation.py'

dataset = dict(type='mmdefusion.MFNetDataset', data_root='data/MFNet/')
train_dataloader = dict(dataset=dict(**dataset, ann_file='train.txt'))
val_dataloader = dict(dataset=dict(**dataset, ann_file='val.txt'))
test_dataloader = dict(dataset=dict(**dataset, ann_file='test.txt'))
night = r'N\.png$'  # night images for tools/benchmark.py
