"""Rows 12, 60, 61: types, objects, properties, their iterator, paths and links."""

import random

import pytest

from engine import errors, qobject
from engine.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceNotFoundError,
    DuplicateError,
    Error,
    ErrorClass,
    ErrorSlot,
    NameNotFoundError,
    PermissionDeniedError,
    RangeError,
)
from engine.qom import (
    IterationError,
    Object,
    ObjectProperty,
    TypeInfo,
    alias_property,
    allow_any,
    bool_property,
    enum_property,
    int_property,
    link_property,
    messages,
    number_property,
    object_class_by_name,
    object_class_get_list,
    object_get_root,
    object_new,
    object_resolve_path,
    str_property,
    type_register,
    type_unregister,
)
from engine.qom import functions as f
from engine.qom.visitor import INT_KINDS, OutputVisitor, StringOutputVisitor


@pytest.fixture
def types():
    """Registers types for one test."""
    made = []

    def register(name, **facts):
        type_register(TypeInfo(name, **facts))
        made.append(name)
        return name

    yield register
    for name in reversed(made):
        type_unregister(name)


@pytest.fixture
def thing(types):
    types("thing")
    return object_new("thing")


def names(obj):
    return [prop.name for prop in obj.iter_properties()]


# ---------------------------------------------------------------- row 12: the iterator

def test_row_12_iterator_visits_each_once_in_order(thing):
    for name in "cab":
        thing.add_property(bool_property(name, attribute=name))
    it = f.object_property_iter_init(thing)
    seen = [f.object_property_iter_next(it).name for _ in range(3)]
    assert seen == ["c", "a", "b"]
    assert [f.object_property_iter_next(it) for _ in range(3)] == [None] * 3
    f.object_property_iter_free(it)
    f.object_property_iter_free(None)
    assert names(thing) == ["c", "a", "b"]


def test_row_12_empty_object_is_at_the_end_at_once(thing):
    assert f.object_property_iter_next(f.object_property_iter_init(thing)) is None
    assert names(thing) == []


def test_row_12_instance_then_class_then_parents(types):
    types("top", class_init=lambda k: k.add_property(bool_property("q", attribute="q")))
    types("sub", parent="top",
          class_init=lambda k: k.add_property(bool_property("p", attribute="p")))
    obj = object_new("sub")
    obj.add_property(bool_property("i", attribute="i"))
    obj.add_property(bool_property("j", attribute="j"))
    assert names(obj) == ["i", "j", "p", "q"]


def test_row_12_changes_during_iteration_are_errors(types):
    types("thing", class_init=lambda k: k.add_property(bool_property("k", attribute="k")))
    obj = object_new("thing")
    for name in "abc":
        obj.add_property(bool_property(name, attribute=name))
    it = iter(obj.iter_properties())
    assert next(it).name == "a"
    obj.add_property(bool_property("d", attribute="d"))
    with pytest.raises(IterationError):
        next(it)
    it = obj.iter_properties()
    next(it)
    obj.delete_property("b")
    with pytest.raises(IterationError, match="added or removed"):
        it.advance()
    it = obj.iter_properties()
    next(it)
    obj.get_class().add_property(bool_property("later", attribute="later"))
    with pytest.raises(IterationError):
        it.advance()
    # after the end a change is of no interest; a freed iterator says so
    it = obj.iter_properties()
    assert len(list(it)) == 5
    obj.delete_property("a")
    assert it.advance() is None
    it = obj.iter_properties()
    f.object_property_iter_free(it)
    with pytest.raises(IterationError, match="freed"):
        it.advance()


def test_row_12_values_may_change_during_iteration(thing):
    thing.flag = False
    for name in "ab":
        thing.add_property(bool_property(name, attribute="flag"))
    for prop in thing.iter_properties():
        thing.set(prop.name, True)
    assert thing.flag is True


def test_row_12_lookup_root_most_class_first(types):
    types("top")
    types("sub", parent="top")
    obj = object_new("sub")
    sub, top = obj.get_class(), obj.get_class().parent
    low = sub.add_property(str_property("p", lambda o: "sub"))
    assert obj.find_property("p") is low
    high = top.add_property(str_property("p", lambda o: "top"))    # later, and nearer to the root
    assert obj.find_property("p") is high and obj.get("p") == "top"
    with pytest.raises(DuplicateError):
        obj.add_property(str_property("p", lambda o: "instance"))
    with pytest.raises(DuplicateError):
        sub.add_property(str_property("p"))
    with pytest.raises(PermissionDeniedError, match="cannot be deleted"):
        obj.delete_property("p")


