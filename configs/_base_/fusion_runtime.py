_base_ = './default_runtime.py'

default_scope = 'mmengine'
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
