"""Metrics of images for which they can be worked out by hand."""

import numpy as np
import pytest

from mmdefusion.evaluation.functional import (
    PROTOCOLS,
    extra_scores,
    fmi_pixel,
    gray_scores,
    lower_is_better,
    mef_ssim,
    ms_ssim,
    vifb_scores,
)
from mmdefusion.evaluation.functional.edges import qabf
from mmdefusion.evaluation.functional.fidelity import vifp
from mmdefusion.evaluation.functional.information import entropy, mutual_information, stretch


def noise(seed: int, shape=(64, 80), low=0, high=256) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.uint8)


def ramp(width=64, height=48, slope=2) -> np.ndarray:
    return np.tile(slope * np.arange(width), (height, 1)).astype(np.float64)


def test_known_histograms():
    four = np.repeat([10, 20, 30, 40], 16).reshape(8, 8).astype(float)
    assert entropy(four) == pytest.approx(2.0)
    assert entropy(np.full((5, 5), 7.3)) == 0.0
    assert mutual_information(four, four) == pytest.approx(2 * np.log(2))
    independent = np.tile([0.0, 1.0], (8, 4)), np.tile([[0.0], [1.0]], (4, 8))
    assert mutual_information(*independent) == pytest.approx(0.0, abs=1e-12)
    assert stretch(np.array([3.0, 4.0, 7.0])).tolist() == [0, 64, 255]  # 63.75 is rounded, halves upwards
    assert stretch(np.full(4, 9.0)).tolist() == [0] * 4


def test_ramp():
    a = ramp()
    scores = vifb_scores(a, a, a)
    assert scores['Avg_gradient'] == pytest.approx(np.sqrt(2) * a.size / (47 * 63))  # slope 2: √(2² / 2)
    assert scores['Edge_intensity'] == pytest.approx((62 * 16 + 2 * 8) / 64)  # half the step at the two borders
    assert scores['Spatial_frequency'] == pytest.approx(np.sqrt(48 * 63 * 4 / a.size))
    assert scores['Variance'] == pytest.approx(a.std())
    grey = gray_scores(a, a, a)
    assert grey['AG'] == pytest.approx(np.sqrt(2)) and grey['SF'] == pytest.approx(2.0)


def test_identical():
    a = noise(0)
    scores, grey, extra = vifb_scores(a, a, a), gray_scores(a, a, a), extra_scores(a, a, a)
    assert scores['Ssim'] == pytest.approx(2.0) and scores['Rmse'] == 0 and scores['Psnr'] == np.inf
    assert scores['Qcv'] == 0 and scores['Qcb'] == pytest.approx(1.0) and scores['Cross_entropy'] == 0
    assert grey['CC'] == pytest.approx(1.0) and grey['VIFF'] == pytest.approx(2.0) and grey['MSE'] == 0
    assert grey['MI'] == pytest.approx(2 * np.log(2) * grey['EN'])
    assert all(value == pytest.approx(1.0, abs=1e-6) for value in extra.values())


def test_a_known_shift():
    a, b = noise(1, high=200), noise(2, high=200)
    fused = a + 10.0
    scores = vifb_scores(a, a, fused)
    assert scores['Rmse'] == pytest.approx(10 / np.sqrt(a.size))  # √Σd² over the pixels, as VIFB has it
    assert scores['Psnr'] == pytest.approx(20 * np.log10(255 / np.sqrt(10 / np.sqrt(a.size))))
    grey = gray_scores(a, b, fused)
    difference = fused - b.astype(float)
    assert grey['MSE'] == pytest.approx((100 + (difference**2).mean()) / 2)
    assert grey['PSNR'] == pytest.approx(10 * np.log10(fused.max() ** 2 / grey['MSE']))
    # what is left of the fused image without a is flat, and tells nothing of b
    assert grey['SCD'] == pytest.approx(np.corrcoef(a.ravel(), difference.ravel())[0, 1])


@pytest.mark.parametrize('protocol', [name for name in PROTOCOLS if name != 'targets'])  # NaN where there are none
@pytest.mark.parametrize('level', [0, 128, 255])
def test_constant_images_have_finite_scores(protocol, level):
    constant, image = np.full((48, 56), level, np.uint8), noise(3, (48, 56))
    for triple in ((image, image, constant), (constant, image, image), (constant, constant, constant)):
        scores = PROTOCOLS[protocol].scores(*triple)
        assert set(scores) == set(PROTOCOLS[protocol].metrics)
        identical = triple[0] is triple[2] and triple[1] is triple[2]
        free = {'Psnr', 'PSNR', 'gray_PSNR'} if identical or not level else set()
        assert all(np.isfinite(value) for name, value in scores.items() if name not in free), scores


