_base_ = './default_runtime.py'

default_scope = 'mmengine'
guards = [dict(type='mmdefusion.BrokenFilesHook', interval=1000)]
panel = dict(type='mmdefusion.PretrainingPanelHook', interval=1000)
custom_hooks = [*guards, panel]
# for TensorBoard (pip install tensorboard) add dict(type='TensorboardVisBackend')
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
randomness = dict(seed=0)
