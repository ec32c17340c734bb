# DINO over DeFusion++'s fused features, on generated scenes.
_base_ = [
    '../_base_/models/dino_defusionpp-tiny.py',
    '../_base_/datasets/scenes-detection.py',
    '../_base_/schedules/zoo_500i.py',
    '../_base_/detection_runtime.py',
]
# these small images have fewer positions than DINO has queries on COCO
model = dict(num_queries=100, test_cfg=dict(max_per_img=100))