def test_qcb_of_flat_images():
    a, b, flat = noise(15), noise(16), np.full((64, 80), 90)
    assert vifb_scores(a, b, flat)['Qcb'] == pytest.approx(0.0, abs=1e-6)
    assert vifb_scores(a, 0 * b, a)['Qcb'] == pytest.approx(1.0)


def test_cross_entropy_is_that_of_the_source_against_the_fused_image():
    source, fused = np.zeros((2, 48, 64))
    source[:, 48:] = fused[:, 32:] = 1
    expected = 0.75 * np.log2(0.75 / 0.5) + 0.25 * np.log2(0.25 / 0.5)
    assert vifb_scores(source, source, fused)['Cross_entropy'] == pytest.approx(expected)


def test_qcv_of_a_wave_before_flat_sources():
    """The difference is the wave itself, and the eye is not equally sensitive to its mean and its eight periods."""
    flat, wave = np.full((64, 64), 9.0), 127.5 + 127.5 * np.cos(2 * np.pi * np.arange(64) / 8)
    seen = [127.5 * 2.6 * (0.0192 + 0.144 * r) * np.exp(-((0.144 * r) ** 1.1)) for r in (0, 2)]
    scores = vifb_scores(flat, flat, np.tile(wave, (64, 1)))
    assert scores['Qcv'] == pytest.approx(seen[0] ** 2 + seen[1] ** 2 / 2, rel=0.01)


def test_qabf_keeps_what_is_kept():
    edge = np.zeros((40, 40))
    edge[:, 20:] = 200
    flat = np.full((40, 40), 50.0)
    perfect = 0.9994 / (1 + np.exp(-15 * 0.5)) * 0.9879 / (1 + np.exp(-22 * 0.2))
    halved = 0.9994 / (1 + np.exp(-15 * 0.0)) * 0.9879 / (1 + np.exp(-22 * 0.2))
    inner = slice(2, -2)  # zeros beyond the border make edges of their own
    assert qabf(edge[inner, inner], np.zeros((36, 36)), edge[inner, inner] / 2) == pytest.approx(halved, rel=1e-3)
    assert qabf(edge[inner, inner], np.zeros((36, 36)), edge[inner, inner]) == pytest.approx(perfect, rel=1e-3)
    assert qabf(flat * 0, flat * 0, edge) == 0.0


def test_vifp_grows_with_contrast():
    image = noise(4, (128, 128)).astype(float)
    assert vifp(image, image) == pytest.approx(1.0)
    assert vifp(image, 0.5 * image) < 1 < vifp(image, 1.5 * image)
    assert vifp(image, np.full_like(image, 80)) == pytest.approx(0.0, abs=1e-6)


def test_colour_is_scored_by_channel_and_grey_once():
    vi, ir, fused = noise(5, (48, 50, 3)), noise(6, (48, 50)), noise(7, (48, 50, 3))
    scores = vifb_scores(vi, ir, fused)
    channels = [vifb_scores(vi[..., k], ir, fused[..., k]) for k in range(3)]
    for name in set(scores) - {'Spatial_frequency'}:
        assert scores[name] == pytest.approx(np.mean([channel[name] for channel in channels]))
    side_by_side = np.concatenate([fused[..., k] for k in range(3)], axis=1).astype(float)
    squares = (np.diff(side_by_side, axis=0) ** 2).sum() + (np.diff(side_by_side, axis=1) ** 2).sum()
    assert scores['Spatial_frequency'] == pytest.approx(np.sqrt(squares / side_by_side.size))
    luma = np.floor(vi @ [0.298936, 0.587043, 0.114021] + 0.5)
    assert vifb_scores(vi, ir, fused[..., 0]) == vifb_scores(luma, ir, fused[..., 0])


def plain_mef_ssim_patch(sources, fused):
    """The published steps on one patch that is the whole image."""
    window = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window = np.outer(window, window) / window.sum() ** 2
    centred = [source - source.mean() for source in sources]
    norm = [np.linalg.norm(c) for c in centred]
    agreement = np.linalg.norm(sum(centred)) / sum(norm)
    power = min(np.tan(np.pi / 2 * agreement), 10)
    weight = np.array([((n + 0.001) / 11) ** power for n in norm])
    weight /= weight.sum()
    wanted = sum(w * c / (n + 0.001) for w, c, n in zip(weight, centred, norm, strict=True))
    wanted = wanted / np.linalg.norm(wanted) * (max(norm) + 0.001)
    mean_w, mean_f = (window * wanted).sum(), (window * fused).sum()
    var_w, var_f = (window * (wanted - mean_w) ** 2).sum(), (window * (fused - mean_f) ** 2).sum()
    covariance = (window * (wanted - mean_w) * (fused - mean_f)).sum()
    constant = (0.03 * 255) ** 2
    return (2 * covariance + constant) / (var_w + var_f + constant)


