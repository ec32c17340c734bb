# Mask R-CNN over DeFusion++'s fused features, on generated scenes, whose objects have masks.
_base_ = [
    '../_base_/models/mask-rcnn_defusionpp-tiny.py',
    '../_base_/datasets/scenes-detection.py',
    '../_base_/schedules/zoo_500i.py',
    '../_base_/detection_runtime.py',
]
model = dict(roi_head=dict(bbox_head=dict(num_classes=3), mask_head=dict(num_classes=3)))
train_pipeline = [dict(step) for step in _base_.train_dataloader.dataset.pipeline]
train_pipeline[1].update(with_mask=True)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_evaluator = dict(metric=['bbox', 'segm'])
test_evaluator = val_evaluator