def test_row_12_free_index_of_array_names(thing):
    assert [thing.add_property(bool_property("irq[*]")).name for _ in range(3)] == [
        "irq[0]", "irq[1]", "irq[2]"]
    thing.delete_property("irq[1]")
    assert thing.add_property(bool_property("irq[*]")).name == "irq[1]"
    thing.get_class().add_property(bool_property("irq[3]"))
    assert thing.add_property(bool_property("irq[*]")).name == "irq[4]"


def test_row_12_duplicates_and_deletion(thing):
    released = []
    thing.add_property(ObjectProperty("x", "bool", release=lambda o, n: released.append(n)))
    slot = ErrorSlot()
    assert f.object_property_add(thing, "x", "bool", None, None, None, slot) is None
    assert isinstance(slot.error, DuplicateError)
    f.object_property_del(thing, "x", None)
    assert released == ["x"] and thing.find_property("x") is None
    with pytest.raises(NameNotFoundError):
        thing.delete_property("x")


# ---------------------------------------------------------------- types and instances

def test_class_inheritance_copies_data_and_inits_in_order(types):
    log = []
    types("top", data={"reset": "top", "kind": 1}, class_init=lambda k: log.append("class top"),
          instance_init=lambda o: log.append("init top"),
          instance_post_init=lambda o: log.append("post top"),
          instance_finalize=lambda o: log.append("end top"))

    def sub_class(klass):
        log.append("class sub")
        klass.data["reset"] = "sub"

    types("sub", parent="top", class_init=sub_class,
          instance_init=lambda o: log.append("init sub"),
          instance_post_init=lambda o: log.append("post sub"),
          instance_finalize=lambda o: log.append("end sub"))
    obj = object_new("sub")
    object_new("sub")
    assert obj.get_class().data == {"reset": "sub", "kind": 1}
    assert obj.get_class().parent.data["reset"] == "top"
    obj.unref()
    made = ["init top", "init sub", "post sub", "post top"]
    assert log == ["class top", "class sub", *made, *made, "end sub", "end top"]


def test_types_that_cannot_be(types):
    with pytest.raises(NameNotFoundError):
        object_new("no such type")
    types("ghost", abstract=True)
    with pytest.raises(ArgumentError, match="abstract"):
        object_new("ghost")
    with pytest.raises(DuplicateError):
        type_register(TypeInfo("ghost"))
    types("wrong", interfaces=["ghost"])
    with pytest.raises(ArgumentError, match="no interface"):
        object_new("wrong")
    types("own", parent="own")
    with pytest.raises(ArgumentError, match="own parent"):
        object_new("own")
    with pytest.raises(ArgumentError):
        type_register(TypeInfo(""))


def test_casts_and_interfaces(types):
    types("resettable", parent="interface", abstract=True)
    types("cold", parent="resettable", abstract=True)
    types("base")
    types("derived", parent="base", interfaces=["cold"])
    types("leaf", parent="derived")
    obj, other = object_new("leaf"), object_new("base")
    for typename in ("leaf", "derived", "base", "object", "cold", "resettable", "interface"):
        assert f.object_dynamic_cast(obj, typename) is obj
    assert f.object_dynamic_cast(other, "cold") is None
    assert f.object_dynamic_cast(other, "leaf") is None
    assert f.object_dynamic_cast(None, "leaf") is None
    with pytest.raises(AssertionError):
        f.object_dynamic_cast_assert(other, "leaf")
    assert f.object_class_dynamic_cast(obj.get_class(), "cold") is obj.get_class()
    assert [k.name for k in object_class_get_list("resettable")] == ["derived", "leaf"]
    assert [k.name for k in object_class_get_list("resettable", include_abstract=True)] == [
        "cold", "derived", "leaf", "resettable"]
    assert object_class_by_name("leaf") is obj.get_class()
    assert object_class_by_name("nope") is None
    assert f.object_class_get_parent(obj.get_class()).name == "derived"
    assert f.object_get_typename(obj) == f.object_class_get_name(obj.get_class()) == "leaf"


