# What RGB-T segmentation sets of 640×480 share, with crops of 480²; a data set's own file adds its class and parts.
crop_size = (480, 480)
meta_keys = (
    'img_path',
    'img_ir_path',
    'partner_missing',
    'seg_map_path',
    'ori_shape',
    'img_shape',
    'pad_shape',
    'scale_factor',
    'flip',
    'flip_direction',
    'reduce_zero_label',
)

# Pipelines are made of named parts, so that a data set's file can exchange one of them.
loading = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
photometric = [dict(type='PhotoMetricDistortion')]  # before AppendPartner: changes the visible image only
pairing = [dict(type='mmdefusion.AppendPartner')]
scaling = [dict(type='RandomResize', scale=(640, 480), ratio_range=(0.5, 2.0), keep_ratio=True)]
cropping = [dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.95)]
flipping = [dict(type='RandomFlip', prob=0.5)]
packing = [dict(type='PackSegInputs', meta_keys=meta_keys)]
train_pipeline = [*loading, *photometric, *pairing, *scaling, *cropping, *flipping, *packing]

reading = [dict(type='LoadImageFromFile'), *pairing]
labelling = [dict(type='LoadAnnotations')]
test_pipeline = [*reading, *labelling, *packing]
# test-time augmentation (--tta): three sizes, each with its mirror image
sizes = [dict(type='Resize', scale_factor=factor, keep_ratio=True) for factor in (0.75, 1.0, 1.25)]
mirroring = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)]
tta_pipeline = [*reading, dict(type='TestTimeAug', transforms=[sizes, mirroring, labelling, packing])]

train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(test_mode=True, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
