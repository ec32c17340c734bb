# Your own pairs with boxes: fill in the lines marked with "<-", name this file in _base_ of a config, and check it:
#   python tools/dataset_converters/check_dataset.py CONFIG
# Boxes are in COCO's format; tools/dataset_converters/convert_boxes.py makes that of VOC, YOLO, KAIST and others. Set
# num_classes of the model's heads to the number of classes.
_base_ = './paired_detection.py'

data_root = 'data/my-pairs/'  # <- the folder of all files below
classes = ('person', 'car')  # <- the categories of the annotation files, in their order; one class: ('person',)
train = dict(ann_file='train.json', data_prefix=dict(img='train/vi/', img_ir='train/ir/'))  # <- file and folders
test = dict(ann_file='test.json', data_prefix=dict(img='test/vi/', img_ir='test/ir/'))  # <- the same for test pairs
# A partner has its visible image's name. Where names end otherwise ('_ir.tif'), set ir_suffix in dataset below.

dataset = dict(type='mmdefusion.PairedCocoDataset', data_root=data_root, metainfo=dict(classes=classes))
train_dataloader = dict(dataset=dict(**dataset, **train))
val_dataloader = dict(dataset=dict(**dataset, **test))
test_dataloader = dict(dataset=dict(**dataset, **test))
