from scaletime_jax.words import LONGEST, count_of, file_part, plain, short, tell_error


def test_one_has_no_s():
    assert count_of(1, "size") == "1 size"
    assert count_of(0, "size") == "0 sizes"
    assert count_of(12_345, "run") == "12,345 runs"
    assert count_of(2, "axis", "axes") == "2 axes"


def test_titles_become_names_of_files():
    assert file_part("a/b: C, 0.1!") == "a-b-C-0.1"
    assert file_part("x" * LONGEST) == "x" * LONGEST


def test_long_titles_are_cut_and_stay_apart():
    long = ["\u00e9" * 300 + end for end in "ab"]
    first, second = map(file_part, long)
    assert first != second
    assert all(len(part.encode()) <= LONGEST for part in (first, second))


def test_numbers_are_written_as_flags_take_them():
    values = [6e20, 1.47e9, 120_000, 0.25, 1e-5, 1e10, 1.5e-10, 1e100]
    told = ["6e20", "1.47e9", "120000", "0.25", "1e-5", "1e10", "1.5e-10", "1e100"]
    assert [plain(value) for value in values] == told
    assert [float(each) for each in told] == values
    assert short(6e20) == "6e20" and short(4.2e-7) == "4.2e-7"


def test_small_errors_are_told_in_percent():
    told = [tell_error(error) for error in (0.0, 0.0042, 0.0951, 0.34, 2.0)]
    assert told == ["0%", "0.42%", "10%", "a factor of 1.40", "a factor of 7.39"]
