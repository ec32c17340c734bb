# Pairs of any two folders, one at a time, since their sizes vary.
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmdefusion.FusionDataset',
        polarity='auto',  # of the infrared images; 'white-hot' or 'black-hot' if you know it, None for other pairs
        pipeline=[
            dict(type='mmdefusion.LoadAnyImage'),
            dict(type='mmdefusion.AppendPartner', channels=3),
            dict(type='mmdefusion.PackImages', meta_keys=('name', 'img_path', 'img_ir_path')),
        ],
    ),
)
test_evaluator = dict(type='mmdefusion.FusionMetric', protocol='gray')
test_cfg = dict(type='TestLoop')
