"""Lays the weights of yunet-s.onnx out as engine/src/analyse/faces/network.rs reads them: python3 yunet.py yunet-s.onnx yunet-s.f32

32-bit floats, little-endian, unit by unit in the order in which they are computed, output channels last. The four heads of a
scale are one unit of 16 channels: class, object, box (4), landmarks (10). Needs the packages onnx and numpy.
"""

import sys

import numpy
import onnx
from onnx import numpy_helper

model = onnx.load(sys.argv[1])
weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}

BACKBONE = ["model0_dp"] + [f"model{stage}_dp{unit}" for stage in range(1, 6) for unit in (1, 2)]
NECK = [f"neck__lateral_convs__{scale}" for scale in (2, 1, 0)]
HEADS = [[f"bbox_head__multi_level_{head}__{scale}" for head in ("cls", "obj", "bbox", "kps")] for scale in (0, 1, 2)]

# The first convolution: row, column, input channel, output channel.
parts = [weights["w0"].transpose(2, 3, 1, 0), weights["b0"]]
for names in [[f"backbone__{name}"] for name in BACKBONE] + [[name] for name in NECK] + HEADS:

    def joined(suffix):
        return numpy.concatenate([weights[f"{name}_{suffix}"] for name in names])

    # Input channel, output channel; then row, column, channel.
    parts += [joined("pw_w")[:, :, 0, 0].T, joined("pw_b"), joined("dw_w")[:, 0].transpose(1, 2, 0), joined("dw_b")]
numpy.concatenate([numpy.ascontiguousarray(part).ravel() for part in parts]).astype("<f4").tofile(sys.argv[2])
