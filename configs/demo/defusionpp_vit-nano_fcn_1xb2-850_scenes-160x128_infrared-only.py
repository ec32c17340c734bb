# The same network with the same budget; both of its inputs see the infrared image.
_base_ = './defusionpp_vit-nano_fcn_1xb2-850_scenes-160x128.py'

model = dict(data_preprocessor=dict(modalities=('infrared', 'infrared')))
