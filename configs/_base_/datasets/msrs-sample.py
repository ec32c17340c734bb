# The sample of 338 labelled MSRS pairs (docs/datasets.md, "Samples"): 240 to train, 98 to test, in COCO's format and
# at half size: 320×240, as images keep their shape.
_base_ = './flir-sample.py'

data_root = 'data/sample/msrs_det/'
pairs = dict(
    type='mmdefusion.PairedCocoDataset', data_root=data_root, metainfo=dict(classes=('person', 'bicycle', 'car'))
)
train_dataloader = dict(dataset=pairs)
val_dataloader = dict(dataset=pairs)
test_dataloader = dict(dataset=pairs)
val_evaluator = dict(ann_file=data_root + 'test.json')
test_evaluator = dict(ann_file=data_root + 'test.json')
night = r'N\.\w+$'  # night images for tools/benchmark.py