def test_references(types):
    ended = []
    types("counted", instance_finalize=lambda o: ended.append(o))
    obj, parent = object_new("counted"), object_new("container")
    assert obj.refcnt == 1
    parent.add_child("c", obj)
    assert obj.refcnt == 2
    obj.unref()
    assert not ended
    obj.unparent()
    assert ended == [obj] and obj.refcnt == 0 and not parent.children()
    with pytest.raises(AssertionError):
        obj.unref()
    with pytest.raises(AssertionError):
        obj.ref()
    f.object_unref(None)
    f.object_ref(None)
    f.object_unparent(None)


def test_a_tree_goes_with_its_root(types):
    ended = []
    types("counted", instance_finalize=lambda o: ended.append(o.type))
    root = object_new("container")
    middle, leaf = object_new("counted"), object_new("counted")
    root.add_child("m", middle)
    middle.add_child("l", leaf)
    middle.unref()
    leaf.unref()
    root.unref()
    assert ended == ["counted", "counted"]


def test_new_with_properties(types):
    types("sized", instance_init=lambda o: o.add_property(
        int_property("max-size", "uint8", attribute="max_size")))
    assert object_new("sized", max_size=3).get("max-size") == 3
    with pytest.raises(NameNotFoundError):
        object_new("sized", nope=3)


# ---------------------------------------------------------------- row 60: values and their errors

@pytest.mark.parametrize("kind", [kind for kind in INT_KINDS if kind not in ("int", "size")])
def test_row_60_integer_kinds_check_both_ends(thing, kind):
    low, high = INT_KINDS[kind]
    thing.value = 0
    thing.add_property(int_property("n", kind, attribute="value"))
    for value in (low, high, 0):
        thing.set("n", value)
        assert thing.get("n") == value == thing.value
        thing.parse("n", hex(value))
        assert thing.print("n") == str(value)
    for value in (low - 1, high + 1):
        with pytest.raises(RangeError, match=f"'n' has a value that is not {kind}_t"):
            thing.set("n", value)
        with pytest.raises(RangeError):
            thing.parse("n", str(value))
        slot = ErrorSlot()
        f.object_property_set_int(thing, value, "n", slot)
        assert errors.error_get_class(slot.error) is ErrorClass.GENERIC_ERROR
        assert f"{kind}_t" in slot.error.message
    assert thing.value == 0


def test_row_60_read_only_and_write_only(thing):
    thing.add_property(int_property("ro", "int", lambda o: 7))
    thing.add_property(int_property("wo", "int", None, lambda o, v: setattr(o, "got", v)))
    slot = ErrorSlot()
    f.object_property_set_int(thing, 1, "ro", slot)
    assert errors.error_get_class(slot.error) is ErrorClass.GENERIC_ERROR
    assert slot.error.message == messages.QERR_PERMISSION_DENIED % "written"
    with pytest.raises(PermissionDeniedError):
        thing.get("wo")
    thing.set("wo", 5)
    assert thing.got == 5 and thing.get("ro") == 7


def test_row_60_getter_defaults_on_failure(thing):
    thing.add_property(str_property("s", lambda o: "text"))
    thing.add_property(int_property("i", "int", lambda o: 3))
    cases = [(f.object_property_get_int, "s", -1, "int"),
             (f.object_property_get_bool, "s", False, "boolean"),
             (f.object_property_get_str, "i", None, "string"),
             (f.object_property_get_link, "i", None, "string")]
    for getter, name, default, expected in cases:
        slot = ErrorSlot()
        assert getter(thing, name, slot) == default
        assert isinstance(slot.error, ArgumentTypeError)
        assert slot.error.message == messages.QERR_INVALID_PARAMETER_TYPE % (name, expected)
        assert getter(thing, name, None) == default       # nobody wants the error
        slot = ErrorSlot()
        assert getter(thing, "missing", slot) == default
        assert isinstance(slot.error, NameNotFoundError)
    slot = ErrorSlot()
    assert f.object_property_get_int(thing, "i", slot) == 3 and not slot
    assert f.object_property_get_str(thing, "s", slot) == "text" and not slot


