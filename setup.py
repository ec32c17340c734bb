"""Builds mmdefusion. Configs and tools travel under mmdefusion/.mim, where OpenMMLab's tools look for them."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
PACKED = ('configs', 'tools')
EXTRAS = ('deploy', 'export', 'openvino', 'web', 'hub', 'docs', 'tests', 'lint')


def requirements(name: str) -> list[str]:
    """Requirement lines of ``requirements/{name}.txt`` without comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    stripped = (line.split('#')[0].strip() for line in lines)
    return [line for line in stripped if line]


class BuildWithMim(build_py):
    """Copies configs and tools into the built package (an editable install reads them from the checkout)."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / 'mmdefusion' / '.mim'
        for name in PACKED:
            ignored = shutil.ignore_patterns('__pycache__', 'dev')  # tools/dev: research scripts and the set-up
            shutil.copytree(ROOT / name, target / name, dirs_exist_ok=True, ignore=ignored)
        shutil.copy(ROOT / 'model-index.yml', target)


setup(
    name='mmdefusion',
    version=re.search(r"__version__ = '(.+)'", (ROOT / 'mmdefusion/version.py').read_text()).group(1),
    description='DeFusion++ (image fusion by decomposition) as backbone and necks for OpenMMLab',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The mmdefusion authors',
    license='Apache-2.0',
    keywords='image fusion, RGB-T, infrared, multimodal detection, multimodal segmentation, OpenMMLab',
    classifiers=[
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
    packages=find_packages(include=['mmdefusion', 'mmdefusion.*']),
    package_data={'mmdefusion': ['weights/*', 'evaluation/published/*.csv']},
    python_requires='>=3.10,<3.13',
    install_requires=requirements('runtime'),
    extras_require={name: requirements(name) for name in EXTRAS}
    | {name: requirements(name) + requirements('torch') for name in ('toolboxes', 'onedl')},
    entry_points={
        'console_scripts': ['mmdefusion = mmdefusion.cli:main', 'mmdefusion-web = mmdefusion.web.__main__:main']
    },
    cmdclass={'build_py': BuildWithMim},
)
