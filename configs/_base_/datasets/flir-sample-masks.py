# The sample of 60 FLIR pairs with label maps made of their boxes, at half size. Make the maps with
#   python tools/dataset_converters/boxes_to_masks.py data/sample/flir_aligned/train.json data/flir_sample/labels
# and again for test.json.
_base_ = './paired_segmentation.py'

pairs = 'data/sample/flir_aligned/'
labels = 'data/flir_sample/labels/'
image_size = (320, 256)
crop_size = (256, 320)
geometric = [
    # never smaller than the crop: mmseg's class weights do not take the label of padding
    dict(type='RandomResize', scale=image_size, ratio_range=(1.0, 1.6), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
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
# test-time augmentation (--tta): smaller, as in a test, larger; each with its mirror image
sizes = [
    dict(type='Resize', scale=tuple(round(factor * side) for side in image_size), keep_ratio=True)
    for factor in (0.75, 1.0, 1.25)
]
tta_pipeline = [
    *_base_.reading,
    dict(type='TestTimeAug', transforms=[sizes, _base_.mirroring, _base_.labelling, _base_.packing]),
]

dataset = dict(
    type='mmdefusion.PairedSegDataset',
    metainfo=dict(
        classes=('background', 'person', 'bicycle', 'car'),
        palette=[[0, 0, 0], [220, 20, 60], [119, 11, 32], [0, 0, 142]],
    ),
    img_suffix='.jpg',
    data_prefix=dict(img_path=pairs + 'vi', img_ir_path=pairs + 'ir', seg_map_path=labels),
)
test_part = dict(**dataset, ann_file=labels + 'test.txt', pipeline=test_pipeline)
train_dataloader = dict(num_workers=2, dataset=dict(**dataset, ann_file=labels + 'train.txt', pipeline=train_pipeline))
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
