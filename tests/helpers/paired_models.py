"""The demo's detector and segmenter, and what opens them."""

from pathlib import Path

from mmdefusion.apis import PairedDetInferencer, PairedSegInferencer

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = {
    'mmdet': ROOT / 'configs/demo/defusionpp_vit-nano_atss_1xb2-500_scenes-160x128.py',
    'mmseg': ROOT / 'configs/demo/defusionpp_vit-nano_fcn_1xb2-850_scenes-160x128.py',
}
INFERENCERS = {'mmdet': PairedDetInferencer, 'mmseg': PairedSegInferencer}
