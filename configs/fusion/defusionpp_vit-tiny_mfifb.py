# MFIFB (Zhang, 2021): 105 pairs of foci, NAME/NAME_A.* and NAME/NAME_B.*.
_base_ = './defusionpp_vit-tiny_mefb.py'
test_dataloader = dict(dataset=dict(data_root='data/MFIFB/input'))
# one focus has all of the detail that the other lacks: the one of more contrast, not made up for
model = dict(colour='rgb', detail=dict(levels=4, sharpness=6.0, rest_sharpness=None, contrast=1.0))
