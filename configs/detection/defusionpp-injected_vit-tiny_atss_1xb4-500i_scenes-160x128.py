# The same, where the prior's map at stride 16 is added to the tokens as well, and the ViT's maps pass a gate.
_base_ = './defusionpp-gated_vit-tiny_atss_1xb4-500i_scenes-160x128.py'
model = dict(backbone=dict(injection=dict(type='mmdefusion.TokenInjection')))
