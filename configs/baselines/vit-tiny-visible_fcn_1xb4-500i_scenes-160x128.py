# DeFusion++'s own network, both of whose inputs are the visible image: the same size and cost, one sensor.
_base_ = '../segmentation/defusionpp_vit-tiny_fcn_1xb4-500i_scenes-160x128.py'
model = dict(data_preprocessor=dict(modalities=('visible', 'visible')))
