# KAIST: images/, annotations-xml-new-sanitized/, imageSets/. The test part has the original annotations
# (annotations-xml); most papers test on the improved ones of Liu et al. (BMVC 2016), and by KAIST's own evaluation, a
# miss rate. Here it is COCO AP.
_base_ = './paired_detection.py'

dataset = dict(type='mmdefusion.KAISTDataset', data_root='data/KAIST/')
test_part = dict(**dataset, ann_file='imageSets/test-all-20.txt', data_prefix=dict(ann='annotations-xml'))
train_dataloader = dict(dataset=dict(**dataset, ann_file='imageSets/train-all-02.txt'))
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
night = r'set(03|04|05|09|10|11)/'  # night images for tools/benchmark.py
