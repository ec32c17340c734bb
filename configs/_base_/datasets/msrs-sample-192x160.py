# The sample of MSRS pairs at less than a third of their size, for benchmarks on a CPU: msrs-sample.py's data in the
# pipelines of flir-sample-192x160.py, as msrs-sample.py itself takes those of flir-sample.py.
_base_ = './flir-sample-192x160.py'

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
