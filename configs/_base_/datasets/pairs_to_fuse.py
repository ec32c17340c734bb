# Pairs of any two folders, one at a time, since their sizes vary.
loading = dict(type='mmdefusion.LoadAnyImage', fixed_range='full')  # visible images of 16 bits, as fuse.py reads them
packing = dict(type='mmdefusion.PackImages', meta_keys=('name', 'img_path', 'img_ir_path'))
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmdefusion.FusionDataset',
        polarity='auto',  # of the infrared images; 'white-hot' or 'black-hot' if you know it, None for other pairs
        pipeline=[loading, dict(type='mmdefusion.AppendPartner', channels=3), packing],
    ),
)
test_evaluator = dict(type='mmdefusion.FusionMetric', protocol='gray')
test_cfg = dict(type='TestLoop')
