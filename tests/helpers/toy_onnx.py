"""ONNX files with the inputs and outputs of exported networks, and next to nothing in between."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from mmdefusion.deployment.metadata import KEY, Metadata

FUSED = ('fused', 'common', 'unique_a', 'unique_b', 'alone_visible', 'alone_infrared')
CLASSES = dict(classes=('person', 'car'), palette=((230, 60, 80), (60, 130, 240)))


def write_toy(path: Path, task: str, masks: bool = False, **fields: object) -> str:
    """Write a fuser (means and sources), a detector (two boxes, one of them empty) or a segmenter (bright is hot).

    Args:
        path: the file.
        task: that of the metadata.
        masks: whether the detector gives masks too: the upper half of each box.
        **fields: other metadata.
    """
    nodes, outputs, constants = [], [], {}

    def node(kind: str, inputs: list[str], output: str, **attributes: object) -> None:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    if task == 'fuse':
        constants['scale'] = helper.make_tensor('scale', TensorProto.FLOAT, [], [1 / 255])
        for name in ('visible', 'infrared'):
            node('Mul', [name, 'scale'], f'alone_{name}')
        node('Mean', ['alone_visible', 'alone_infrared'], 'fused')
        node('Min', ['alone_visible', 'alone_infrared'], 'common')
        node('Sub', ['alone_visible', 'common'], 'unique_a')
        node('Sub', ['alone_infrared', 'common'], 'unique_b')
        outputs = [(name, TensorProto.FLOAT, ['n', 3, 'h', 'w']) for name in FUSED]
    elif task == 'detect':
        found = [('boxes', [1, 2, 4], [2.0, 3, 12, 20, 0, 0, 0, 0]), ('scores', [1, 2], [0.9, 0.0])]
        for name, shape, values in found:
            constants[f'{name}_'] = helper.make_tensor(f'{name}_', TensorProto.FLOAT, shape, values)
            outputs.append((name, TensorProto.FLOAT, shape))
        constants['labels_'] = helper.make_tensor('labels_', TensorProto.INT64, [1, 2], [1, -1])
        outputs.append(('labels', TensorProto.INT64, [1, 2]))
        if masks:
            values = [1.0] * 8 + [0.0] * 8 + [1.0] * 16
            constants['masks_'] = helper.make_tensor('masks_', TensorProto.FLOAT, [1, 2, 4, 4], values)
            outputs.append(('masks', TensorProto.FLOAT, [1, 2, 4, 4]))
        for name, *_ in outputs:
            node('Identity', [f'{name}_'], name)
    else:
        constants['half'] = helper.make_tensor('half', TensorProto.FLOAT, [], [127.5])
        node('ReduceMean', ['infrared'], 'grey', axes=[1], keepdims=0)
        node('Greater', ['grey', 'half'], 'hot')
        node('Cast', ['hot'], 'mask', to=TensorProto.INT64)
        outputs = [('mask', TensorProto.INT64, ['n', 'h', 'w'])]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1 if 'size' in fields else 'n', channels, 'h', 'w'])
        for name, channels in (('visible', 3), ('infrared', 'c'))
    ]
    graph = helper.make_graph(
        nodes, 'toy', inputs, [helper.make_tensor_value_info(*one) for one in outputs], list(constants.values())
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    helper.set_model_props(model, {KEY: Metadata(task, **(({} if task == 'fuse' else CLASSES) | fields)).to_text()})
    onnx.save(model, path)
    return str(path)