def test_row_60_types_of_values(thing):
    thing.b, thing.s, thing.d, thing.i = False, "", 0.0, 0
    for prop in (bool_property("b", attribute="b"), str_property("s", attribute="s"),
                 number_property("d", attribute="d"), int_property("i", attribute="i")):
        thing.add_property(prop)
    for name, good, bad, expected in (
            ("b", True, 1, "boolean"), ("s", "x", 1, "string"), ("d", 2.5, "x", "number"),
            ("i", 4, True, "integer"), ("i", 5, "5", "integer")):
        thing.set(name, good)
        assert thing.get(name) == good
        with pytest.raises(ArgumentTypeError, match=f"'{name}' has the wrong type.*{expected}"):
            thing.set(name, bad)
    with pytest.raises(ArgumentTypeError):
        thing.set("i", object())
    for text, value in (("on", True), ("no", False), ("TRUE", True), ("false", False)):
        thing.parse("b", text)
        assert thing.b is value
    thing.parse("d", "0.25")
    assert thing.d == 0.25
    for name, text in (("b", "maybe"), ("d", "x"), ("i", "ten")):
        with pytest.raises(Error):
            thing.parse(name, text)
    thing.parse("i", "0x10")
    assert thing.print("i", human=True) == "16 (0x10)" and thing.print("b") == "false"
    assert thing.print("s", human=True) == '"x"'


def test_row_60_missing_names_print_as_null():
    value = qobject.QString("x")
    from engine.qom.visitor import InputVisitor
    with pytest.raises(ArgumentTypeError, match="'null'"):
        InputVisitor(value).visit_int("int", None, 0)


def test_row_60_narrowed_range(thing):
    thing.add_property(int_property("pct", "uint32", attribute="pct", low=1, high=100))
    thing.set("pct", 100)
    with pytest.raises(ArgumentError) as caught:
        thing.set("pct", 0)
    assert caught.value.message == messages.QERR_PROPERTY_VALUE_OUT_OF_RANGE % (
        "thing", "pct", 0, 1, 100)


def test_row_60_sizes_and_enums(thing):
    thing.size, thing.mode = 0, 1
    thing.add_property(int_property("size", "size", attribute="size"))
    thing.add_property(enum_property("mode", "Mode", ["slow", "fast"], attribute="mode"))
    thing.parse("size", "64K")
    assert thing.get("size") == 65536
    assert thing.get("mode") == thing.print("mode") == "fast"
    thing.set("mode", "slow")
    assert thing.mode == 0
    with pytest.raises(ArgumentError, match="'medium' is invalid"):
        thing.set("mode", "medium")
    with pytest.raises(ArgumentError):
        int_property("x", "int128")


def test_row_60_values_through_visitors(thing):
    thing.add_property(int_property("n", "uint64", lambda o: (1 << 64) - 1))
    out = OutputVisitor()
    f.object_property_get(thing, out, "n", errors.error_abort)
    assert qobject.qobject_to_json(out.value) == str((1 << 64) - 1)
    text = StringOutputVisitor()
    f.object_property_get(thing, text, "n", errors.error_abort)
    assert text.text == str((1 << 64) - 1)
    assert f.object_property_print(thing, "n", False, None) == text.text
    value = f.object_property_get_qobject(thing, "n", None)
    assert value.refcnt == 1
    assert f.object_property_get_type(thing, "n", None) == "uint64"
    assert f.object_property_get_type(thing, "m", None) is None


def test_row_60_templates_are_text_and_class_is_generic():
    templates = {name: text for name, text in vars(messages).items() if name.startswith("QERR_")}
    assert len(templates) == 10 and all(isinstance(text, str) for text in templates.values())
    assert [c.name for c in ErrorClass] == [
        "GENERIC_ERROR", "COMMAND_NOT_FOUND", "DEVICE_ENCRYPTED", "DEVICE_NOT_ACTIVE",
        "DEVICE_NOT_FOUND", "KVM_MISSING_CAP"]
    for kind in (ArgumentError, ArgumentTypeError, RangeError, PermissionDeniedError):
        assert kind("x").error_class is ErrorClass.GENERIC_ERROR
    assert "DEVICE_NOT_FOUND" not in "".join(templates)


# ---------------------------------------------------------------- row 61: paths and links

@pytest.fixture
def tree(types):
    """/a/b/c and /a/d/c and a lone e: things in a container."""
    types("thing")
    types("special", parent="thing")
    root = object_new("container")
    made = {"root": root}

    def add(parent, name, typename="thing"):
        obj = object_new(typename)
        made[parent].add_child(name, obj)
        obj.unref()
        made[obj.canonical_path()] = obj
        return obj

    a = add("root", "a")
    made["/a"] = a
    for parent, name in (("/a", "b"), ("/a/b", "c"), ("/a", "d"), ("/a/d", "c")):
        add(parent, name, "special" if name == "d" else "thing")
    return made


