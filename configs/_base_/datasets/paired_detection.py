# What RGB-T detection sets share, at 640×512; a data set's own file adds its class, root and splits.
image_size = (640, 512)
meta_keys = (
    'img_id',
    'img_path',
    'img_ir_path',
    'partner_missing',
    'ori_shape',
    'img_shape',
    'scale_factor',
    'flip',
    'flip_direction',
    'instances',  # CocoMetric makes its ground truth of them where there is no COCO file
)

# Pipelines are made of named parts, so that a data set's file can exchange one of them.
loading = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True)]
photometric = [dict(type='PhotoMetricDistortion')]  # before AppendPartner: changes the visible image only
pairing = [dict(type='mmdefusion.AppendPartner')]
geometric = [
    dict(type='RandomResize', scale=image_size, ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=image_size, recompute_bbox=True, allow_negative_crop=True),
]
flipping = [
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1, 1), keep_empty=False),
    dict(type='RandomFlip', prob=0.5),
]
packing = [dict(type='PackDetInputs', meta_keys=meta_keys)]
train_pipeline = [*loading, *photometric, *pairing, *geometric, *flipping, *packing]

reading = [dict(type='LoadImageFromFile'), *pairing]
resizing = [dict(type='Resize', scale=image_size, keep_ratio=True)]
labelling = [dict(type='LoadAnnotations', with_bbox=True)]
test_pipeline = [*reading, *resizing, *labelling, *packing]
# test-time augmentation (--tta): the pair and its mirror image
mirroring = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)]
tta_pipeline = [*reading, dict(type='TestTimeAug', transforms=[resizing, mirroring, labelling, packing])]

train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(filter_cfg=dict(filter_empty_gt=True, min_size=32), pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(test_mode=True, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='CocoMetric', metric='bbox')
test_evaluator = val_evaluator
