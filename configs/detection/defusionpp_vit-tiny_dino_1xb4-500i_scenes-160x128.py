# DINO over DeFusion++'s fused features, on generated scenes.
_base_ = [
    '../_base_/models/dino_defusionpp-tiny.py',
    '../_base_/datasets/scenes-detection.py',
    '../_base_/schedules/zoo_500i.py',
    '../_base_/detection_runtime.py',
]
# as many queries as DINO has on COCO would be more than these small pictures have places
model = dict(num_queries=100, test_cfg=dict(max_per_img=100))
