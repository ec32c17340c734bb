# Your own pairs with label maps: fill in the lines marked with "<-", name this file in _base_ of a config, and check
# it:
#   python tools/dataset_converters/check_dataset.py CONFIG
# A label map is a PNG of one channel whose values are the places in classes; 255 is ignored. Set num_classes of the
# model's heads to the number of classes.
_base_ = './paired_segmentation.py'

data_root = 'data/my-pairs/'  # <- the folder of all files below
classes = ('background', 'person', 'car')  # <- the names of the values 0, 1, 2, ...
palette = [[0, 0, 0], [220, 20, 60], [0, 0, 142]]  # <- their colours in drawings, RGB
image_size = (640, 480)  # <- width and height of your images, or what they are resized to; smaller is faster
crop_size = (480, 480)  # <- height and width of the crops in training
train = dict(img_path='train/vi', img_ir_path='train/ir', seg_map_path='train/labels')  # <- folders
test = dict(img_path='test/vi', img_ir_path='test/ir', seg_map_path='test/labels')  # <- the same for test pairs
# partners may have another size (size_mismatch='resize') or be missing (missing='zeros'):
pairing = [dict(type='mmdefusion.AppendPartner')]  # <- with those of the two that your pairs need
# Names end with .png; where they end otherwise, set img_suffix, ir_suffix or seg_map_suffix in dataset below. Where
# partners may be missing, set allow_missing_partner=True there too.
# night = r'N\.png$'  # <- a regular expression for the paths of night images: tools/benchmark.py scores them apart

dataset = dict(type='mmdefusion.PairedSegDataset', data_root=data_root, metainfo=dict(classes=classes, palette=palette))
scaling = [dict(type='RandomResize', scale=image_size, ratio_range=(0.5, 2.0), keep_ratio=True)]
cropping = [dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.95)]
augmenting = [*scaling, *cropping, *_base_.flipping]
train_pipeline = [*_base_.loading, *_base_.photometric, *pairing, *augmenting, *_base_.packing]
# the same for a model whose tokens are kept (KeptTokensHook): each pixel says where in the whole image it lies
placing = [dict(type='mmdefusion.AppendPlace')]
placed_pipeline = [*_base_.loading, *_base_.photometric, *pairing, *placing, *augmenting, *_base_.packing]
reading = [dict(type='LoadImageFromFile'), *pairing]
resizing = [dict(type='Resize', scale=image_size, keep_ratio=True)]
test_pipeline = [*reading, *resizing, *_base_.labelling, *_base_.packing]
# test-time augmentation (--tta): smaller, as in a test, larger; each with its mirror image
sizes = [
    dict(type='Resize', scale=tuple(round(factor * side) for side in image_size), keep_ratio=True)
    for factor in (0.75, 1.0, 1.25)
]
tta_pipeline = [
    *reading,
    dict(type='TestTimeAug', transforms=[sizes, _base_.mirroring, _base_.labelling, _base_.packing]),
]
train_dataloader = dict(dataset=dict(**dataset, data_prefix=train, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**dataset, data_prefix=test, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**dataset, data_prefix=test, pipeline=test_pipeline))
