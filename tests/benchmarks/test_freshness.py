from benchmarks.freshness import grown


def test_memory_that_rises_while_it_warms_up_and_then_stays_has_not_grown() -> None:
    warming = [float(mib) for mib in range(100, 200, 5)]
    assert grown([*warming, *[200.0] * 100]) == {"mib": 200, "most_mib": 200, "grown_percent": 0.0}


def test_what_it_grows_by_is_told_of_the_time_after_and_one_peak_is_no_growth() -> None:
    rising = [100 + i / 10 for i in range(600)]
    rising[300] = 900.0
    told = grown(rising)
    assert (told["most_mib"], told["grown_percent"]) == (900, round(100 * (157.95 / 121.95 - 1), 1))
