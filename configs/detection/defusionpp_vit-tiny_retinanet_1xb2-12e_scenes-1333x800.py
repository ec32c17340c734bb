# A config of mmdet's own with DeFusion++ in the paper's form as its backbone. That changes the backbone, the neck's
# input widths, the preprocessor, one line of each pipeline, the optimizer, the test loops and the hooks; the stock
# CocoDataset stays, and a rule on the path finds the partner (docs/tutorials/swap_backbone.md, which starts from
# weights). (`mmdet::` needs mmdet 3.3.0 with setuptools < 82; all other configs are self-contained.)
_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'

model = dict(
    data_preprocessor=dict(_delete_=True, type='mmdefusion.PairedDetDataPreprocessor', pad_size_divisor=32),
    # RetinaNet reads strides 8 and up; a level without a reader would have parameters without gradient
    backbone=dict(_delete_=True, type='mmdefusion.DeFusionPP', arch='tiny', pyramid=dict(strides=(8, 16, 32))),
    neck=dict(in_channels=[256, 256, 256], start_level=0),
    bbox_head=dict(num_classes=3),
)
append_partner = dict(type='mmdefusion.AppendPartner', rule=(r'/vi/(?=[^/]*$)', '/ir/'))
reading, *train_steps = _base_.train_pipeline
train_pipeline = [reading, append_partner, *train_steps]
reading, *test_steps = _base_.test_pipeline
test_pipeline = [reading, append_partner, *test_steps]

# a ViT does not learn with a ResNet's SGD
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.05))

# no image is padded because of the others of its batch
val_cfg = dict(type='mmdefusion.OneSizeValLoop')
test_cfg = dict(type='mmdefusion.OneSizeTestLoop')

# crash-safe checkpoints, exact resuming, and an error if the loss is NaN. They are merged into mmdet's
# default_hooks, which are kept; a list of custom_hooks would replace that of the stock config.
default_hooks = dict(
    checkpoint=dict(type='mmdefusion.SafeCheckpointHook'),
    exact_resume=dict(type='mmdefusion.ExactResumeHook'),
    finite_loss=dict(type='mmdefusion.FiniteLossHook'),
)

# the data set: pairs in COCO's format (tools/dataset_converters/generate_scenes.py data/scenes writes some)
data_root = 'data/scenes/'
dataset = dict(data_root=data_root, metainfo=dict(classes=('person', 'car', 'cone')))
test_part = dict(**dataset, ann_file='test.json', data_prefix=dict(img='test/vi/'), pipeline=test_pipeline)
train_dataloader = dict(
    dataset=dict(**dataset, ann_file='train.json', data_prefix=dict(img='train/vi/'), pipeline=train_pipeline)
)
val_dataloader = dict(dataset=test_part)
test_dataloader = dict(dataset=test_part)
val_evaluator = dict(ann_file=data_root + 'test.json')
test_evaluator = dict(ann_file=data_root + 'test.json')
