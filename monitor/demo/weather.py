"""Weather of a city by the sea, a function of the date alone that yet has a memory."""

from dataclasses import dataclass
from datetime import date
from math import cos, pi

import numpy as np

_MEMORY = 0.7 ** np.arange(10)
_MEMORY /= np.sqrt(np.sum(_MEMORY**2))


@dataclass(frozen=True, slots=True)
class Weather:
    """One day: its mean temperature in °C, and the share of it in which it rains."""

    temperature: float
    showers: float


def weather(day: date, seed: int) -> Weather:
    """The day's weather: a yearly wave and an anomaly that fades over about three days.

    The anomaly is a moving average of noise that is seeded by the date, so any stretch of
    days can be simulated by itself and agrees with every other stretch.
    """
    warm, wet = np.array([_noise(day.toordinal() - lag, seed) for lag in range(len(_MEMORY))]).T
    wave = -cos(2 * pi * (day.timetuple().tm_yday - 20) / 365.25)
    return Weather(
        temperature=11.0 + 5.0 * wave + 1.2 * float(warm @ _MEMORY),
        showers=float(np.clip(0.2 + 0.2 * float(wet @ _MEMORY), 0.0, 0.6)),
    )


def _noise(ordinal: int, seed: int) -> tuple[float, float]:
    first, second = np.random.default_rng((seed, ordinal, 0)).standard_normal(2)
    return float(first), float(second)
