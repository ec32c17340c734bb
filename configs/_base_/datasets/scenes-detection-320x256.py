# Generated scenes of twice the usual size (generate_scenes.py data/scenes-320x256 --size 320x256): patches of 16 pixels
# say little of a person who is 20 pixels tall.
_base_ = './scenes-detection.py'

image_size = (320, 256)
resizing = [dict(type='Resize', scale=image_size, keep_ratio=True)]
test_pipeline = [*_base_.reading, *resizing, *_base_.packing]
tta_pipeline = [
    *_base_.reading,
    dict(type='TestTimeAug', transforms=[resizing, _base_.mirroring, _base_.packing]),
]
larger = dict(data_root='data/scenes-320x256')
train_dataloader = dict(dataset=larger)
val_dataloader = dict(dataset=dict(**larger, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**larger, pipeline=test_pipeline))
val_evaluator = dict(ann_file='data/scenes-320x256/test.json')
test_evaluator = dict(ann_file='data/scenes-320x256/test.json')
