# LLVIP: visible/, infrared/, Annotations/, 1280×1024 shrunk to half. It has no validation part: the test part is
# evaluated while training too, so take the last checkpoint, never the best.
_base_ = './paired_detection.py'

dataset = dict(type='mmdefusion.LLVIPDataset', data_root='data/LLVIP/')
test_part = dict(**dataset, data_prefix=dict(img='visible/test', img_ir='infrared/test'))
train_dataloader = dict(
    dataset=dict(**dataset, data_prefix=dict(img='visible/train', img_ir='infrared/train')),
)
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