def test_mef_ssim_is_the_published_formula():
    sources, fused = [noise(k, (11, 11)).astype(float) for k in (8, 9, 10)], noise(11, (11, 11)).astype(float)
    fused = 0.5 * fused + 0.5 * sources[0]
    assert mef_ssim(sources, fused) == pytest.approx(plain_mef_ssim_patch(sources, fused), rel=1e-6)


def plain_fmi_window(a, b):
    """One 3×3 window, step by step."""
    p, q = ((image - image.min()).ravel() for image in (a, b))
    p, q = p / p.sum(), q / q.sum()
    place = np.arange(1, 10)
    c = np.corrcoef(p, q)[0, 1]
    cdf_p, cdf_q = p.cumsum(), q.cumsum()
    bound = np.zeros((10, 10))
    for i in range(9):
        for j in range(9):
            high, low = min(cdf_p[i], cdf_q[j]), max(cdf_p[i] + cdf_q[j] - 1, 0)
            bound[i + 1, j + 1] = high if c >= 0 else low
    covariance = (bound[1:, 1:] - np.outer(cdf_p, cdf_q)).sum()
    sd = [np.sqrt((place**2 * d).sum() - (place * d).sum() ** 2) for d in (p, q)]
    share = min(max(c / (covariance / (sd[0] * sd[1])), 0), 1)
    density = bound[1:, 1:] - bound[:-1, 1:] - bound[1:, :-1] + bound[:-1, :-1]
    joint = share * density + (1 - share) * np.outer(p, q)
    information = sum(
        joint[i, j] * np.log2(joint[i, j] / (p[i] * q[j])) for i in range(9) for j in range(9) if joint[i, j] > 1e-15
    )
    entropies = [-(d[d > 0] * np.log2(d[d > 0])).sum() for d in (p, q)]
    return 2 * information / sum(entropies)


@pytest.mark.parametrize('seed', range(4))
def test_fmi_is_the_published_formula(seed):
    a, b, f = (noise(20 + 3 * seed + k, (3, 3)).astype(float) for k in range(3))
    f = f + (a if seed % 2 else 255 - a)
    assert fmi_pixel(a, b, f) == pytest.approx((plain_fmi_window(a, f) + plain_fmi_window(b, f)) / 2, rel=1e-6)


def test_ms_ssim_falls_with_noise_and_runs_on_small_images():
    image = noise(12, (192, 200)).astype(float)
    values = [ms_ssim(image, image + scale * noise(13, (192, 200))) for scale in (0, 0.1, 0.5)]
    assert values[0] == pytest.approx(1.0) and values[0] > values[1] > values[2] > 0
    assert ms_ssim(image[:11, :30], image[:11, :30]) == pytest.approx(1.0)


def test_ms_ssim_takes_the_brightness_at_the_coarsest_scale_only():
    flat, constant = np.full((192, 200), 100.0), (0.01 * 255) ** 2
    brightness = (2 * 100 * 120 + constant) / (100**2 + 120**2 + constant)
    assert ms_ssim(flat, flat + 20) == pytest.approx(brightness**0.1333, rel=1e-5)


def test_what_cannot_be_scored():
    a = noise(14)
    with pytest.raises(ValueError, match=r"differ in size.*'fused': \(64, 79\)"):
        vifb_scores(a, a, a[:, :79])
    with pytest.raises(ValueError, match='infrared image has NaN'):
        gray_scores(a, np.where(a > 250, np.nan, a), a)
    with pytest.raises(ValueError, match='fused image has values from 0 to 300, not within 0 to 255'):
        gray_scores(a, a, np.minimum(a * 300.0, 300))
    for scores in (vifb_scores, gray_scores, extra_scores):
        with pytest.raises(ValueError, match='visible image has fractions from 0 to 1, .*: multiply it by 255'):
            scores(*[a.astype(np.float32) / 255] * 3)
    black = np.minimum(a, 1)  # whole numbers may be a dark image, of floats too
    assert gray_scores(a, a, black) == gray_scores(a, a, black.astype(float))
    with pytest.raises(ValueError, match=r'images are \(64, 20\) .*48 a side is the least'):
        vifb_scores(a[:, :20], a[:, :20], a[:, :20])
    with pytest.raises(ValueError, match=r'fused image has shape \(64, 80, 2\)'):
        vifb_scores(a, a, np.stack([a, a], -1))


def test_directions():
    assert lower_is_better('Qcv') and lower_is_better('gray_MSE') and not lower_is_better('gray_Qabf')
