# DeFusion++'s own network, both of whose inputs are the infrared image: the same size and cost, one sensor.
_base_ = '../detection/defusionpp_vit-tiny_atss_1xb4-500i_scenes-160x128.py'
model = dict(data_preprocessor=dict(modalities=('infrared', 'infrared')))
