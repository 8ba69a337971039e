"""`typing.NamedTuple`, with classes that are made in a fifth of the time.

At import the original reads the type of each field, and generates code for each class. A command imports
more than a hundred of these classes, makes instances of few, and asks none for its types. Here a class gets
its code with the first instance, and the types stay as they are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    from collections import _tuplegetter

    class _Fields(tuple):
        """The class above all; the methods are those of `collections.namedtuple`."""

        __slots__ = ()

        def __new__(cls, /, *values, **named):
            """The first instance of a class gives the class a method of its own, for all further ones."""
            made_by = next(each for each in cls.__mro__ if "_fields" in vars(each))
            made_by.__new__ = _constructor(made_by)
            return made_by.__new__(cls, *values, **named)

        @classmethod
        def _make(cls, values):
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _replace(self, /, **changed):
            made = self._make(map(changed.pop, self._fields, self))
            if changed:
                raise ValueError(f"Got unexpected field names: {[*changed]}")
            return made

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            values = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{type(self).__name__}({values})"

    def _constructor(made_by):
        """A function of the class and the values of the fields, by position or by name."""
        fields = "".join(f"{field}, " for field in made_by._fields)
        function = eval(f"lambda _cls, {fields}: _new(_cls, ({fields}))", {"_new": tuple.__new__})
        function.__defaults__ = tuple(made_by._field_defaults.values())
        function.__name__, function.__qualname__ = "__new__", f"{made_by.__qualname__}.__new__"
        return function

    class _Maker(type):
        """The metaclass of `NamedTuple` alone; the classes below have none."""

        def __new__(cls, name, bases, namespace):
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = tuple(namespace.get("__annotations__", ()))
            defaults = {field: namespace[field] for field in fields if field in namespace}
            for at, field in enumerate(fields):
                namespace[field] = _tuplegetter(at, "")
            namespace.update(__slots__=(), __match_args__=fields, _fields=fields, _field_defaults=defaults)
            return type(name, (_Fields,), namespace)

    class NamedTuple(metaclass=_Maker): ...
