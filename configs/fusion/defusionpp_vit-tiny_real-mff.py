# Real-MFF (Zhang et al., 2020): 710 pairs of foci, imageA/NAME_A.png and imageB/NAME_B.png.
_base_ = './defusionpp_vit-tiny_mfifb.py'
test_dataloader = dict(dataset=dict(data_root='data/Real-MFF', first='imageA', second='imageB'))
