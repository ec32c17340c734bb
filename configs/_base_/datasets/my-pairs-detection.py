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
with_mask = False  # <- True if the annotations have polygons or RLE and the model is Mask R-CNN
# partners may have another size (size_mismatch='resize') or be missing (missing='zeros'):
pairing = [dict(type='mmdefusion.AppendPartner')]  # <- with those of the two that your pairs need
# A partner has its visible image's name. Where names end otherwise ('_ir.tif'), set ir_suffix in dataset below. Where
# partners may be missing, set allow_missing_partner=True there too.
# night = r'N\.png$'  # <- a regular expression for the paths of night images: tools/benchmark.py scores them apart

dataset = dict(
    type='mmdefusion.PairedCocoDataset', data_root=data_root, metainfo=dict(classes=classes, palette=palette)
)
loading = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True, with_mask=with_mask)]
geometric = [
    dict(type='RandomResize', scale=image_size, ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=image_size, recompute_bbox=True, allow_negative_crop=True),
]
augmenting = [*geometric, *_base_.flipping]
train_pipeline = [*loading, *_base_.photometric, *pairing, *augmenting, *_base_.packing]
# the same for a model whose tokens are kept (KeptTokensHook): each pixel says where in the whole image it lies
placing = [dict(type='mmdefusion.AppendPlace')]
placed_pipeline = [*loading, *_base_.photometric, *pairing, *placing, *augmenting, *_base_.packing]
reading = [dict(type='LoadImageFromFile'), *pairing]
resizing = [dict(type='Resize', scale=image_size, keep_ratio=True)]
test_pipeline = [*reading, *resizing, *_base_.labelling, *_base_.packing]
tta_pipeline = [
    *reading,
    dict(type='TestTimeAug', transforms=[resizing, _base_.mirroring, _base_.labelling, _base_.packing]),
]
train_dataloader = dict(dataset=dict(**dataset, **train, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**dataset, **test, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, **test, pipeline=test_pipeline))
val_evaluator = dict(metric=['bbox', 'segm'] if with_mask else 'bbox')
test_evaluator = val_evaluator
