"""Settings of the documentation's site: ``make docs`` builds it into work_dirs/docs."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools/dev')]

from docs_pages import DOCS, fit_links, write_pages  # noqa: E402
from docutils import nodes  # noqa: E402
from sphinx.addnodes import pending_xref  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402
from sphinx.environment import BuildEnvironment  # noqa: E402

from mmdefusion import __version__  # noqa: E402

project = 'mmdefusion'
author = 'The mmdefusion authors'
release = version = __version__
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx.ext.viewcode']
exclude_patterns = ['_build']
html_theme = 'furo'
html_title = f'mmdefusion {release}'
myst_enable_extensions = ['colon_fence']
myst_heading_anchors = 4
autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
autodoc_class_signature = 'mixed'
napoleon_google_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True
suppress_warnings = ['ref.python']  # names that two rooms have; the first is linked


def find_short_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Element
) -> nodes.reference | None:
    """Lets ``:class:`PictureFuser` `` be linked, wherever in the package it is."""
    if node.get('refdomain') != 'py':
        return None
    domain = env.get_domain('py')
    ending = re.compile(rf'mmdefusion\.(.*\.)?{re.escape(node["reftarget"])}')
    found = sorted(name for name in domain.objects if ending.fullmatch(name))
    if not found:
        return None
    entry = domain.objects[found[0]]
    uri = app.builder.get_relative_uri(node['refdoc'], entry.docname)
    reference = nodes.reference('', '', internal=True, refuri=f'{uri}#{entry.node_id}')
    reference += text
    return reference


def fit(app: Sphinx, name: str, source: list[str]) -> None:
    """Pages of docs/ link to the repository; in the site they link to its copies."""
    if not name.startswith('generated/'):
        page = DOCS / f'{name}.md'
        source[0] = fit_links(source[0], page, page)


def setup(app: Sphinx) -> None:
    app.connect('config-inited', lambda app, config: write_pages())
    app.connect('source-read', fit)
    app.connect('missing-reference', find_short_name)
