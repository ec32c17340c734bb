"""The app in a real browser that can reach nothing but it; screenshots stay in work_dirs/web."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import cv2
import numpy as np
import pytest
import torch
from helpers.layouts import grey
from helpers.pretraining import write_fuser
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdefusion.registry import MODELS
from mmdefusion.web.examples import example
from mmdefusion.web.settings import Settings

pytest.importorskip('gradio', reason="the app needs gradio: pip install '.[web]'")
pytest.importorskip('selenium', reason='the browser is driven by selenium: pip install selenium')
from selenium import webdriver
from selenium.common.exceptions import ElementNotInteractableException, StaleElementReferenceException
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

CHANGING = (StaleElementReferenceException, ElementNotInteractableException)  # elements that come or go meanwhile
PLACES = ('vi', 'ir', 'fused/other')
SEGMENTER = Path(__file__).resolve().parents[2] / 'configs/demo/defusionpp_vit-nano_fcn_1xb2-850_scenes-160x128.py'
SHOTS = Path(__file__).resolve().parents[2] / 'work_dirs/web'
BROWSERS, DRIVERS = ('chromium', 'chromium-browser', 'google-chrome'), ('chromedriver', 'chromium.chromedriver')
ARGUMENTS = (
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--window-size=1300,1250',
    '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',  # as a machine without network
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Weights, two pairs and a folder of another method."""
    folder = tmp_path_factory.mktemp('web')
    write_fuser(folder / 'fuser.pth')
    for number in range(2):
        for place, image in zip(PLACES, (*example('ivf', number, 'small'), grey(0, 128, 160)), strict=True):
            (folder / place).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / place / f'{number}.png'), image)
    cv2.imwrite(str(folder / 'narrow.png'), grey(1, 128, 100))
    return folder


def untrained(file: Path) -> str:
    """The checkpoint of a segmenter that is not trained."""
    config = Config.fromfile(SEGMENTER)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    meta = dict(dataset_meta=dict(classes=config.classes, palette=config.palette))
    torch.save(dict(state_dict=MODELS.build(config.model).state_dict(), meta=meta), file)
    return str(file)


@pytest.fixture(scope='module')
def address(folder) -> Iterator[str]:
    """Of the app, which runs in this process."""
    from mmdefusion.web import serve

    pytest.importorskip('mmseg')
    model = str(SEGMENTER), untrained(folder / 'segmenter.pth')
    settings = Settings(str(folder / 'fuser.pth'), model, methods=folder, device='cpu', megabytes=1)
    app = serve(settings, port=None, block=False)
    yield app.local_url
    app.close()


@pytest.fixture(scope='module')
def browser() -> Iterator[webdriver.Chrome]:
    found = [next(filter(None, map(shutil.which, names)), None) for names in (BROWSERS, DRIVERS)]
    if None in found:
        pytest.skip('no Chromium with its driver is installed (Debian: apt-get install chromium chromium-driver)')
    options = Options()
    options.binary_location = found[0]
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    browser = webdriver.Chrome(options=options, service=Service(found[1]))
    yield browser
    browser.quit()


class Page:
    """The page of the app."""

    def __init__(self, browser: webdriver.Chrome, address: str) -> None:
        self.browser = browser
        browser.get(address)
        self.wait(lambda _: browser.find_elements(By.ID, 'fuse-button'))

    def wait(self, condition):
        return WebDriverWait(self.browser, 60, 0.2, CHANGING).until(condition)

    def find(self, within: str, selector: str = '*'):
        """The first element that a selector finds within an element."""
        return self.wait(lambda _: self.browser.find_elements(By.CSS_SELECTOR, f'#{within} {selector}'))[0]

    def open(self, tab: str) -> None:
        tabs = self.browser.find_elements(By.CSS_SELECTOR, 'button[role=tab]')
        next(button for button in tabs if button.text == tab).click()

    def upload(self, element: str, *files: Path) -> None:
        self.find(element, 'input[type=file]').send_keys('\n'.join(map(str, files)))
        self.find(element, 'img, .file-preview')

    def click(self, element: str) -> None:
        self.browser.find_element(By.ID, element).click()

    def text(self, element: str) -> str:
        """What is written in an element, once something is and nothing is computed."""

        def written(_: object) -> str:
            text = self.browser.find_element(By.ID, element).text
            return '' if 'processing' in text or 'queue' in text else text

        return self.wait(written)

    def message(self) -> str:
        """The error that is shown, which is then closed."""

        def shown(part: str) -> list:
            return self.browser.find_elements(By.CSS_SELECTOR, f'[data-testid=toast-{part}]')

        def closed(_: object) -> bool:
            buttons = shown('close')
            for button in buttons:
                button.click()
            return not buttons

        text = self.wait(lambda _: ' '.join(body.text for body in shown('body')).strip())  # it fades in
        self.wait(closed)  # and out
        return text

    def shoot(self, name: str) -> np.ndarray:
        SHOTS.mkdir(parents=True, exist_ok=True)
        assert self.browser.save_screenshot(str(SHOTS / f'{name}.png'))
        return cv2.imread(str(SHOTS / f'{name}.png'))


