"""Edges, their likeness, right angles and openings, written from their definitions."""

import math

import numpy as np


def window(values, row, col, radius):
    """Values of the window around a pixel, clipped at the edge."""
    return values[
        ..., max(0, row - radius) : row + radius + 1, max(0, col - radius) : col + radius + 1
    ]


def box_sums(values, radius):
    out = np.zeros(values.shape, np.int64)
    for row, col in np.ndindex(values.shape):
        out[row, col] = window(values, row, col, radius).sum()
    return out


def edge_field(light):
    down = np.outer([-1, -2, 0, 2, 1], [0, 1, 2, 1, 0])
    out = np.zeros((2, *light.shape), np.int32)
    for row in range(2, light.shape[0] - 2):
        for col in range(2, light.shape[1] - 2):
            around = light[row - 2 : row + 3, col - 2 : col + 3].astype(int)
            if (around < 0).any():
                continue
            slope = [int((down * around).sum()), int((down.T * around).sum())]
            length = math.hypot(*slope)
            if length:
                out[:, row, col] = [round(part * 16 / math.sqrt(length)) for part in slope]
    return out


def edge_likeness(first, second, radius, search):
    """Products of what the first window and the moved second one share, over both their powers."""
    _, height, width = first.shape
    out = np.full((height, width), np.nan)
    margin = radius + search
    a, b = (
        np.pad(f.astype(np.int64), ((0, 0), (margin, margin), (margin, margin)))
        for f in (first, second)
    )
    for row, col in np.ndindex(height, width):
        mine = a[
            :,
            row + search : row + search + 2 * radius + 1,
            col + search : col + search + 2 * radius + 1,
        ]
        found = []
        for dy in range(2 * search + 1):
            for dx in range(2 * search + 1):
                other = b[
                    :, row + dy : row + dy + 2 * radius + 1, col + dx : col + dx + 2 * radius + 1
                ]
                power = float((mine * mine).sum()) * float((other * other).sum())
                if power:
                    found.append(float((mine * other).sum()) / math.sqrt(power))
        if found:
            out[row, col] = max(found)
    return out


def right_angles(field, radius):
    """Gradients with their compression undone: length g at four times the angle."""
    z = field[1].astype(float) + 1j * field[0]
    length = np.abs(z) ** 2 / 256
    turned = length * np.exp(4j * np.angle(z))
    out = np.zeros(z.shape)
    for row, col in np.ndindex(z.shape):
        out[row, col] = abs(window(turned, row, col, radius).sum()) / (2 * radius + 1) ** 2
    return out


def opened(values, seen, radius):
    """The largest floor of the squares that hold a pixel; squares may hang over the edge."""
    height, width = values.shape
    out = values.copy()
    for row, col in zip(*np.nonzero(seen), strict=True):
        floors = []
        for y in range(max(0, row - radius), min(height, row + radius + 1)):
            for x in range(max(0, col - radius), min(width, col + radius + 1)):
                held = window(values, y, x, radius)[window(seen, y, x, radius)]
                floors.append(held.min())
        out[row, col] = max(floors)
    return out
