"""The likelihood-ratio tests of equal intensity over radar dates, from running sums.

For intensities ``x_1 … x_k`` of one channel with n looks (gamma distributed), Conradsen et al.
2016, doi:10.1109/TGRS.2015.2510160, statistics Q (all dates alike) and R (the last date like those
before it), with p = 1; independent channels of a diagonal matrix add up. Both need
``k, Σ log x, Σ x`` only.
"""

import numpy as np

from changedetect.kernels._jit import kernel


@kernel
def extend(
    count: np.ndarray, log_sum: np.ndarray, total: np.ndarray, image: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Add a date to running sums; NaN in the image = not observed, sums stay as they are.

    Parameters
    ----------
    count
        ``(y, x)`` int64; dates so far.
    log_sum, total
        ``(channel, y, x)`` float64; sums of logarithms and of intensities.
    image
        ``(channel, y, x)`` float64 intensities above 0; a pixel counts where all channels are
        seen. [power]

    Returns
    -------
    tuple of ndarray
        New count, log_sum and total; ``ln Q`` over all dates so far and ``ln R`` of this date
        against those before, per look, summed over channels, ``(y, x)`` float64; NaN = no date
        before, or not observed now.
    """
    channels, height, width = image.shape
    new_count, new_log, new_total = count.copy(), log_sum.copy(), total.copy()
    all_alike = np.full((height, width), np.nan)
    last_alike = np.full((height, width), np.nan)
    for row in range(height):
        for col in range(width):
            seen = True
            for channel in range(channels):
                if not image[channel, row, col] > 0.0:
                    seen = False
            if not seen:
                continue
            before = float(count[row, col])
            k = before + 1.0
            q, r = 0.0, 0.0
            for channel in range(channels):
                x = image[channel, row, col]
                logs = log_sum[channel, row, col] + np.log(x)
                both = total[channel, row, col] + x
                new_log[channel, row, col] = logs
                new_total[channel, row, col] = both
                if before > 0.0:
                    q += k * np.log(k) + logs - k * np.log(both)
                    r += k * np.log(k) - before * np.log(before)
                    r += before * np.log(total[channel, row, col]) + np.log(x)
                    r -= k * np.log(both)
            new_count[row, col] = count[row, col] + 1
            if before > 0.0:
                all_alike[row, col] = q
                last_alike[row, col] = r
    return new_count, new_log, new_total, all_alike, last_alike
