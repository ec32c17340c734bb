# Joint CUD + MFM on images and MCUD on pairs, as in the paper; it continues from CUD's weights (load_from=FILE).
_base_ = [
    '../_base_/models/mcud_defusionpp-tiny.py',
    '../_base_/datasets/pretrain-coco-msrs.py',
    '../_base_/schedules/pretrain_joint.py',
    '../_base_/pretraining_runtime.py',
]
