# CUD + MFM as in the paper, which starts from TinyMIM's ImageNet encoder. Convert that and give it as
#   --cfg-options model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=FILE \
#                 model.backbone.init_cfg.prefix=backbone.
_base_ = [
    '../_base_/models/cud_defusionpp-tiny.py',
    '../_base_/datasets/pretrain-coco.py',
    '../_base_/schedules/pretrain_cud.py',
    '../_base_/pretraining_runtime.py',
]
