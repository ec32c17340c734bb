# FLIR-aligned as published: JPEGImages/, Annotations/, align_train.txt, align_validation.txt (which papers test on).
_base_ = './paired_detection.py'

dataset = dict(type='mmdefusion.FLIRAlignedXMLDataset', data_root='data/FLIR_aligned/')
test_part = dict(**dataset, ann_file='align_validation.txt')
train_dataloader = dict(dataset=dict(**dataset, ann_file='align_train.txt'))
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
