# Convolutions over the pair that read the fused tokens, in place of a pyramid from tokens alone. Everything starts from
# the weights that come with the package; encoder and decomposition stay as they are, which halves the time of a step.
_base_ = [
    '../_base_/models/fcn_guided-tiny.py',
    '../_base_/datasets/scenes-segmentation.py',
    '../_base_/schedules/zoo_500i.py',
    '../_base_/segmentation_runtime.py',
]
