# The same for infrared and visible images as tools/fuse.py fuses them: people stand out, skies are kept.
# Without that (--target off): fuser_defusionpp-tiny.py.
_base_ = './fuser_defusionpp-tiny.py'
model = dict(target='keep', detail=dict(boost=0.5, sharpness=3.0, noise=0.005))
