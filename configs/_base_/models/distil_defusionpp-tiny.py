# The encoder alone, taught by a public ViT. The file does not come with us: DINOv2's ViT-S/14 (Apache-2.0), say.
embed_dims = 192
model = dict(
    type='mmdefusion.EncoderDistiller',
    data_preprocessor=dict(type='mmdefusion.PretrainingDataPreprocessor'),
    backbone=dict(type='mmdefusion.DeFusionEncoder', arch='tiny', drop_path_rate=0.0),
    teacher=dict(
        type='mmdefusion.CachedTeacher',
        folder='work_dirs/teacher_tokens',
        # the last two blocks of a DINOv2 that was fine-tuned for something else say less of what is there
        teacher=dict(type='mmdefusion.ViTTeacher', checkpoint='dinov2-small', arch='dinov2-small', layer=10),
    ),
    head=dict(type='mmdefusion.DistillationHead', embed_dims=embed_dims, teacher_dims=384),
    views=dict(type='mmdefusion.StudentViews', sides=(8, 12)),
)