def test_row_61_canonical_paths(tree):
    for path, obj in tree.items():
        if path != "root":
            assert obj.canonical_path() == path == f.object_get_canonical_path(obj)
            assert object_resolve_path(path, tree["root"]) == (obj, False)
    assert tree["root"].canonical_path() == "/"
    assert object_resolve_path("/", tree["root"]) == (tree["root"], False)
    assert object_new("thing").canonical_path() is None
    assert f.object_get_canonical_path_component(tree["/a/b"]) == "b"
    assert "/a/d/c" in repr(tree["/a/d/c"])
    assert [o.canonical_path() for o in tree["root"].walk()] == [
        "/", "/a", "/a/b", "/a/b/c", "/a/d", "/a/d/c"]


def test_row_61_partial_and_ambiguous_paths(tree):
    root = tree["root"]
    assert object_resolve_path("b/c", root) == (tree["/a/b/c"], False)
    assert object_resolve_path("d", root) == (tree["/a/d"], False)
    assert object_resolve_path("c", root) == (None, True)
    assert object_resolve_path("x", root) == (None, False)
    assert object_resolve_path("", root) == (None, False)
    assert object_resolve_path("/a//b/c", root) == (tree["/a/b/c"], False)
    assert object_resolve_path("/b", root) == (None, False)
    assert f.object_resolve_path_type("d", "special", root) == (tree["/a/d"], False)
    assert f.object_resolve_path_type("b", "special", root) == (None, False)
    assert object_resolve_path("", object_get_root()) == (None, False)


def test_row_61_a_type_makes_a_path_unique(tree):
    tree["/a/b"].add_child("d", object_new("thing"))
    assert object_resolve_path("d", tree["root"]) == (None, True)
    assert f.object_resolve_path_type("d", "special", tree["root"]) == (tree["/a/d"], False)


def test_row_61_links(tree):
    a, c = tree["/a"], tree["/a/b/c"]
    a.add_property(link_property("to", "thing", check=allow_any))
    assert a.get("to") == ""
    slot = ErrorSlot()
    assert f.object_property_get_link(a, "to", slot) is None and not slot
    f.object_property_set_link(a, c, "to", errors.error_abort)
    assert a.get("to") == "/a/b/c" and c.refcnt == 2
    assert f.object_property_get_link(a, "to", None) is c
    assert object_resolve_path("/a/to", tree["root"]) == (c, False)    # links lead on, too
    assert object_resolve_path("b/c", tree["root"]) == (c, False)
    a.set("to", "d")
    assert c.refcnt == 1 and a.get("to") == "/a/d"
    a.set("to", None)
    assert a.get("to") == "" and tree["/a/d"].refcnt == 1


def test_row_61_dangling_link_is_device_not_found(tree):
    a, c = tree["/a"], tree["/a/b/c"]
    a.add_property(link_property("to", "thing", target=c, check=allow_any))
    c.unparent()
    slot = ErrorSlot()
    assert f.object_property_get_link(a, "to", slot) is None
    assert isinstance(slot.error, DeviceNotFoundError)
    assert errors.error_get_class(slot.error) is ErrorClass.DEVICE_NOT_FOUND
    assert slot.error.message == "Device '/a/b/c' not found"
    with pytest.raises(DeviceNotFoundError, match="^Device '/no/such' not found$"):
        a.set("to", "/no/such")


def test_row_61_ambiguous_is_generic_and_wrong_type_names_the_type(tree):
    a = tree["/a"]
    a.add_property(link_property("to", "thing", check=allow_any))
    a.add_property(link_property("spec", "special", check=allow_any))
    slot = ErrorSlot()
    f.object_property_set_str(a, "c", "to", slot)
    assert errors.error_get_class(slot.error) is ErrorClass.GENERIC_ERROR
    assert "does not uniquely identify" in slot.error.message
    with pytest.raises(ArgumentTypeError) as caught:
        a.set("spec", "/a/b")
    assert caught.value.message == messages.QERR_INVALID_PARAMETER_TYPE % ("spec", "special")
    assert a.get("to") == a.get("spec") == ""


