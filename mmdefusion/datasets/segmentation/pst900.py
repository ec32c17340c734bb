"""PST900: underground search and rescue."""

from mmdefusion.registry import DATASETS

from .paired_seg import PairedSegDataset


@DATASETS.register_module()
class PST900Dataset(PairedSegDataset):
    """PST900: 597 training and 288 test pairs of 1280×720 (Shivakumar et al., ICRA 2020).

    Source: github.com/ShreyasSkandanS/pst900_thermal_rgb.

    Layout: {train,test}/rgb, thermal (8 bits; thermal_raw has the 16-bit counts) and labels. The background (label 0)
    is a class, as in the published evaluation.
    """

    METAINFO = dict(
        dataset_type='PST900',
        classes=('background', 'fire_extinguisher', 'backpack', 'hand_drill', 'survivor'),
        palette=[[0, 0, 0], [0, 0, 255], [0, 255, 0], [255, 0, 0], [255, 255, 255]],
    )
