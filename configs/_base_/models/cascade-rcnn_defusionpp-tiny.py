# Cascade R-CNN (Cai and Vasconcelos, 2018): three box heads like Faster R-CNN's, each for better boxes than the last.
_base_ = './faster-rcnn_defusionpp-tiny.py'
box_head = _base_.model.roi_head.bbox_head
stages = [(0.5, 0.1, 0.2), (0.6, 0.05, 0.1), (0.7, 0.033, 0.067)]  # IoU of a hit; deviations of centre and size
model = dict(
    type='CascadeRCNN',
    roi_head=dict(
        type='CascadeRoIHead',
        num_stages=3,
        stage_loss_weights=[1, 0.5, 0.25],
        bbox_head=[
            dict(
                box_head,
                reg_class_agnostic=True,
                bbox_coder=dict(box_head.bbox_coder, target_stds=[centre, centre, size, size]),
            )
            for _, centre, size in stages
        ],
    ),
    train_cfg=dict(
        rcnn=[
            dict(
                _base_.model.train_cfg.rcnn,
                assigner=dict(_base_.model.train_cfg.rcnn.assigner, pos_iou_thr=iou, neg_iou_thr=iou, min_pos_iou=iou),
            )
            for iou, _, _ in stages
        ]
    ),
)
