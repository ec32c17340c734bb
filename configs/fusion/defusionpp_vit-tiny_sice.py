# SICE (Cai et al., 2018), one under- and one overexposed image of each scene in a folder each.
_base_ = './defusionpp_vit-tiny_mefb.py'
test_dataloader = dict(dataset=dict(data_root='data/SICE', first='under', second='over', suffixes=('', '')))
