# The same, where the ViT's maps pass a gate that starts closed, so that training begins with the prior alone.
_base_ = './defusionpp-prior_vit-tiny_atss_1xb4-500i_scenes-160x128.py'
model = dict(backbone=dict(junction=dict(type='mmdefusion.GatedSum')))
