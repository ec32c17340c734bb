# Lytro (Nejati et al., 2015): 20 pairs of foci, lytro-01-A.jpg and lytro-01-B.jpg.
_base_ = './defusionpp_vit-tiny_mfifb.py'
test_dataloader = dict(dataset=dict(data_root='data/Lytro', suffixes=('-A', '-B')))
