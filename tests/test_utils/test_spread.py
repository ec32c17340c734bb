from mmdefusion.utils.spread import evenly_spread


def test_evenly_spread():
    assert evenly_spread(range(11), 6) == [0, 2, 4, 6, 8, 10]
    assert evenly_spread('abc', 5) == ['a', 'b', 'c']
    assert evenly_spread('abc', 1) == ['a'] and evenly_spread('', 3) == []
    assert len(set(evenly_spread(range(21), 12))) == 12
