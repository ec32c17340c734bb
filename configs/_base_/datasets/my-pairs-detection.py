# Your own pairs with boxes: fill in the lines marked with "<-", name this file in _base_ of a config, and check it:
#   python tools/dataset_converters/check_dataset.py CONFIG
# Boxes are in COCO's format; tools/dataset_converters/convert_boxes.py makes that of VOC, YOLO, KAIST and others. Set
# num_classes of the model's heads to the number of classes.
_base_ = './paired_detection.py'

data_root = 'data/my-pairs/'  # <- the folder of all files below
classes = ('person', 'car')  # <- the categories of the annotation files, in their order; one class: ('person',)
palette = [(230, 60, 80), (60, 130, 240)]  # <- their colours in drawings, RGB
image_size = (640, 512)  # <- width and height in training and testing; smaller is faster
train = dict(ann_file='train.json', data_prefix=dict(img='train/vi/', img_ir='train/ir/'))  # <- file and folders
test = dict(ann_file='test.json', data_prefix=dict(img='test/vi/', img_ir='test/ir/'))  # <- the same for test pairs
# A partner has its visible image's name. Where names end otherwise ('_ir.tif'), set ir_suffix in dataset below.
# night = r'N\.png$'  # <- a regular expression for the paths of night images: tools/benchmark.py scores them apart

dataset = dict(
    type='mmdefusion.PairedCocoDataset', data_root=data_root, metainfo=dict(classes=classes, palette=palette)
)
geometric = [
    dict(type='RandomResize', scale=image_size, ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=image_size, recompute_bbox=True, allow_negative_crop=True),
]
train_pipeline = [
    *_base_.loading,
    *_base_.photometric,
    *_base_.pairing,
    *geometric,
    *_base_.flipping,
    *_base_.packing,
]
resizing = [dict(type='Resize', scale=image_size, keep_ratio=True)]
test_pipeline = [*_base_.reading, *resizing, *_base_.labelling, *_base_.packing]
tta_pipeline = [
    *_base_.reading,
    dict(type='TestTimeAug', transforms=[resizing, _base_.mirroring, _base_.labelling, _base_.packing]),
]
train_dataloader = dict(dataset=dict(**dataset, **train, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**dataset, **test, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, **test, pipeline=test_pipeline))
