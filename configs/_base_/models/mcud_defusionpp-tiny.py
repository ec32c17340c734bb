# DeFusion++ in joint pretraining: CUD + MFM on images, and on pairs what two frozen MAE encoders see in them.
_base_ = './cud_defusionpp-tiny.py'

embed_dims = 192
# neither file comes with us: the visible one is MAE's, the infrared one is made by mae_vit-base_*.py
model = dict(
    type='mmdefusion.MCUDPretrainer',
    infrared_teacher=dict(
        type='mmdefusion.MAETeacher', arch='base', checkpoint='checkpoints/mae_infrared_vit_base.pth'
    ),
    visible_teacher=dict(type='mmdefusion.MAETeacher', arch='base', checkpoint='checkpoints/mae_pretrain_vit_base.pth'),
    teacher_head=dict(type='mmdefusion.TeacherPredictionHead', embed_dims=embed_dims, teacher_dims=768),
    mcud_loss=dict(type='mmdefusion.MCUDLoss', infrared_teacher=1.0, visible_teacher=1.0, common=1.0),
)
# a batch of images leaves the teachers' head without gradient, a batch of pairs everything behind the decomposition
find_unused_parameters = True
