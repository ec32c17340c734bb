# ResNet-50 of the toolbox that runs the config, for baselines. ImageNet's weights:
#   --cfg-options model.backbone.backbone.init_cfg.type=Pretrained \
#       model.backbone.backbone.init_cfg.checkpoint=torchvision://resnet50
resnet = dict(
    type='ResNet',
    depth=50,
    num_stages=4,
    out_indices=(0, 1, 2, 3),
    norm_cfg=dict(type='BN', requires_grad=True),
    norm_eval=False,
    style='pytorch',
)
maps = [256, 512, 1024, 2048]
