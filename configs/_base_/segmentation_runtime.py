_base_ = './default_runtime.py'

default_scope = 'mmseg'
default_hooks = dict(
    visualization=dict(type='SegVisualizationHook', interval=1),  # all images of a test with --show-dir
    exact_resume=dict(type='mmdefusion.ExactResumeHook'),
)
visualizer = dict(type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')

tta_model = dict(type='SegTTAModel')
