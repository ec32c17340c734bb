# Your own pairs with label maps: fill in the lines marked with "<-", name this file in _base_ of a config, and check
# it:
#   python tools/dataset_converters/check_dataset.py CONFIG
# A label map is a PNG of one channel whose values are the places in classes; 255 is ignored. Set num_classes of the
# model's heads to the number of classes.
_base_ = './paired_segmentation.py'

data_root = 'data/my-pairs/'  # <- the folder of all files below
classes = ('background', 'person', 'car')  # <- the names of the values 0, 1, 2, ...
palette = [[0, 0, 0], [220, 20, 60], [0, 0, 142]]  # <- their colours in drawings, RGB
train = dict(img_path='train/vi', img_ir_path='train/ir', seg_map_path='train/labels')  # <- folders
test = dict(img_path='test/vi', img_ir_path='test/ir', seg_map_path='test/labels')  # <- the same for test pairs
# Names end with .png; where they end otherwise, set img_suffix, ir_suffix or seg_map_suffix in dataset below.

dataset = dict(type='mmdefusion.PairedSegDataset', data_root=data_root, metainfo=dict(classes=classes, palette=palette))
train_dataloader = dict(dataset=dict(**dataset, data_prefix=train))
val_dataloader = dict(dataset=dict(**dataset, data_prefix=test))
test_dataloader = dict(dataset=dict(**dataset, data_prefix=test))