def test_row_61_links_that_refuse(tree):
    a = tree["/a"]

    def check(obj, name, target):
        if target is tree["/a/d"]:
            raise ArgumentError("not that one")

    changes = []
    a.add_property(link_property("picky", "thing", check=check,
                                 changed=lambda o, t: changes.append(t)))
    a.add_property(link_property("fixed", "thing", target=tree["/a/b"]))
    a.set("picky", tree["/a/b"])
    with pytest.raises(ArgumentError, match="not that one"):
        a.set("picky", tree["/a/d"])
    assert a.get("picky") == "/a/b" and changes == [tree["/a/b"]]
    assert tree["/a/d"].refcnt == 1
    with pytest.raises(PermissionDeniedError):
        a.set("fixed", "")
    count = tree["/a/b"].refcnt
    a.delete_property("picky")
    a.delete_property("fixed")
    assert tree["/a/b"].refcnt == count - 2


def test_weak_links_hold_nothing(tree):
    a, b = tree["/a"], tree["/a/b"]
    a.add_property(link_property("weak", "thing", target=b, strong=False, check=allow_any))
    assert b.refcnt == 1
    a.set("weak", tree["/a/d"])
    a.set("weak", "")
    assert tree["/a/d"].refcnt == b.refcnt == 1


def test_children(tree):
    a, b = tree["/a"], tree["/a/b"]
    with pytest.raises(DuplicateError, match="has a parent"):
        a.add_child("again", b)
    with pytest.raises(ArgumentError, match="ancestor"):
        tree["/a/b/c"].add_child("loop", tree["root"])
    with pytest.raises(DuplicateError):
        a.add_child("b", object_new("thing"))
    with pytest.raises(PermissionDeniedError):
        a.set("b", "/a/d")
    assert a.get("b") == "/a/b" and a.find_property("b").type == "child<thing>"
    assert [a.add_child("x[*]", object_new("thing")).name for _ in range(2)] == ["x[0]", "x[1]"]
    assert list(a.children()) == ["b", "d", "x[0]", "x[1]"]
    assert f.object_child_foreach(a, lambda o: o.type == "special" and o) is tree["/a/d"]
    assert f.object_child_foreach_recursive(tree["root"], lambda o: None) == 0


def test_aliases(tree):
    a, b = tree["/a"], tree["/a/b"]
    b.level = 3
    b.add_property(int_property("level", "uint8", attribute="level", description="how much"))
    a.add_property(alias_property("b-level", b, "level"))
    assert a.get("b-level") == 3 and a.find_property("b-level").description == "how much"
    a.set("b-level", 9)
    assert b.level == 9
    with pytest.raises(RangeError):
        a.set("b-level", 256)
    a.add_property(alias_property("short", b, "c"))
    assert a.find_property("short").type == "link<thing>"
    assert object_resolve_path("/a/short", tree["root"]) == (tree["/a/b/c"], False)
    with pytest.raises(NameNotFoundError):
        alias_property("x", b, "none")
    b.add_property(int_property("ro", "int", lambda o: 1))
    a.add_property(alias_property("b-ro", b, "ro"))
    with pytest.raises(PermissionDeniedError):
        a.set("b-ro", 2)


def test_random_trees_resolve_what_they_say(types):
    types("thing")
    rng = random.Random(61)
    root = object_new("container")
    nodes = [root]
    for number in range(80):
        parent = rng.choice(nodes)
        child = object_new("thing")
        parent.add_child(f"n{number % 7}[*]", child)
        nodes.append(child)
    for node in nodes[1:]:
        path = node.canonical_path()
        assert object_resolve_path(path, root) == (node, False)
        last = node.canonical_component()
        same = [other for other in nodes[1:] if other.canonical_component() == last]
        found, ambiguous = object_resolve_path(last, root)
        assert ambiguous is (len(same) > 1) and (found is node or ambiguous)


def test_python_subclass_as_instance(types):
    class Counter(Object):
        def __init__(self, klass):
            super().__init__(klass)
            self.count = 0

        def tick(self):
            self.count += 1

    types("counter", instance=Counter, class_init=lambda k: k.add_property(
        int_property("count", "uint64", attribute="count", readonly=True)))
    types("sub-counter", parent="counter")
    obj = object_new("sub-counter")
    obj.tick()
    assert obj.get("count") == 1
    with pytest.raises(PermissionDeniedError):
        obj.set("count", 0)
