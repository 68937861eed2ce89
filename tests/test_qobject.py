"""Rows 15, 62, 63: reference counts, typed getters, booleans, JSON."""

import pytest

from engine import qobject as q
from engine.errors import ArgumentError, ArgumentTypeError, RangeError
from engine.qobject import QType


class Recorder(q.QObject):
    __slots__ = ("destroyed",)
    qtype = QType.QINT

    def __init__(self):
        super().__init__()
        self.destroyed = 0

    def destroy(self):
        self.destroyed += 1

    def plain(self):
        return 0


def test_row_15_decref_after_the_last_is_an_assertion():
    obj = Recorder()
    assert obj.refcnt == 1
    q.qobject_incref(obj)
    q.qobject_decref(obj)
    assert obj.destroyed == 0
    q.qobject_decref(obj)
    assert (obj.destroyed, obj.refcnt) == (1, 0)
    with pytest.raises(AssertionError):
        q.qobject_decref(obj)
    assert (obj.destroyed, obj.refcnt) == (1, 0)     # no wrapped counter, no second destruction


def test_row_15_none_is_fine():
    q.qobject_incref(None)
    q.qobject_decref(None)


def test_row_15_an_object_without_a_type_cannot_be_destroyed():
    class Untyped(q.QObject):
        pass

    with pytest.raises(AssertionError, match="no type"):
        q.qobject_decref(Untyped())
    with pytest.raises(AssertionError):
        q.qobject_type(Untyped())


def test_row_15_an_object_without_destroy_cannot_be_destroyed():
    class Bare(Recorder):
        destroy = None

    with pytest.raises(AssertionError, match="no destroy"):
        q.qobject_decref(Bare())


def test_row_15_type_codes():
    assert [t.name for t in QType] == [
        "NONE", "QINT", "QSTRING", "QDICT", "QLIST", "QFLOAT", "QBOOL", "QERROR"]
    assert [t.value for t in QType] == list(range(q.QTYPE_MAX))
    made = [q.QInt(1), q.QString(""), q.QDict(), q.QList(), q.QFloat(0.5), q.QBool(0)]
    assert [q.qobject_type(obj) for obj in made] == [1, 2, 3, 4, 5, 6]
    assert all(obj.refcnt == 1 for obj in made)


def test_row_15_containers_own_their_elements():
    inner, table, items = Recorder(), q.qdict_new(), q.qlist_new()
    q.qdict_put(table, "k", inner)
    q.qlist_append(items, table)
    q.qobject_incref(inner)
    q.qobject_decref(items)
    assert inner.refcnt == 1 and inner.destroyed == 0 and table.refcnt == 0
    q.qobject_decref(inner)
    assert inner.destroyed == 1


def test_row_62_put_replaces_and_drops_what_was_there():
    table, first, second = q.qdict_new(), Recorder(), Recorder()
    q.qdict_put(table, "k", first)
    q.qdict_put(table, "k", second)
    assert (first.destroyed, second.destroyed, q.qdict_size(table)) == (1, 0, 1)
    q.qdict_del(table, "k")
    q.qdict_del(table, "missing")
    assert second.destroyed == 1 and not q.qdict_haskey(table, "k")


def test_row_62_bool_getters():
    table = q.qobject_from_python({"a": True, "n": 1, "f": 2.5, "s": "t"})
    assert q.qdict_get_bool(table, "a") is True
    assert q.qdict_get_try_bool(table, "a", False) is True
    assert q.qdict_get_try_bool(table, "n", False) is False      # no conversion from integers
    assert q.qdict_get_try_bool(table, "x", True) is True
    assert q.qdict_get_try_bool(table, "x", -1) is True
    assert q.qdict_get_try_bool(table, "x", 0) is False
    for key in ("n", "x"):
        with pytest.raises(AssertionError):
            q.qdict_get_bool(table, key)


def test_row_62_sibling_getters():
    table = q.qobject_from_python({"a": True, "n": 1, "f": 2.5, "s": "t", "l": [1], "d": {}})
    assert q.qdict_get_int(table, "n") == 1
    assert q.qdict_get_try_int(table, "n", -1) == 1
    assert q.qdict_get_try_int(table, "s", -1) == -1
    assert q.qdict_get_try_str(table, "s") == "t" and q.qdict_get_try_str(table, "n") is None
    assert q.qdict_get_str(table, "s") == "t"
    assert (q.qdict_get_double(table, "f"), q.qdict_get_double(table, "n")) == (2.5, 1.0)
    assert q.qlist_size(q.qdict_get_qlist(table, "l")) == 1
    assert q.qdict_size(q.qdict_get_qdict(table, "d")) == 0
    assert [key for key, _ in q.qdict_iter(table)] == list("anfsld")
    with pytest.raises(AssertionError):
        q.qdict_get_double(table, "s")
    with pytest.raises(AssertionError):
        q.qdict_get_int(table, "a")


def test_row_63_bool_is_a_bool():
    made = q.qbool_from_bool(5)
    assert q.qbool_get_bool(made) is True and made.refcnt == 1
    assert q.qbool_get_bool(q.qbool_from_bool(0)) is False
    assert q.qobject_to_qbool(q.qint_from_int(1)) is None
    assert q.qobject_to_qbool(None) is None
    assert q.qobject_to_qbool(made) is made
    for gone in ("qbool_from_int", "qbool_get_int"):
        assert not hasattr(q, gone)


def test_row_63_casts_of_every_kind():
    made = {"qint": q.QInt(1), "qfloat": q.QFloat(1), "qbool": q.QBool(1), "qstring": q.QString(""),
            "qlist": q.QList(), "qdict": q.QDict()}
    for kind in made:
        cast = getattr(q, f"qobject_to_{kind}")
        assert [cast(obj) for obj in made.values()] == [
            obj if name == kind else None for name, obj in made.items()]


def test_lists():
    items = q.qlist_new()
    assert q.qlist_empty(items) and q.qlist_pop(items) is None and q.qlist_peek(items) is None
    for value in (1, 2):
        q.qlist_append(items, q.qint_from_int(value))
    assert [q.qint_get_int(item) for item in q.qlist_iter(items)] == [1, 2]
    first = q.qlist_peek(items)
    assert q.qlist_pop(items) is first and first.refcnt == 1 and q.qlist_size(items) == 1


@pytest.mark.parametrize("value", [
    0, -1, 2**63 - 1, -2**63, 1.5, True, False, "", "a\u00e9\n\"", [], {},
    [1, [2.5, {"k": [True]}]]])
def test_json_there_and_back(value):
    text = q.qobject_to_json(q.qobject_from_python(value))
    back = q.qobject_to_python(q.qobject_from_json(text))
    assert back == value and type(back) is type(value)
    pretty = q.qobject_to_json(q.qobject_from_python(value), pretty=True)
    assert q.qobject_to_python(q.qobject_from_json(pretty)) == value


def test_json_errors():
    for text in ("", "{", "null", "[1, null]", "NaN", "[Infinity]", "[" * 100000):
        with pytest.raises(ArgumentError):
            q.qobject_from_json(text)
    big = q.qobject_from_json(str(2**70))
    assert isinstance(big, q.QFloat) and q.qfloat_get_double(big) == 2.0**70
    with pytest.raises(ArgumentError):
        q.qobject_to_json(q.QFloat(float("nan")))
    with pytest.raises(RangeError):
        q.QInt(2**63)
    for bad in (None, {1: 2}, object()):
        with pytest.raises(ArgumentTypeError):
            q.qobject_from_python(bad)