@pytest.fixture
def page(browser, address) -> Page:
    return Page(browser, address)


def test_upload_fuse_and_slide(page, folder):
    page.upload('fuse-first', folder / 'vi/0.png')
    page.upload('fuse-second', folder / 'ir/0.png')
    page.click('fuse-button')
    scores = page.text('fuse-scores').splitlines()
    assert 'metric fused mean of the sources' in scores and len(scores) == 15
    assert page.find('fuse-out', 'a[download]').get_attribute('href').endswith('.png')
    assert len(page.browser.find_elements(By.CSS_SELECTOR, '#fuse-pictures img')) == 8

    slider = page.find('fuse-slider-first', '[data-testid=slider]')
    after = page.find('fuse-slider-first', '[data-testid=imageslider-image].fixed')
    page.wait(lambda _: after.get_property('naturalWidth') == 160)
    before = after.value_of_css_property('clip-path')
    ActionChains(page.browser).drag_and_drop_by_offset(slider, 120, 0).perform()
    page.wait(lambda _: after.value_of_css_property('clip-path') != before)
    assert page.shoot('fuse').std() > 20


def test_unequal_sizes_and_other_errors_are_messages(page, folder):
    page.click('fuse-button')
    assert 'The first image is missing: upload one, or take an example.' in page.message()
    page.upload('fuse-first', folder / 'vi/0.png')
    page.upload('fuse-second', folder / 'narrow.png')
    page.click('fuse-button')
    assert 'the images are 160x128 and 100x128: align them' in page.message()
    page.shoot('unequal_sizes')
    page.find('fuse-resize', 'input').click()
    page.click('fuse-button')
    assert 'Rmse' in page.text('fuse-scores')


@pytest.mark.soak
def test_names_of_files_are_text_in_messages(page, folder, tmp_path):
    name = tmp_path / '<img src=x onerror=document.title=1>.png'
    name.write_bytes((folder / 'vi/0.png').read_bytes()[:-20])
    page.open('Compare')
    page.upload('compare-first', folder / 'vi/0.png')
    page.upload('compare-second', folder / 'ir/0.png')
    page.upload('compare-files', name)
    page.click('compare-button')
    assert 'cut short' in page.message() and page.browser.title == 'mmdefusion'


@pytest.mark.soak
def test_other_methods_are_compared(page, folder):
    page.open('Compare')
    page.click('compare-many')
    lines = page.text('compare-table').splitlines()
    assert lines[0] == 'Means over 2 pairs.' and len(lines) == 16
    assert sorted(lines[1].split()) == ['mean', 'mmdefusion', 'of', 'other', 'sources', 'the']
    page.click('compare-one')
    page.wait(lambda _: page.text('compare-table').startswith('0'))
    page.wait(lambda _: len(page.browser.find_elements(By.CSS_SELECTOR, '#compare-pictures img')) == 5)
    page.shoot('compare')


@pytest.mark.soak
def test_a_sensor_is_switched_off(page):
    page.open('Detect and segment')
    page.click('predict-example')
    page.find('predict-first', 'img')
    page.click('predict-button')
    whole = page.text('predict-table').splitlines()
    assert whole[0].startswith('class') and len(whole) == 5  # background and three classes
    assert all(line.split()[-1] in ('100.0', '–') for line in whole[1:])
    before = page.find('predict-changed', 'img').get_attribute('src')
    page.find('predict-sensor', 'input[value="visible only"]').click()
    page.click('predict-button')
    page.wait(lambda _: page.find('predict-changed', 'img').get_attribute('src') != before)
    changed = page.text('predict-table').splitlines()
    assert changed[0] == whole[0] and changed != whole
    page.wait(lambda _: page.find('predict-changed', 'img').get_property('naturalWidth') > 2 * 160)
    page.shoot('predict')


def test_nothing_comes_from_elsewhere(page, address):
    loaded = page.browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert len(loaded) > 10 and all(name.startswith((address, 'data:', 'blob:')) for name in loaded)
    refused = [entry['message'] for entry in page.browser.get_log('browser') if 'Content Security' in entry['message']]
    assert not refused, 'the app itself asks for something elsewhere'
    fetched = page.browser.execute_async_script(
        "const done = arguments[0]; fetch('http://localhost:1/').then(() => done(''), error => done(String(error)))"
    )
    assert 'Failed to fetch' in fetched
    assert any('Content Security Policy' in entry['message'] for entry in page.browser.get_log('browser'))


@pytest.mark.parametrize('path', ['/etc/passwd', __file__, 'README.md', 'vi/0.png'])
def test_files_of_the_machine_are_not_served(address, folder, path):
    wanted = folder / path if path.startswith('vi') else path
    with pytest.raises(HTTPError) as refused:
        urlopen(f'{address}gradio_api/file={wanted}')
    assert refused.value.code in (403, 404)
