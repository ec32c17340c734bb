_base_ = './default_runtime.py'

default_scope = 'mmdet'
default_hooks = dict(
    visualization=dict(type='DetVisualizationHook'),
    exact_resume=dict(type='mmdefusion.ExactResumeHook'),
    num_classes=dict(type='NumClassCheckHook'),  # boxes of classes that metainfo lacks would be left out in silence
)
visualizer = dict(type='DetLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')

tta_model = dict(type='DetTTAModel', tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))
