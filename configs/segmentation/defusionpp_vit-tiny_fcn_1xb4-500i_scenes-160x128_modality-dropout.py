# One of the two images is set to 0 in three of ten training samples, so that the model learns to do with one sensor.
_base_ = './defusionpp_vit-tiny_fcn_1xb4-500i_scenes-160x128.py'
model = dict(data_preprocessor=dict(modality_dropout=0.3))
